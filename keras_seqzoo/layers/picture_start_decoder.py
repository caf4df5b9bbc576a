"""A recurrent decoder that a picture starts."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.layers.by_name import recurrent_layer


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class PictureStartDecoder(keras.layers.Layer):
    """A recurrent layer that reads a picture as the word before the first.

        x_{-1} = the picture, x_t = a word;  h_t = cell(x_t, h_{t-1}),  h_{-2} = 0

    Args:
        cell: Name of the cell, as in `recurrent_layer`.
        units: Its units.
        cell_arguments: Further arguments of the cell's layer.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: picture `(batch, features)` and words `(batch, length, features)`; returns
    `(batch, length, output)`.

    Source: Vinyals et al. 2015, Show and Tell, arXiv 1411.4555, section 3.1.
    """

    def __init__(
        self, cell: str, units: int, cell_arguments: dict | None = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.cell_name = cell
        self.units = positive_integer("units", units)
        self.cell_arguments = dict(cell_arguments or {})
        self.recurrent = recurrent_layer(
            cell,
            self.units,
            return_sequences=True,
            name="recurrent",
            dtype=self.dtype_policy,
            **self.cell_arguments,
        )

    def build(self, picture_shape: tuple, words_shape: tuple) -> None:
        self.recurrent.build((words_shape[0], None, words_shape[-1]))
        self.built = True

    def begin(self, picture: Any) -> list:
        """The states after the picture, each `(batch, size)`."""
        cell = self.recurrent.cell
        states = cell.get_initial_state(batch_size=ops.shape(picture)[0])
        states = states if isinstance(states, (list, tuple)) else [states]
        return self.step(picture, list(states))[1]

    def step(self, word: Any, states: list) -> tuple[Any, list]:
        """One word `(batch, features)` on: `(output, states)`."""
        output, states = self.recurrent.cell(word, states, training=False)
        return output, list(states)

    def call(self, picture: Any, words: Any, training: bool = False) -> Any:
        inputs = ops.concatenate([ops.expand_dims(picture, 1), words], axis=1)
        return self.recurrent(inputs, training=training)[:, 1:]

    def compute_output_shape(self, picture_shape: tuple, words_shape: tuple) -> tuple:
        return *words_shape[:2], self.recurrent.cell.output_size

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "cell": self.cell_name,
            "units": self.units,
            "cell_arguments": self.cell_arguments,
        }
