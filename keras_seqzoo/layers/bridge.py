"""From an encoder's last states to a decoder's first."""

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class Bridge(keras.layers.Layer):
    """The first states of a decoder, layer by layer.

    Where both read one way and have states of the same sizes, the decoder goes on where
    the encoder ended. Otherwise a state of `units` begins as tanh(W [s→; s←] + b) of
    the encoder's states of the same layer and number, and others as zeros.

    Args:
        sizes: The sizes of each decoder layer's states.
        units: Of the decoder.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: a list of states for each layer, as `RNNStack` returns them, each
    `(batch, size)`. Returns such a list for the decoder.

    Source: Sutskever et al. 2014, arXiv 1409.3215, section 2; tanh: Bahdanau et al.
    2015, arXiv 1409.0473, appendix A.2.2 (there of the backward state alone).
    """

    def __init__(self, sizes: list[list[int]], units: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.sizes = [list(layer) for layer in sizes]
        self.units = units

    def build(self, states_shape: list) -> None:
        self.first = {}  # (layer, state) -> Dense
        for i, (shapes, sizes) in enumerate(zip(states_shape, self.sizes)):
            given = [shape[-1] for shape in shapes]
            if given == sizes:
                continue
            for j, size in enumerate(sizes):
                if size == self.units:
                    dense = keras.layers.Dense(
                        size,
                        activation="tanh",
                        name=f"first_{i}_{j}",
                        dtype=self.dtype_policy,
                    )
                    dense.build((None, sum(given[j :: len(sizes)])))
                    self.first[f"{i}_{j}"] = dense
        self.built = True

    def call(self, states: list) -> list:
        return [self._layer(i, given) for i, given in enumerate(states)]

    def _layer(self, i: int, given: list) -> list:
        sizes = self.sizes[i]
        if [state.shape[-1] for state in given] == sizes:
            return list(given)
        found = []
        for j, size in enumerate(sizes):
            if size == self.units:
                both = ops.concatenate(given[j :: len(sizes)], axis=-1)
                found.append(self.first[f"{i}_{j}"](both))
            else:
                zero = ops.zeros_like(given[0][:, :1])
                found.append(zero + ops.zeros((1, size), zero.dtype))
        return found

    def compute_output_shape(self, states_shape: list) -> list:
        batch = states_shape[0][0][0]
        return [[(batch, size) for size in sizes] for sizes in self.sizes]

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "sizes": self.sizes, "units": self.units}
