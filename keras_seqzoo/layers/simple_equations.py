"""The simple recurrence h = g(x W + h' U + b) for the engine."""

from collections.abc import Callable
from typing import Any

import keras
from keras import ops

from keras_seqzoo.layers.bptt import Recurrence

# The derivative of each activation, from its own value.
DERIVATIVES = {
    keras.activations.tanh: lambda h: 1 - h * h,
    keras.activations.sigmoid: lambda h: h * (1 - h),
    keras.activations.relu: lambda h: ops.cast(h > 0, h.dtype),
    keras.activations.linear: ops.ones_like,
}


def simple_rnn(activation: Callable) -> Recurrence:
    """One gate, no further weights.

    Args:
        activation: A key of `DERIVATIVES`.
    """
    derivative = DERIVATIVES[activation]

    def step(z: Any, states: list, weights: list) -> tuple[Any, list]:
        del states, weights
        h = activation(z)
        return h, [h[:, 0]]

    def factors(kept: Any, before: list, after: list, weights: list) -> list:
        del before, after, weights
        return [derivative(kept)]

    def step_back(dh: Any, carried: list, factors: list) -> tuple[Any, list]:
        return dh[:, None] * factors[0], carried

    return Recurrence(1, step, factors, step_back, lambda *_: [])
