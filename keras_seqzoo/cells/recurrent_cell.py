"""What every cell of this package shares: its weights' settings and dropout."""

import numbers
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import keras
from keras import ops

# Keras has no public name for the mix-in through which `keras.layers.RNN` draws
# one dropout mask per sequence; without it each time step would draw its own.
from keras.src.layers.rnn.dropout_rnn_cell import DropoutRNNCell

from keras_seqzoo.arguments import positive_integer, truth


def rate(name: str, value: float) -> float:
    """Return `value` if it is a dropout rate in [0, 1), else raise `ValueError`."""
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0.0 <= value < 1.0:
        raise ValueError(
            f"`{name}` must be a number in [0, 1). Received: {name}={value!r}"
        )
    return float(value)


def refuse(cell: str, kwargs: dict, names: tuple[str, ...]) -> None:
    """Raise `TypeError` for the first of `names` that is in `kwargs`."""
    for name in names:
        if name in kwargs:
            raise TypeError(f"{cell} has no argument {name!r}.")


class RecurrentCell(keras.layers.Layer, DropoutRNNCell):
    """Base of the cells: one time step, split where the previous state comes in.

    A subclass writes `build` (its weights) and

    - `project(inputs)`, where it is not x W + b: all that does not depend on the
      previous state. It works on one step, `(batch, features)`, and on a whole
      sequence, `(batch, time, features)`, so that a layer runs it once for all steps.
    - `step(projected, states, recurrent_dropout_mask)`: the rest; returns
      `(output, new_states)`.

    It names in `unused` those of the arguments below that it refuses, for they would
    do nothing.

    Args:
        units: Positive integer, the size of the hidden state.
        use_bias: Whether the cell adds a bias.
        kernel_initializer, recurrent_initializer, bias_initializer: Initialisers
            of the weights that read the input, the state, and of the bias.
        kernel_regularizer, recurrent_regularizer, bias_regularizer: As above.
        kernel_constraint, recurrent_constraint, bias_constraint: As above.
        dropout: Share of the inputs to drop, one mask for all time steps.
        recurrent_dropout: Share of the previous hidden state to drop.
        seed: Integer seed of the dropout masks.
        **kwargs: Arguments of `keras.layers.Layer` (`name`, `dtype`, ...).
    """

    unused: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        units: int,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        recurrent_initializer: Any = "orthogonal",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        recurrent_regularizer: Any = None,
        bias_regularizer: Any = None,
        kernel_constraint: Any = None,
        recurrent_constraint: Any = None,
        bias_constraint: Any = None,
        dropout: float = 0.0,
        recurrent_dropout: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.units = positive_integer("units", units)
        self.use_bias = truth("use_bias", use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)
        self.recurrent_initializer = keras.initializers.get(recurrent_initializer)
        self.bias_initializer = keras.initializers.get(bias_initializer)
        self.kernel_regularizer = keras.regularizers.get(kernel_regularizer)
        self.recurrent_regularizer = keras.regularizers.get(recurrent_regularizer)
        self.bias_regularizer = keras.regularizers.get(bias_regularizer)
        self.kernel_constraint = keras.constraints.get(kernel_constraint)
        self.recurrent_constraint = keras.constraints.get(recurrent_constraint)
        self.bias_constraint = keras.constraints.get(bias_constraint)
        self.dropout = rate("dropout", dropout)
        self.recurrent_dropout = rate("recurrent_dropout", recurrent_dropout)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.state_size: int | list[int] = self.units
        self.output_size = self.units

    def add_kernel(self, name: str, shape: Sequence[int]) -> keras.Variable:
        """Add a weight that reads the input."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self.kernel_initializer,
            regularizer=self.kernel_regularizer,
            constraint=self.kernel_constraint,
        )

    def add_recurrent_kernel(self, name: str, shape: Sequence[int]) -> keras.Variable:
        """Add a weight that reads the previous state."""
        return self.add_weight(
            name=name,
            shape=shape,
            initializer=self.recurrent_initializer,
            regularizer=self.recurrent_regularizer,
            constraint=self.recurrent_constraint,
        )

    def add_bias(
        self, size: int, initializer: Callable | None = None
    ) -> keras.Variable | None:
        """Add the bias, or nothing without `use_bias`."""
        if not self.use_bias:
            return None
        return self.add_weight(
            name="bias",
            shape=(size,),
            initializer=initializer or self.bias_initializer,
            regularizer=self.bias_regularizer,
            constraint=self.bias_constraint,
        )

    def forget_bias(self, gates: int, position: int) -> Callable:
        """An initialiser of a `gates * units` bias whose forget gate starts at 1.

        Source: Jozefowicz et al. 2015, An Empirical Exploration of Recurrent
        Network Architectures.
        """

        def initialize(shape: Sequence[int], dtype: str | None = None) -> Any:
            del shape
            parts = [
                ops.ones((self.units,), dtype)
                if gate == position
                else self.bias_initializer((self.units,), dtype=dtype)
                for gate in range(gates)
            ]
            return ops.concatenate(parts)

        return initialize

    def drop_inputs(self, inputs: Any, training: bool) -> Any:
        """Apply the sequence's input dropout mask to one step or to all steps."""
        if not training or not self.dropout:
            return inputs
        one_step = inputs if len(inputs.shape) == 2 else inputs[:, 0, :]
        mask = self.get_dropout_mask(one_step)
        return inputs * (mask if len(inputs.shape) == 2 else mask[:, None, :])

    def recurrent_mask(self, hidden: Any, training: bool) -> Any:
        """The sequence's dropout mask of the previous hidden state, or None."""
        if not training or not self.recurrent_dropout:
            return None
        return self.get_recurrent_dropout_mask(hidden)

    def project(self, inputs: Any) -> Any:
        """x W + b: `(..., features)` to `(..., gates · units)`."""
        z = ops.matmul(inputs, self.kernel)
        return z if self.bias is None else z + self.bias

    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        states = list(states) if isinstance(states, (list, tuple)) else [states]
        projected = self.project(self.drop_inputs(inputs, training))
        return self.step(projected, states, self.recurrent_mask(states[0], training))

    def get_initial_state(self, batch_size: int | None = None) -> list:
        """Zeros: a list of `(batch, size)`, one for each entry of `state_size`."""
        sizes = self.state_size
        sizes = sizes if isinstance(sizes, (list, tuple)) else [sizes]
        return [ops.zeros((batch_size, n), dtype=self.compute_dtype) for n in sizes]

    def get_config(self) -> dict:
        serialize = {
            "initializer": keras.initializers.serialize,
            "regularizer": keras.regularizers.serialize,
            "constraint": keras.constraints.serialize,
        }
        config = {
            **super().get_config(),
            "units": self.units,
            "use_bias": self.use_bias,
            **{
                f"{part}_{kind}": function(getattr(self, f"{part}_{kind}"))
                for kind, function in serialize.items()
                for part in ("kernel", "recurrent", "bias")
            },
            "dropout": self.dropout,
            "recurrent_dropout": self.recurrent_dropout,
            "seed": self.seed,
        }
        return {key: value for key, value in config.items() if key not in self.unused}


def dropped(hidden: Any, mask: Any) -> Any:
    """`hidden` under its dropout mask, if there is one."""
    return hidden if mask is None else hidden * mask
