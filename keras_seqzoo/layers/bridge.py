"""From an encoder's last states to a decoder's first."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class Bridge(keras.layers.Layer):
    """The first states of a decoder, layer by layer.

    Where both read one way and have states of the same sizes, the decoder goes on where
    the encoder ended. Otherwise a state of `units` begins as tanh(W [s→; s←] + b) of
    the encoder's states of the same layer and number, or of its first ones, and others
    as zeros.

    Args:
        sizes: The sizes of each decoder layer's states.
        units: Of the decoder.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: the encoder's states, `(batch, size)` each: a list for each layer, of a list
    for each direction. Returns a list for each layer of the decoder.

    Source: Sutskever et al. 2014, arXiv 1409.3215, section 2; tanh: Bahdanau et al.
    2015, arXiv 1409.0473, appendix A.2.2 (there of the backward state alone).
    """

    def __init__(self, sizes: list[list[int]], units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = [list(layer) for layer in sizes]
        self.units = units

    def build(self, states_shape: list) -> None:
        self.first = {}  # "layer_state" -> Dense
        for i, (shapes, sizes) in enumerate(zip(states_shape, self.sizes)):
            given = [[shape[-1] for shape in direction] for direction in shapes]
            if given == [sizes]:
                continue
            for j, size in enumerate(sizes):
                if size == self.units:
                    dense = keras.layers.Dense(
                        size,
                        activation="tanh",
                        name=f"first_{i}_{j}",
                        dtype=self.dtype_policy,
                    )
                    dense.build((None, sum(one[_number(one, j)] for one in given)))
                    self.first[f"{i}_{j}"] = dense
        self.built = True

    def call(self, states: list) -> list:
        return [self._layer(i, given) for i, given in enumerate(states)]

    def _layer(self, i: int, given: list) -> list:
        sizes = self.sizes[i]
        of_given = [[state.shape[-1] for state in direction] for direction in given]
        if of_given == [sizes]:
            return list(given[0])
        found = []
        for j, size in enumerate(sizes):
            if size == self.units:
                number = _number(of_given[0], j)
                both = [direction[number] for direction in given]
                found.append(self.first[f"{i}_{j}"](ops.concatenate(both, axis=-1)))
            else:
                zero = ops.zeros_like(given[0][0][:, :1])
                found.append(zero + ops.zeros((1, size), zero.dtype))
        return found

    def compute_output_shape(self, states_shape: list) -> list:
        batch = states_shape[0][0][0][0]
        return [[(batch, size) for size in sizes] for sizes in self.sizes]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sizes": self.sizes, "units": self.units}


def _number(sizes: list[int | None], j: int) -> int:
    """The number of the encoder's state that state j of the decoder begins with."""
    return j if j < len(sizes) and sizes[j] == sizes[0] else 0
