"""Checks of a model's arguments: each returns the value as it is kept, or names it."""

import numbers
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from keras_seqzoo.errors import UserError


def natural_number(name: str, value: Any) -> int:
    """`value` as an `int`; an error unless it is an integer of 0 or more."""
    integral = isinstance(value, numbers.Integral) and not isinstance(value, bool)
    if not integral or value < 0:
        raise _wrong(name, "0 or a positive integer", value)
    return int(value)


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


def different_strings(name: str, value: Any) -> list[str]:
    """`value` as a list; an error unless it has different, non-empty strings."""
    listed = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    entries = list(value) if listed else []
    if not listed or not all(isinstance(entry, str) and entry for entry in entries):
        raise _wrong(name, "a list of non-empty strings", value)
    if len(set(entries)) != len(entries):
        twice = next(entry for entry in entries if entries.count(entry) > 1)
        raise UserError(
            f"`{name}` must be different strings. Received: {twice!r} more than once"
        )
    return [str(entry) for entry in entries]


def named_values(name: str, value: Any) -> dict[str, Any]:
    """`value` as a `dict` with strings as keys."""
    if not isinstance(value, Mapping) or not all(isinstance(k, str) for k in value):
        raise _wrong(name, "a dict of arguments by name", value)
    return dict(value)


def _wrong(name: str, expected: str, value: Any) -> UserError:
    received = repr(value)
    if len(received) > 200:
        received = f"{received[:200]}..."
    return UserError(f"`{name}` must be {expected}. Received: {name}={received}")
