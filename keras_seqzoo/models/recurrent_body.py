"""The recurrent stack that a model's name, size and cell arguments stand for."""

from typing import Any

from keras_seqzoo.arguments import named_values
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.layers.rnn_stack import RNNStack

# Arguments of the recurrent layers that are the stack's to set.
_OF_THE_STACK = (
    "units",
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "use_bias",
    "name",
    "dtype",
)


def recurrent_body(
    x: Any,
    mask: Any = None,
    *,
    cell: str,
    units: int,
    num_layers: int,
    bidirectional: bool,
    dropout: float,
    cell_arguments: dict[str, Any],
) -> Any:
    """An `RNNStack` named "body" over a sequence, with one dropout mask for all steps.

    Args:
        x: `(batch, length, features)`, symbolic.
        mask: booleans `(batch, length)`, or None.
        cell, units, num_layers, bidirectional, dropout, cell_arguments: of `RNNStack`.

    Returns:
        The last layer's output at every step, `(batch, length, size)`.

    Raises:
        UserError: a cell argument is wrong.
    """
    try:
        return RNNStack(
            cell,
            x.shape[-1],
            units,
            num_layers,
            dropout=dropout,
            bidirectional=bidirectional,
            variational_dropout=True,
            cell_arguments=cell_arguments,
            name="body",
        )(x, mask=mask)
    except (TypeError, ValueError, OverflowError) as error:
        if not cell_arguments:
            raise
        reason = first_line(error)
        raise UserError(f"`cell_arguments` of {cell}: {reason}") from error


def checked_cell_arguments(value: Any) -> dict[str, Any]:
    """The argument `cell_arguments` of a model: {} for None.

    Raises:
        UserError: It is no dict with names, or has what is the stack's to set.
    """
    arguments = named_values("cell_arguments", {} if value is None else value)
    for key in _OF_THE_STACK:
        if key in arguments:
            raise UserError(
                f"`cell_arguments` must be without {', '.join(_OF_THE_STACK)}. "
                f"Received: cell_arguments={arguments}"
            )
    for key in {"dropout", "recurrent_dropout"} & set(arguments):
        rate(f"cell_arguments.{key}", arguments[key])
    return arguments
