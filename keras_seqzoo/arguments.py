"""Checks of arguments: each returns the value as it is kept, or names it."""

import numbers
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_seqzoo.errors import UserError

MOST_LAYERS = 100  # of a stack
MOST_BEAMS = 256  # of a search


def natural_number(name: str, value: Any) -> int:
    """`value` as an `int`; an error unless it is an integer of 0 or more."""
    if not _is_integer(value) or value < 0:
        raise _wrong(name, "0 or a positive integer", value)
    return int(value)


def positive_integer(name: str, value: Any, most: int | None = None) -> int:
    """`value` as an `int`; an error unless it is an integer of 1 or more."""
    if not _is_integer(value) or value < 1 or (most is not None and value > most):
        limit = "" if most is None else f" of at most {most}"
        raise _wrong(name, f"a positive integer{limit}", value)
    return int(value)


def layer_count(value: Any) -> int:
    """`num_layers` as an `int`; an error unless it is an integer of 1 to MOST_LAYERS.

    (They are made one by one: a million would take an hour before memory ends.)
    """
    return positive_integer("num_layers", value, most=MOST_LAYERS)


def beam_count(value: Any) -> int:
    """`beams` as an `int`; an error unless it is an integer of 1 to MOST_BEAMS.

    (A search holds states, scores and texts of each beam, CTC's compares each two: some
    thousands take all memory.)
    """
    return positive_integer("beams", value, most=MOST_BEAMS)


def number(name: str, value: Any) -> float:
    """`value` as a `float`; an error unless it is a finite number."""
    if not _is_finite(value):
        raise _wrong(name, "a number", value)
    return float(value)


def number_from_0(name: str, value: Any) -> float:
    """`value` as a `float`; an error unless it is a finite number of 0 or more."""
    if not _is_finite(value) or value < 0:
        raise _wrong(name, "a number from 0 on", value)
    return float(value)


def truth(name: str, value: Any) -> bool:
    """`value` as a `bool`; an error for anything that is only true or false by use."""
    if not isinstance(value, bool | np.bool_):
        raise _wrong(name, "True or False", value)
    return bool(value)


def text(name: str, value: Any) -> str:
    """`value` if it is a string."""
    if not isinstance(value, str):
        raise _wrong(name, "a string", value)
    return value


def one_of(name: str, value: Any, allowed: Iterable[str]) -> str:
    """`value` if it is one of the allowed strings."""
    allowed = list(allowed)
    if not isinstance(value, str) or value not in allowed:
        raise _wrong(name, f"one of {', '.join(allowed)}", value)
    return value


def path(name: str, value: Any) -> Path:
    """`value` as a `Path`."""
    if not isinstance(value, str | os.PathLike):
        raise _wrong(name, "a path", value)
    return Path(value)


def folder(name: str, value: Any) -> Path:
    """`value` as the `Path` of a folder that is there."""
    found = path(name, value).expanduser()
    if not found.is_dir():
        raise _wrong(name, "a folder that is there", value)
    return found


def listed(name: str, value: Any, entries: str) -> list:
    """`value` as a list; an error for a string, and for what has no entries.

    Args:
        name: The argument's name.
        value: What was given.
        entries: What the entries must be, for the error.
    """
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return list(value)
    except TypeError:
        raise _wrong(name, f"a list of {entries}", value) from None


def strings(name: str, value: Any) -> list[str]:
    """`value` as a list; an error unless it has strings of valid Unicode."""
    if isinstance(value, str | bytes):
        raise UserError(
            f"`{name}` must be a list of strings. Received one string: {value!r}"
        )
    found = listed(name, value, "strings")
    for number, entry in enumerate(found):
        if not isinstance(entry, str):
            raise UserError(
                f"`{name}` must be a list of strings. Received at position "
                f"{number}: {entry!r}"
            )
        try:
            entry.encode()
        except UnicodeEncodeError as error:
            raise UserError(
                f"`{name}` must be valid Unicode. Received at position "
                f"{number}: {entry!r}"
            ) from error
    return found


def different_strings(name: str, value: Any) -> list[str]:
    """`value` as a list; an error unless it has different, non-empty strings."""
    entries = listed(name, value, "non-empty strings")
    if not all(isinstance(entry, str) and entry for entry in entries):
        raise _wrong(name, "a list of non-empty strings", value)
    if len(set(entries)) != len(entries):
        twice = next(entry for entry in entries if entries.count(entry) > 1)
        raise UserError(
            f"`{name}` must be different strings. Received: {twice!r} more than once"
        )
    return [str(entry) for entry in entries]


def different_words(name: str, value: Any) -> list[str]:
    """`different_strings` without the white space that sentences are split at."""
    words = different_strings(name, value)
    for word in words:
        if re.search(r"\s", word, re.ASCII):
            raise _wrong(name, "words without white space", word)
    return words


def different_characters(name: str, value: Any) -> list[str]:
    """`different_strings` of one character each."""
    characters = different_strings(name, value)
    for character in characters:
        if len(character) != 1:
            raise _wrong(name, "single characters", character)
    return characters


def named_values(name: str, value: Any) -> dict[str, Any]:
    """`value` as a `dict` with strings as keys."""
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise _wrong(name, "a dict of arguments by name", value)
    return dict(value)


def _is_integer(value: Any) -> bool:
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_finite(value: Any) -> bool:
    real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    return real and abs(value) < float("inf")


def received(value: Any, name: str = "") -> str:
    """`value`, with `name=` before it, as an error ends, in one line of some length."""
    shown = repr(value).replace("\n", " ")  # an array's has several lines
    if len(shown) > 200:
        shown = f"{shown[:200]}..."
    return f"Received: {name}={shown}" if name else f"Received: {shown}"


def _wrong(name: str, expected: str, value: Any) -> UserError:
    return UserError(f"`{name}` must be {expected}. {received(value, name)}")
