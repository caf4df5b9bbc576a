"""The LSTM cell whose input gate is one minus its forget gate."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import truth
from keras_seqzoo.cells.recurrent_cell import RecurrentCell, dropped


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class CoupledLSTMCell(RecurrentCell):
    """One step of the LSTM with coupled input and forget gates (CIFG).

    With z = x W + h' U + b, cut in three (f, c, o), and with peepholes p
    (zero without `peephole`):

        f = σ(z_f + p_f ⊙ c')
        c = f ⊙ c' + (1 − f) ⊙ tanh(z_c)
        o = σ(z_o + p_o ⊙ c)            the output gate sees the new cell state
        h = o ⊙ tanh(c)

    Weights: `kernel` (features, 3·units) and `recurrent_kernel` (units, 3·units),
    gates in the order f, c, o; with `peephole`, `peephole_kernel` (2, units) in
    the order f, o; `bias` (3·units).

    Args:
        units: Positive integer, the size of h and c.
        peephole: Whether the gates see the cell state.
        activation: Activation of the cell's input and output.
        recurrent_activation: Activation of the gates.
        unit_forget_bias: Whether the forget gate's bias starts at 1.
        peephole_initializer: Initialiser of the peepholes.
        **kwargs: Arguments of `RecurrentCell`.

    Call: inputs `(batch, features)`, states `[h, c]`, each `(batch, units)`;
    returns `(h, [h, c])`.

    Source: Greff et al. 2015, LSTM: A Search Space Odyssey, arXiv 1503.04069.
    """

    def __init__(
        self,
        units: int,
        peephole: bool = False,
        activation: Any = "tanh",
        recurrent_activation: Any = "sigmoid",
        unit_forget_bias: bool = True,
        peephole_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        self.peephole = truth("peephole", peephole)
        self.activation = keras.activations.get(activation)
        self.recurrent_activation = keras.activations.get(recurrent_activation)
        self.unit_forget_bias = truth("unit_forget_bias", unit_forget_bias)
        self.peephole_initializer = keras.initializers.get(peephole_initializer)
        self.state_size = [self.units, self.units]

    def build(self, input_shape: tuple) -> None:
        units = self.units
        self.kernel = self.add_kernel("kernel", (input_shape[-1], 3 * units))
        self.recurrent_kernel = self.add_recurrent_kernel(
            "recurrent_kernel", (units, 3 * units)
        )
        if self.peephole:
            self.peephole_kernel = self.add_weight(
                name="peephole_kernel",
                shape=(2, units),
                initializer=self.peephole_initializer,
            )
        forget = self.forget_bias(3, 0) if self.unit_forget_bias else None
        self.bias = self.add_bias(3 * units, forget)

    def step(self, projected: Any, states: list, recurrent_dropout_mask: Any) -> Any:
        h, c = states
        h = dropped(h, recurrent_dropout_mask)
        z = projected + ops.matmul(h, self.recurrent_kernel)  # (batch, 3 units)
        z_f, z_c, z_o = ops.split(z, 3, axis=-1)  # each (batch, units)
        if self.peephole:
            z_f = z_f + self.peephole_kernel[0] * c
        f = self.recurrent_activation(z_f)
        g = self.activation(z_c)
        c = g + f * (c - g)  # f c' + (1 - f) g
        if self.peephole:
            z_o = z_o + self.peephole_kernel[1] * c
        h = self.recurrent_activation(z_o) * self.activation(c)
        return h, [h, c]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "peephole": self.peephole,
            "activation": keras.activations.serialize(self.activation),
            "recurrent_activation": keras.activations.serialize(
                self.recurrent_activation
            ),
            "unit_forget_bias": self.unit_forget_bias,
            "peephole_initializer": keras.initializers.serialize(
                self.peephole_initializer
            ),
        }
