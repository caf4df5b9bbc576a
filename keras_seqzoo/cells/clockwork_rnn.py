"""The simple RNN cell whose modules tick at different periods."""

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seqzoo.arguments import listed, positive_integer
from keras_seqzoo.cells.recurrent_cell import RecurrentCell, dropped
from keras_seqzoo.errors import UserError

# Up to here every integer is exact in the type that carries the step counter.
_EXACT_INTEGERS = {"float16": 2**11, "bfloat16": 2**8, "float32": 2**24}


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class ClockworkRNNCell(RecurrentCell):
    """One step of the clockwork RNN.

    The units stand in modules of equal size, sorted from fast to slow; module k
    has period T_k. At step t (from 0)

        h_k = g(x W_k + Σ_{j ≥ k} h'_j U_jk + b_k)   if t mod T_k = 0
        h_k = h'_k                                   otherwise

    so a module reads itself and slower modules only, and U is block lower
    triangular (row = sender, column = receiver).

    Weights: `kernel` (features, units); `recurrent_kernel` (units, units), of
    which only the lower blocks act; `bias` (units).

    Args:
        units: Positive integer, divisible by the number of periods.
        periods: The modules' periods, positive integers from fast to slow.
        activation: The activation g, of each unit by itself.
        **kwargs: Arguments of `RecurrentCell`.

    Call: inputs `(batch, features)`, states `[h, t]`: `(batch, units)`, and
    `(batch, 1)`, the number of steps since the state was zero (kept modulo the
    least common multiple of the periods, so that it stays exact for ever);
    returns `(h, [h, t])`.

    Source: Koutník et al. 2014, A Clockwork RNN, arXiv 1402.3511.
    """

    def __init__(
        self,
        units: int,
        periods: Sequence[int] = (1, 2, 4, 8),
        activation: Any = "tanh",
        **kwargs: Any,
    ) -> None:
        super().__init__(units, **kwargs)
        try:
            entries = listed("periods", periods, "positive integers")
            self.periods = tuple(positive_integer("period", one) for one in entries)
        except ValueError:
            self.periods = ()
        if not self.periods:
            raise UserError(
                "`periods` must be a sequence of positive integers, such as (1, 2, 4, "
                f"8). Received: periods={' '.join(repr(periods).split())}"
            )
        if list(self.periods) != sorted(self.periods):
            raise UserError(
                "`periods` must be sorted from fast to slow (ascending). "
                f"Received: periods={self.periods}"
            )
        if self.units % len(self.periods):
            raise UserError(
                "`units` must be divisible by the number of periods, "
                f"{len(self.periods)}. Received: units={units}"
            )
        self.cycle = math.lcm(*self.periods)
        exact = _EXACT_INTEGERS.get(self.compute_dtype, 2**53)
        if self.cycle > exact:
            raise UserError(
                "The least common multiple of `periods` must be at most "
                f"{exact} to count steps in {self.compute_dtype}. Received: "
                f"periods={self.periods}"
            )
        self.activation = keras.activations.get(activation)
        if _mixes_units(self.activation, self.units):
            raise UserError(
                "`activation` must act on each unit by itself, for the modules tick at "
                f"different steps. Received: activation={activation!r}"
            )
        self.module_units = self.units // len(self.periods)
        self.state_size = [self.units, 1]
        module = np.repeat(np.arange(len(self.periods)), self.module_units)
        self.block_mask = (module[:, None] >= module[None, :]).astype("float32")

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_kernel("kernel", (input_shape[-1], self.units))
        self.recurrent_kernel = self.add_recurrent_kernel(
            "recurrent_kernel", (self.units, self.units)
        )
        self.bias = self.add_bias(self.units)

    def step(self, projected: Any, states: list, recurrent_dropout_mask: Any) -> Any:
        h, t = states
        lower = self.recurrent_kernel * ops.cast(self.block_mask, h.dtype)
        z = projected + ops.matmul(dropped(h, recurrent_dropout_mask), lower)
        period = np.repeat(self.periods, self.module_units)[None, :]  # (1, units)
        ticks = ops.equal(ops.mod(t, ops.cast(period, t.dtype)), 0)  # (batch, units)
        h = ops.where(ticks, self.activation(z), h)
        return h, [h, ops.mod(t + 1, self.cycle)]

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "periods": list(self.periods),
            "activation": keras.activations.serialize(self.activation),
        }


def _mixes_units(activation: Any, units: int) -> bool:
    """Whether a unit's value hangs on the others', as a softmax's does."""
    high, low = np.full(units, 1.0), np.full(units, -0.5)
    odd = np.arange(units) % 2 == 1
    rows = np.stack([np.where(odd, low, high), high, low]).astype("float32")
    values = activation(ops.convert_to_tensor(rows))
    try:
        values = ops.convert_to_numpy(values)
    except (NotImplementedError, TypeError):  # while a graph is traced there are none
        return False
    if values.shape != rows.shape:
        return True
    mixed, high, low = values
    alone = np.where(odd, low, high)
    return not np.allclose(mixed, alone, rtol=1e-3, atol=1e-6, equal_nan=True)
