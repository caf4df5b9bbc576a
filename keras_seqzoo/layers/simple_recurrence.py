"""The simple recurrence h = g(x W + h' U + b) from which other layers are made."""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_seqzoo.layers.bptt import engine_runs, recurrent, seen
from keras_seqzoo.layers.loop_order import loop_order
from keras_seqzoo.layers.scan import scan
from keras_seqzoo.layers.simple_equations import DERIVATIVES, simple_rnn


def simple_recurrence(
    inputs: Any,
    kernel: Any,
    recurrent_kernel: Any,
    bias: Any,
    activation: Callable,
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
        activation: g, elementwise; the engine runs with those in `DERIVATIVES`.
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
    if activation in DERIVATIVES and not unroll and engine_runs(inputs):
        inputs, mask = loop_order(inputs, mask, go_backwards)
        sequence, (last,) = recurrent(
            simple_rnn(activation),
            inputs,
            kernel,
            bias,
            recurrent_kernel,
            [],
            [initial_state],
            mask=mask,
            recurrent_dropout_mask=recurrent_dropout_mask,
        )
        if mask is not None:
            zeros = ops.zeros_like(sequence)
            sequence = ops.where(seen(mask)[..., None], sequence, zeros)
        return last, sequence
    projected = ops.matmul(inputs, kernel)
    if bias is not None:
        projected = projected + bias

    def step(x: Any, states: list) -> tuple[Any, list]:
        (h,) = states
        if recurrent_dropout_mask is not None:
            h = h * recurrent_dropout_mask
        h = activation(x + ops.matmul(h, recurrent_kernel))
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
