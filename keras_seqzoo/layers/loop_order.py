"""A layer's inputs in the order in which its loop meets them."""

from typing import Any

from keras import ops

from keras_seqzoo.layers.cell_layer import CellLayer


def loop_order(
    layer: CellLayer, sequences: Any, mask: Any, training: bool
) -> tuple[Any, Any]:
    """The inputs, some dropped, and the mask, both from the loop's first step on.

    Masked steps are zero, so that nothing in the padding reaches the gradients.
    """
    sequences = layer.cell.drop_inputs(sequences, training)
    if layer.go_backwards:
        sequences = ops.flip(sequences, axis=1)
    if mask is None:
        return sequences, None
    mask = ops.cast(mask, "bool")
    mask = ops.flip(mask, axis=1) if layer.go_backwards else mask
    zeros = ops.zeros_like(sequences)
    return ops.where(mask[..., None], sequences, zeros), mask
