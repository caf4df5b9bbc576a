"""What a recurrent layer is called with, checked as far as the shapes are known.

The errors are plain `ValueError`s: AutoGraph makes other errors of their subclasses.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops, tree

from keras_seqzoo.layers.scan import loops_for_export


def initial_states(
    given: Any, sizes: Sequence[int], sequences: Any, dtype: str
) -> list:
    """The states before the first step as tensors `(batch, size)`.

    Args:
        given: A list of them, or the only one; a batch of 1 serves every row.
        sizes: Their sizes.
        sequences: `(batch, time, features)`.
        dtype: Theirs afterwards.

    Raises:
        ValueError: if there are more or fewer of them, or one has another shape.
    """
    states = given if isinstance(given, (list, tuple)) else [given]
    states = [ops.convert_to_tensor(state, dtype=dtype) for state in states]
    batch = sequences.shape[0]
    shapes = [tuple(state.shape) for state in states]
    wanted = [(batch, size) for size in sizes]
    fit = [
        fits(shape, (want[0] if shape[:1] != (1,) else 1, want[1]))
        for shape, want in zip(shapes, wanted)
    ]
    if len(shapes) != len(wanted) or not all(fit):
        raise ValueError(
            f"`initial_state` must be a list of {len(wanted)} tensors, of shapes "
            f"{wanted}. Received: {len(shapes)}, of shapes {shapes}"
        )
    if loops_for_export():
        return states
    # The engine takes rows: it must find one for each of the sequences, and no more.
    column = ops.zeros((ops.shape(sequences)[0], 1), dtype=dtype)
    return [
        state if state.shape[0] == batch and batch is not None else state + column
        for state in states
    ]


def steps_that_count(mask: Any, sequences: Any) -> Any:
    """Booleans `(batch, time)` from a mask in any form that Keras takes.

    Raises:
        ValueError: if it is not one for each step of the sequences.
    """
    first = tree.flatten(mask)[0]
    mask = ops.cast(first if getattr(first, "shape", ()) else mask, "bool")
    mask = ops.squeeze(mask, -1) if len(mask.shape) == 3 else mask
    shape, wanted = tuple(mask.shape), tuple(sequences.shape[:2])
    if not fits(shape, wanted):
        raise ValueError(
            "`mask` must have the batch and the steps of the sequences, shape "
            f"{wanted}. Received: shape {shape}"
        )
    return mask


def without_padding(sequences: Any, mask: Any) -> Any:
    """Zeros at masked steps: what stands there, NaN say, must reach no gradient."""
    if loops_for_export():
        return sequences
    return ops.where(mask[..., None], sequences, ops.zeros_like(sequences))


def require_steps(sequences: Any) -> None:
    """An error for sequences of no steps: there is no last output."""
    if sequences.shape[1] == 0:
        raise ValueError(
            "A sequence must have one step or more. Received: sequences of shape "
            f"{tuple(sequences.shape)}"
        )


def fits(shape: tuple, wanted: tuple) -> bool:
    """Whether they are the same where both are known."""
    return len(shape) == len(wanted) and all(
        a == b or a is None or b is None for a, b in zip(shape, wanted)
    )
