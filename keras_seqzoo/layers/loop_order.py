"""A layer's inputs in the order in which its loop meets them."""

from typing import Any

from keras import ops

from keras_seqzoo.layers.cell_layer import CellLayer


def loop_order(
    layer: CellLayer, sequences: Any, mask: Any, training: bool
) -> tuple[Any, Any]:
    """The inputs, some dropped, and the mask, both from the loop's first step on."""
    sequences = layer.cell.drop_inputs(sequences, training)
    if layer.go_backwards:
        sequences = ops.flip(sequences, axis=1)
        mask = None if mask is None else ops.flip(mask, axis=1)
    return sequences, mask
