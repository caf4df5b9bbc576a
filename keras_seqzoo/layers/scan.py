"""The loop over time that every layer of this package runs its step in."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from keras import ops

from keras_seqzoo.layers.nested_loop import nested_loop

_nested: ContextVar[bool] = ContextVar("nested_loops", default=False)


@contextmanager
def nested_loops() -> Iterator[None]:
    """Run `scan` as nested while loops, the form that exports to TFLite.

    They keep nothing for a backward pass, so they are for inference.
    """
    token = _nested.set(True)
    try:
        yield
    finally:
        _nested.reset(token)


def scan(
    step: Callable,
    inputs: Any,
    initial_states: list,
    mask: Any = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    return_sequences: bool = True,
) -> tuple[Any, Any, list]:
    """Run `step` over the time axis.

    Args:
        step: Function `(x_t, states) -> (output, new_states)`, all of them
            `(batch, ...)`.
        inputs: Tensor `(batch, time, features)`.
        initial_states: List of tensors `(batch, size)`.
        mask: Booleans `(batch, time)` or None. A masked step keeps the states
            and repeats the output before it (zeros if there is none).
        go_backwards: Whether to go from the last step to the first; the outputs
            then come in that order too, as in Keras.
        zero_output_for_mask: Whether a masked step's output is zero instead.
        return_sequences: Whether all outputs are wanted.

    Returns:
        `(last_output, outputs, states)`; outputs are `(batch, time, size)`.
    """
    loop = nested_loop if _nested.get() else differentiable_loop
    return loop(
        step,
        inputs,
        initial_states,
        mask=mask,
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
        return_sequences=return_sequences,
    )


def differentiable_loop(
    step: Callable,
    inputs: Any,
    initial_states: list,
    mask: Any = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    return_sequences: bool = True,
) -> tuple[Any, Any, list]:
    """`scan` over the backend's own differentiable scan."""
    del return_sequences  # the backend's scan returns every step in any case

    def time_first(x: Any) -> Any:
        x = ops.swapaxes(x, 0, 1)  # (time, batch, ...)
        return ops.flip(x, axis=0) if go_backwards else x

    # Keras' scan takes only one sequence where the length is unknown (TensorFlow),
    # so the mask travels as one more feature.
    xs = time_first(inputs)  # (time, batch, features)
    if mask is not None:
        valid = time_first(mask)[..., None]  # (time, batch, 1)
        xs = ops.concatenate([xs, ops.cast(valid, xs.dtype)], axis=-1)
    first_output, _ = step(inputs[:, 0], initial_states)

    def body(carry: list, x: Any) -> tuple[list, list]:
        output, *states = carry
        if mask is None:
            new_output, new_states = step(x, states)
        else:
            new_output, new_states = step(x[..., :-1], states)
            keep = x[..., -1:] > 0
            new_output = ops.where(keep, new_output, output)
            new_states = [
                ops.where(keep, new, old)
                for new, old in zip(new_states, states, strict=True)
            ]
        carry = [new_output, *new_states]
        return carry, carry

    carry, history = ops.scan(
        body, [ops.zeros_like(first_output), *initial_states], xs
    )
    outputs = ops.swapaxes(history[0], 0, 1)  # (batch, time, size)
    last_output, states = carry[0], carry[1:]
    if mask is not None and zero_output_for_mask:
        outputs = outputs * ops.cast(ops.swapaxes(valid, 0, 1), outputs.dtype)
        last_output = outputs[:, -1]
    return last_output, outputs, states
