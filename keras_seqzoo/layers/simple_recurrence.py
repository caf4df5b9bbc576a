"""The simple recurrence h = g(x W + h' U + b) from which other layers are made."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.layers.scan import scan


def simple_recurrence(
    inputs: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: str,
    initial_state: Any,
    mask: Any = None,
    go_backwards: bool = False,
    recurrent_dropout_mask: Any = None,
    unroll: bool = False,
) -> tuple[Any, Any]:
    """Run h = g(x W + h' U + b) over time.

    An exporter may replace this one function by a runtime's own RNN operator.

    Args:
        inputs: `(batch, time, features)`.
        kernel: W, `(features, units)`.
        recurrent_kernel: U, `(units, units)`.
        bias: b, `(units,)`, or None.
        activation: Name of g: "tanh", "sigmoid", "relu" or "linear", or another
            of Keras' activations.
        initial_state: h before the first step, `(batch, units)`.
        mask: Booleans `(batch, time)` or None; a masked step keeps h.
        go_backwards: Whether to go from the last step to the first.
        recurrent_dropout_mask: Factor of h' for all steps, `(batch, units)`, or
            None.
        unroll: Whether to write out every step instead of a loop.

    Returns:
        `(last, sequence)`: the final h `(batch, units)`, and h after each step
        `(batch, time, units)`.
    """
    function = keras.activations.get(activation)
    projected = ops.matmul(inputs, kernel)
    if bias is not None:
        projected = projected + bias

    def step(x: Any, states: list) -> tuple[Any, list]:
        (h,) = states
        if recurrent_dropout_mask is not None:
            h = h * recurrent_dropout_mask
        h = function(x + ops.matmul(h, recurrent_kernel))
        return h, [h]

    _, sequence, (last,) = scan(
        step,
        projected,
        [initial_state],
        mask=mask,
        go_backwards=go_backwards,
        unroll=unroll,
    )
    return last, sequence
