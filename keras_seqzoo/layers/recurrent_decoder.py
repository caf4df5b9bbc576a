"""A stack of cells that writes a sequence from what an encoder read."""

from typing import Any, ClassVar

import keras
from keras import ops

from keras_seqzoo.arguments import layer_count, named_values, positive_integer
from keras_seqzoo.layers.bridge import Bridge
from keras_seqzoo.layers.rnn_stack import RNNStack
from keras_seqzoo.layers.scan import scan


class RecurrentDecoder(keras.layers.Layer):
    """Base of the decoders, of which a subclass writes one step.

    Training runs the step over all words at once (teacher forcing), a search runs it
    word by word.

    Args:
        cell: Name of the cells, as in `recurrent_layer`.
        units: Of each layer.
        size: Of what it puts out for each word.
        num_layers: Layers of cells.
        dropout: Dropout rate of what the cells read but for the word, one mask for all
            steps.
        cell_arguments: Further arguments of the recurrent layers.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: words before each word `(batch, length, features)`; source
    `(batch, source_steps, source_size)`; `mask`, floats `(batch, source_steps)`, 1
    where there is a step; `states`, the encoder's last, as `Bridge` takes them. Returns
    `(batch, length, size)`.
    """

    attends: ClassVar[bool]  # Whether a step gives weights of the source steps.

    def __init__(
        self,
        cell: str,
        units: int,
        size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        cell_arguments: dict | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.cell = cell
        self.units = positive_integer("units", units)
        self.size = positive_integer("size", size)
        self.num_layers = layer_count(num_layers)
        self.drop = keras.layers.Dropout(dropout, dtype=self.dtype_policy)
        self.cell_arguments = named_values("cell_arguments", cell_arguments or {})

    # What a subclass writes.

    def read_size(self, word_size: int, source_size: int) -> int:
        """The size of what the first cell reads."""
        raise TypeError(f"{type(self).__name__} must define `read_size`.")

    def build_step(self, word_size: int, source_size: int) -> None:
        """Makes the weights besides those of the cells."""
        raise TypeError(f"{type(self).__name__} must define `build_step`.")

    def begin_step(self, source: Any, mask: Any) -> tuple[list, list]:
        """What is the same for all words, and states `(batch, size)` of its own."""
        raise TypeError(f"{type(self).__name__} must define `begin_step`.")

    def step(
        self, word: Any, states: list, own: list, fixed: list, masks: list
    ) -> tuple:
        """One word on.

        Args:
            word: `(batch, word_size)`.
            states: Of the cells, a list for each layer.
            own: Its own states.
            fixed: What `begin_step` gave.
            masks: Dropout's factors of each of `dropped_sizes`, or [].

        Returns:
            `(output, states, own states, weights)`: output `(batch, any size)`, weights
            `(batch, source_steps)`, or None if the decoder does not attend.
        """
        raise TypeError(f"{type(self).__name__} must define `step`.")

    def finished(self, outputs: Any, words: Any) -> Any:
        """From outputs of steps to what is put out, of one step or all at once."""
        return outputs

    def dropped_sizes(self, source_size: int) -> list[int]:
        """The sizes of what dropout's masks are drawn for, beside those of layers."""
        return []

    # The rest.

    def build(
        self, words_shape: tuple, source_shape: tuple, states_shape: list
    ) -> None:
        word_size, source_size = words_shape[-1], source_shape[-1]
        self.stack = RNNStack(
            self.cell,
            self.read_size(word_size, source_size),
            self.units,
            self.num_layers,
            cell_arguments=self.cell_arguments,
            dtype=self.dtype_policy,
            name="stack",
        )
        self.stack.build((None, None, self.stack.input_size))
        cells = [layer.cell for layer in self.stack.rnn_layers]
        self.state_sizes = [_listed(cell.state_size) for cell in cells]
        self.output_size = cells[-1].output_size
        self.bridge = Bridge(
            self.state_sizes, self.units, dtype=self.dtype_policy, name="bridge"
        )
        self.bridge.build(states_shape)
        self.build_step(word_size, source_size)
        self.built = True

    def begin(self, source: Any, mask: Any, states: list) -> tuple[list, list]:
        """What is the same for all words, and the states before the first, flat."""
        fixed, own = self.begin_step(source, mask)
        cells = [state for layer in self.bridge(states) for state in layer]
        return fixed, [*cells, *own]

    def follow(self, word: Any, states: list, fixed: list) -> tuple[Any, list, Any]:
        """One word `(batch, word_size)` on: `(output, states, weights)`."""
        output, states, weights = self._follow(word, states, fixed, [])
        return self.finished(output, word), states, weights

    def call(
        self, words: Any, source: Any, mask: Any, states: list, training: bool = False
    ) -> Any:
        fixed, states = self.begin(source, mask, states)
        masks = self._masks(source, training)

        def step(word: Any, states: list) -> tuple[Any, list]:
            return self._follow(word, states, fixed, masks)[:2]

        return self.finished(scan(step, words, states)[1], words)

    def through_cells(self, x: Any, states: list, masks: list) -> tuple[Any, list]:
        """`x` `(batch, features)` through the cells of all layers."""
        after = []
        for i, layer in enumerate(self.stack.rnn_layers):
            if i and masks:
                x = x * masks[i - 1]
            x, state = layer.cell(x, states[i], training=False)
            after.append(_listed(state))
        return x, after

    def _follow(self, word, states, fixed, masks):
        states = iter(states)
        cells = [[next(states) for _ in sizes] for sizes in self.state_sizes]
        output, cells, own, weights = self.step(word, cells, list(states), fixed, masks)
        return output, [*(s for layer in cells for s in layer), *own], weights

    def _masks(self, source, training):
        if not training or not self.drop.rate:
            return []
        sizes = [layer.cell.output_size for layer in self.stack.rnn_layers[:-1]]
        one = ops.ones_like(source[:, 0, :1])
        return [
            self.drop(one * ops.ones((1, size), one.dtype), training=True)
            for size in [*sizes, *self.dropped_sizes(source.shape[-1])]
        ]

    def compute_mask(self, *args: Any, **kwargs: Any) -> None:
        return None

    def compute_output_shape(self, words_shape: tuple, *_: Any, **__: Any) -> tuple:
        return *words_shape[:2], self.size

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "cell": self.cell,
            "units": self.units,
            "size": self.size,
            "num_layers": self.num_layers,
            "dropout": self.drop.rate,
            "cell_arguments": self.cell_arguments,
        }


def _listed(value: Any) -> list:
    return list(value) if isinstance(value, (list, tuple)) else [value]
