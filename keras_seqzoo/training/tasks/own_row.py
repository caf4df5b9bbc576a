"""What checks of a user's rows have in common."""

import inspect
from typing import Any

from keras_seqzoo.arguments import received, strings
from keras_seqzoo.errors import UserError


def as_row(kind: type, row: Any) -> Any:
    """A row as the NamedTuple or dataclass that a task has for it.

    Args:
        kind: Its class; fields with a default may be left out.
        row: One of it, or a tuple or list of its fields in their order.

    Raises:
        UserError: It is neither.
    """
    if isinstance(row, kind):
        return row
    fields = inspect.signature(kind).parameters
    needed = [name for name, one in fields.items() if one.default is one.empty]
    if not isinstance(row, tuple | list) or not len(needed) <= len(row) <= len(fields):
        raise UserError(f"must be a tuple ({', '.join(needed)}). {received(row)}")
    return kind(*row)


def own_text(name: str, value: Any) -> str:
    """`value` if it is a string with more than white space in it.

    Raises:
        UserError: It is not.
    """
    if not isinstance(value, str) or not value.strip():
        raise UserError(
            f"`{name}` must be a string that is not empty. {received(value)}"
        )
    return strings(name, [value])[0]


def unwritable(name: str, unit: str, found: list[str], known: list[str]) -> UserError:
    """The error of a text with what the model cannot write.

    Args:
        name: Of the text.
        unit: What its parts are, in the plural.
        found: Those that the model lacks.
        known: Those that it has.
    """
    return UserError(
        f"`{name}` must be of the model's {len(known)} {unit} ({_some(known)}). "
        f"Received: {_some(found)}"
    )


def _some(entries: list[str], most: int = 12) -> str:
    entries = list(dict.fromkeys(entries))
    return ", ".join(map(repr, entries[:most])) + (", ..." * (len(entries) > most))
