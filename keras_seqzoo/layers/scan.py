"""The loop over time that every layer of this package runs its step in."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import keras

from keras_seqzoo.layers.loop_order import loop_order
from keras_seqzoo.layers.nested_loop import nested_loop

_nested: ContextVar[bool] = ContextVar("nested_loops", default=False)
_plain: ContextVar[bool] = ContextVar("plain_loops", default=False)

# Where Keras and TensorFlow trace a model to make a TFLite file of it. Neither has a
# public way to ask whether it is doing so.
_LITERT_EXPORTERS = ("keras.src.export.litert", "tensorflow.lite.python.lite")


@contextmanager
def plain_loops() -> Iterator[None]:
    """Keep the compiled engine (`bptt`) out of a graph that is traced for export."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


def loops_for_export() -> bool:
    """Whether a graph is being traced that must hold ordinary loops."""
    return _nested.get() or _plain.get() or _traced_for_litert()


def _traced_for_litert() -> bool:
    """Whether `model.export(path, format="litert")` or a TFLiteConverter traces now.

    Nothing tells a layer so: an export traces it just as `predict` does. So this looks
    for the exporters among the callers, and only while a graph is traced.
    """
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    if tf.executing_eagerly():
        return False
    frame = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") in _LITERT_EXPORTERS:
            return True
        frame = frame.f_back
    return False


@contextmanager
def nested_loops() -> Iterator[None]:
    """Run `scan` as nested while loops, the form that exports to TFLite.

    They keep nothing for a backward pass, so they are for inference. (Keras' own export
    to LiteRT has them without this.)
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
    unroll: bool = False,
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
        unroll: Whether to write out every step instead of a loop; the length must
            be known then. Nested loops stay loops.

    Returns:
        `(last_output, outputs, states)`; outputs are `(batch, time, size)`.
    """
    arguments = {
        "mask": mask,
        "go_backwards": go_backwards,
        "zero_output_for_mask": zero_output_for_mask,
        "return_sequences": return_sequences,
    }
    if _nested.get() or _traced_for_litert():
        return nested_loop(step, inputs, initial_states, **arguments)
    return differentiable_loop(step, inputs, initial_states, unroll=unroll, **arguments)


def differentiable_loop(
    step: Callable,
    inputs: Any,
    initial_states: list,
    mask: Any = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    return_sequences: bool = True,
    unroll: bool = False,
) -> tuple[Any, Any, list]:
    """`scan` over the loop of `keras.layers.RNN`, which differentiates and compiles.

    (`keras.ops.scan` does not compile under XLA on TensorFlow, and stacks every
    state besides the outputs.)
    """
    if unroll and go_backwards:
        # Keras' unrolled loop would put a mask on the reversed outputs as it stands.
        inputs, mask = loop_order(inputs, mask, go_backwards)
        go_backwards = False
    runner = keras.layers.RNN(
        _Step(step, [state.shape[-1] for state in initial_states]),
        go_backwards=go_backwards,
        zero_output_for_mask=zero_output_for_mask,
        return_sequences=return_sequences,
        unroll=unroll,
        dtype=inputs.dtype,
        name="scan",  # an automatic one would shift the names of the user's layers
    )
    return runner.inner_loop(inputs, initial_states, mask)


class _Step:
    """A step function in the form of a cell without weights."""

    def __init__(self, step: Callable, state_size: list[int]) -> None:
        self.call = step
        self.state_size = state_size

    def __call__(self, inputs: Any, states: list) -> tuple[Any, list]:
        return self.call(inputs, list(states))
