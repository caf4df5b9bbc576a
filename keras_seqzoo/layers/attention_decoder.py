"""A recurrent decoder that looks at another part of a grid at each step."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.layers.by_name import recurrent_layer
from keras_seqzoo.layers.scan import scan


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class AttentionDecoder(keras.layers.Layer):
    """A cell that reads a word and what soft attention sees of the grid.

        e_i = v . tanh(W g_i + U h' + b)      for each place i of the grid
        a   = softmax(e)
        z   = σ(h' . u + b_u) Σ_i a_i g_i
        h   = cell([x, z], h')
        output = [h, z]

    The states of size `units` begin as tanh(S mean_i(g_i) + b_s), others as zeros.

    Args:
        cell: Name of the cell, as in `recurrent_layer`.
        units: Its units.
        attention_units: Size of the attention's hidden layer.
        doubly_stochastic: Weight λ of the regulariser λ Σ_i (1 − Σ_t a_ti)², summed
            over the batch and divided by its number of words.
        cell_arguments: Further arguments of the cell's layer.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: grid `(batch, places, size)`, words `(batch, length, features)` and `mask`,
    booleans `(batch, length)`, of the words that the regulariser counts. Returns
    outputs `(batch, length, output + size)` and weights `(batch, length, places)`.

    Source: Xu et al. 2015, Show, Attend and Tell, arXiv 1502.03044, sections 3.1.2 and
    4.2 (soft attention; doubly stochastic).
    """

    def __init__(
        self,
        cell: str,
        units: int,
        attention_units: int,
        doubly_stochastic: float = 1.0,
        cell_arguments: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell_name = cell
        self.units = positive_integer("units", units)
        self.attention_units = positive_integer("attention_units", attention_units)
        self.doubly_stochastic = float(doubly_stochastic)
        self.cell_arguments = dict(cell_arguments or {})
        policy = {"dtype": self.dtype_policy}
        layer = recurrent_layer(cell, self.units, **self.cell_arguments, **policy)
        self.cell = layer.cell
        dense = keras.layers.Dense
        self.key = dense(self.attention_units, name="key", **policy)
        self.query = dense(self.attention_units, use_bias=False, name="query", **policy)
        self.score = dense(1, use_bias=False, name="score", **policy)
        self.gate = dense(1, activation="sigmoid", name="gate", **policy)
        self.learned = [
            index
            for index, state in enumerate(self._zero_states(1))
            if state.shape[-1] == self.units
        ]
        self.first = [
            dense(self.units, activation="tanh", name=f"first_{index}", **policy)
            for index in self.learned
        ]

    def build(self, grid_shape: tuple, words_shape: tuple) -> None:
        size = grid_shape[-1]
        self.key.build((None, None, size))
        self.query.build((None, self.units))
        self.score.build((None, None, self.attention_units))
        self.gate.build((None, self.units))
        for layer in self.first:
            layer.build((None, size))
        self.cell.build((None, words_shape[-1] + size))
        self.built = True

    def begin(self, grid: Any) -> list:
        """The states before the first word, each `(batch, size)`."""
        mean = ops.mean(grid, axis=1)
        states = self._zero_states(ops.shape(grid)[0])
        for index, layer in zip(self.learned, self.first):
            states[index] = layer(mean)
        return states

    def step(self, word: Any, states: list, grid: Any, keys: Any) -> tuple:
        """One word `(batch, features)` on: `(output, states, weights)`.

        `keys` are `self.key(grid)`, the same for all words.
        """
        h = states[0]
        e = self.score(ops.tanh(keys + ops.expand_dims(self.query(h), 1)))
        a = ops.softmax(ops.squeeze(e, -1), axis=-1)  # (batch, places)
        seen = ops.squeeze(ops.matmul(ops.expand_dims(a, 1), grid), 1)
        z = self.gate(h) * seen  # (batch, size)
        output, states = self.cell(
            ops.concatenate([word, z], axis=-1), states, training=False
        )
        return ops.concatenate([output, z], axis=-1), list(states), a

    def call(
        self, grid: Any, words: Any, mask: Any = None, training: bool = False
    ) -> tuple[Any, Any]:
        keys, places = self.key(grid), grid.shape[1]

        def step(word, states):
            output, states, a = self.step(word, states, grid, keys)
            return ops.concatenate([output, a], axis=-1), states

        _, found, _ = scan(step, words, self.begin(grid))
        outputs, weights = found[..., :-places], found[..., -places:]
        if training and self.doubly_stochastic:
            self.add_loss(self._penalty(weights, mask))
        return outputs, weights

    def _penalty(self, weights: Any, mask: Any) -> Any:
        count = ops.cast(ops.prod(ops.shape(weights)[:2]), "float32")
        if mask is not None:
            weights = weights * ops.cast(mask, weights.dtype)[..., None]
            count = ops.sum(ops.cast(mask, "float32"))
        missed = ops.square(1.0 - ops.sum(weights, axis=1))  # (batch, places)
        return self.doubly_stochastic * ops.sum(missed) / ops.maximum(count, 1.0)

    def compute_mask(self, *args: Any, **kwargs: Any) -> tuple[None, None]:
        return None, None

    def compute_output_shape(self, grid_shape: tuple, words_shape: tuple) -> tuple:
        batch, places, size = grid_shape
        length, output = words_shape[1], self.cell.output_size
        return (batch, length, output + size), (batch, length, places)

    def _zero_states(self, batch: Any) -> list:
        states = self.cell.get_initial_state(batch_size=batch)
        return list(states) if isinstance(states, (list, tuple)) else [states]

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "cell": self.cell_name,
            "units": self.units,
            "attention_units": self.attention_units,
            "doubly_stochastic": self.doubly_stochastic,
            "cell_arguments": self.cell_arguments,
        }
