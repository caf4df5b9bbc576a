"""The LSTM cell whose gates see the cell state."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import truth
from keras_seqzoo.cells.recurrent_cell import RecurrentCell, dropped


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class PeepholeLSTMCell(RecurrentCell):
    """One step of the LSTM with peephole connections.

    With z = x W + h' U + b, cut in four (i, f, c, o), and diagonal peepholes p:

        i = σ(z_i + p_i ⊙ c')
        f = σ(z_f + p_f ⊙ c')
        c = f ⊙ c' + i ⊙ tanh(z_c)
        o = σ(z_o + p_o ⊙ c)            the output gate sees the new cell state
        h = o ⊙ tanh(c)

    Weights: `kernel` (features, 4·units) and `recurrent_kernel` (units, 4·units),
    gates in the order i, f, c, o; `peephole_kernel` (3, units) in the order
    i, f, o; `bias` (4·units).

    Args:
        units: Positive integer, the size of h and c.
        activation: Activation of the cell's input and output.
        recurrent_activation: Activation of the gates.
        unit_forget_bias: Whether the forget gate's bias starts at 1.
        peephole_initializer: Initialiser of the peepholes; zeros start the cell
            as an ordinary LSTM.
        **kwargs: Arguments of `RecurrentCell`.

    Call: inputs `(batch, features)`, states `[h, c]`, each `(batch, units)`;
    returns `(h, [h, c])`.

    Source: Gers & Schmidhuber 2000, Recurrent Nets that Time and Count.
    """

    def __init__(
        self,
        units: int,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        unit_forget_bias: bool = True,
        peephole_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.unit_forget_bias = truth("unit_forget_bias", unit_forget_bias)
        self.peephole_initializer = keras.initializers.get(peephole_initializer)
        self.state_size = [self.units, self.units]

    def build(self, input_shape: tuple) -> None:
        units = self.units
        self.kernel = self.add_kernel("kernel", (input_shape[-1], 4 * units))
        self.recurrent_kernel = self.add_recurrent_kernel(
            "recurrent_kernel", (units, 4 * units)
        )
        self.peephole_kernel = self.add_weight(
            name="peephole_kernel",
            shape=(3, units),
            initializer=self.peephole_initializer,
        )
        forget = self.forget_bias(4, 1) if self.unit_forget_bias else None
        self.bias = self.add_bias(4 * units, forget)

    def step(self, projected: Any, states: list, recurrent_dropout_mask: Any) -> Any:
        h, c = states
        h = dropped(h, recurrent_dropout_mask)
        z = projected + ops.matmul(h, self.recurrent_kernel)  # (batch, 4 units)
        z_i, z_f, z_c, z_o = ops.split(z, 4, axis=-1)  # each (batch, units)
        p_i, p_f, p_o = (self.peephole_kernel[gate] for gate in range(3))
        i = self.recurrent_activation(z_i + p_i * c)
        f = self.recurrent_activation(z_f + p_f * c)
        c = f * c + i * self.activation(z_c)
        o = self.recurrent_activation(z_o + p_o * c)
        h = o * self.activation(c)
        return h, [h, c]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(
                self.recurrent_activation
            ),
            "unit_forget_bias": self.unit_forget_bias,
            "peephole_initializer": keras.initializers.serialize(
                self.peephole_initializer
            ),
        }
