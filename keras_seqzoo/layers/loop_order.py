"""A layer's inputs in the order in which its loop meets them."""

from typing import Any

from keras import ops


def loop_order(sequences: Any, mask: Any, go_backwards: bool) -> tuple[Any, Any]:
    """`(batch, time, ...)` and the mask, if any, both from the loop's first step on."""
    if not go_backwards:
        return sequences, mask
    mask = None if mask is None else ops.flip(mask, axis=1)
    return ops.flip(sequences, axis=1), mask
