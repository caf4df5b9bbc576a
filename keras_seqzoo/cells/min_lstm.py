"""The minimal LSTM's cell."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.cells.linear_cell import STATE_READING, positive, wide
from keras_seqzoo.cells.recurrent_cell import RecurrentCell, refuse


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class MinLSTMCell(RecurrentCell):
    """One step of the minimal LSTM (minLSTM).

    With k_i, k_f, v = x W + b, cut in three:

        i = σ(k_i),  f = σ(k_f)
        h = f / (f + i) ⊙ h' + i / (f + i) ⊙ g(v)

    where g(v) = v + 1/2 if v >= 0, else σ(v). The gates do not read h', so all gates
    of a sequence are known at once. g is the paper's log-space form, in which h stays
    positive, or zero at the start; the state is h itself, not its value before g.

    Weights: `kernel` (features, 3·units) and `bias` (3·units), in the order i, f, h.

    Args:
        units: Positive integer, the size of h.
        **kwargs: Arguments of `RecurrentCell`, except those for weights that read
            the state (`recurrent_initializer`, ..., `recurrent_dropout`).

    Call: inputs `(batch, features)`, states `[h]`, `(batch, units)`; returns
    `(h, [h])`.

    Source: Feng et al. 2024, Were RNNs All We Needed?, arXiv 2410.01201.
    """

    unused = STATE_READING

    def __init__(self, units: int, **kwargs: Any) -> None:
        refuse("MinLSTMCell", kwargs, self.unused)
        super().__init__(units, **kwargs)
        self.state_size = [self.units]

    def build(self, input_shape: tuple) -> None:
        self.kernel = self.add_kernel("kernel", (input_shape[-1], 3 * self.units))
        self.bias = self.add_bias(3 * self.units)

    def coefficients(self, projected: Any) -> tuple[Any, Any]:
        """a and b of h = a ⊙ h' + b, in float32 at least."""
        k_i, k_f, v = ops.split(wide(projected), 3, axis=-1)
        # i / (f + i) = σ(log i − log f), safe where both gates are all but shut.
        i = ops.sigmoid(_log_sigmoid(k_i) - _log_sigmoid(k_f))
        return 1.0 - i, i * positive(v)

    def step(self, projected: Any, states: list, recurrent_dropout_mask: Any) -> Any:
        a, b = self.coefficients(projected)
        h = ops.cast(a * wide(states[0]) + b, self.compute_dtype)  # (batch, units)
        return h, [h]


def _log_sigmoid(k: Any) -> Any:
    """log σ(k), finite for any k. (LiteRT has no softplus, and overflows without.)"""
    high = ops.maximum(k, -80.0)  # under it, log σ(k) = k
    return ops.log(ops.sigmoid(high)) + (k - high)
