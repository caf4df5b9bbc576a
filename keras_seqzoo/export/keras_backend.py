"""Keras' private functions that do not convert, replaced while a graph is traced.

Every Keras recurrent layer, and every user's cell in `keras.layers.RNN`, runs through
one function: the backend's `rnn`. Its tensor lists have no builtin LiteRT operators,
so tracing for TFLite puts `nested_loop` in its place.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf

# The backend is private, and Keras has no public way to choose the loop. This is the
# only file that reaches for it; tests/export/test_keras_backend.py fails when Keras
# moves what is replaced here, or changes its arguments.
from keras.src import backend

from keras_seqzoo.export.projected_cells import projected
from keras_seqzoo.layers.cell_layer import CellLayer
from keras_seqzoo.layers.nested_loop import nested_loop
from keras_seqzoo.layers.scan import nested_loops as our_nested_loops


@contextlib.contextmanager
def nested_loops() -> Iterator[None]:
    """While open, every recurrent layer runs in nested loops."""
    with (
        replaced(backend, "rnn", _nested(backend.rnn)),
        inner_loops(projected),
        our_nested_loops(),
    ):
        yield


@contextlib.contextmanager
def plain_operators() -> Iterator[None]:
    """While open, a few common operations trace to operators that convert.

    Keras' own `argmax` looks into the bits of floats to tell -0 from 0, which no
    runtime can. Its `TimeDistributed` makes tensor lists. And LiteRT has no slice
    that adds an axis, as in `x[..., None]`.
    """
    with (
        replaced(backend.numpy, "argmax", _argmax),
        replaced(keras.layers.TimeDistributed, "call", _time_distributed),
        replaced(tf.Tensor, "__getitem__", _new_axes_after(tf.Tensor.__getitem__)),
    ):
        yield


@contextlib.contextmanager
def inner_loops(replacement: Callable) -> Iterator[None]:
    """While open, recurrent layers ask `replacement` to run them.

    `replacement(layer, sequences, initial_state, mask)` returns what the layer's
    `inner_loop` does, or None to leave the layer its own.
    """

    def asking(original):
        def inner_loop(layer, sequences, initial_state, mask, training=False):
            first = mask[0] if keras.tree.is_nested(mask) else mask
            found = None
            if not layer.unroll:
                found = replacement(layer, sequences, initial_state, first)
            if found is not None:
                return found
            return original(layer, sequences, initial_state, mask, training=training)

        return inner_loop

    # These define an inner loop of their own; Keras' SimpleRNN inherits RNN's.
    layers = (keras.layers.RNN, keras.layers.LSTM, keras.layers.GRU, CellLayer)
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(replaced(layer, "inner_loop", asking(layer.inner_loop)))
        yield


@contextlib.contextmanager
def replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    """Sets an attribute of a module or class, and puts the old one back."""
    original = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, original)


def _nested(original):
    """The backend's `rnn` in nested loops, as far as Keras' layers use it."""

    def rnn(
        step_function,
        inputs,
        initial_states,
        go_backwards=False,
        mask=None,
        constants=None,
        unroll=False,
        input_length=None,
        time_major=False,
        zero_output_for_mask=False,
        return_all_outputs=True,
    ):
        if constants or time_major:
            raise ValueError("`constants` and `time_major` are not for export")
        masks = {"mask": mask, "zero_output_for_mask": zero_output_for_mask}
        if unroll:
            return original(
                step_function,
                inputs,
                initial_states,
                go_backwards,
                unroll=True,
                return_all_outputs=return_all_outputs,
                **masks,
            )
        return nested_loop(
            step_function,
            inputs,
            initial_states,
            go_backwards=go_backwards,
            return_sequences=return_all_outputs,
            **masks,
        )

    return rnn


def _time_distributed(self, inputs, training=None, mask=None):
    """`TimeDistributed.call`, with the time axis folded into the batch."""

    def folded(x):  # (batch, time, ...) to (batch * time, ...)
        return keras.ops.reshape(x, (-1, *keras.ops.shape(x)[2:]))

    layer, arguments = self.layer, {}
    if layer._call_has_mask_arg and mask is not None:
        arguments["mask"] = folded(mask)
    if layer._call_has_training_arg:
        arguments["training"] = training
    outputs = layer.call(folded(inputs), **arguments)
    batch, length = keras.ops.shape(inputs)[:2]
    return keras.ops.reshape(outputs, (batch, length, *keras.ops.shape(outputs)[1:]))


def _argmax(x, axis=None, keepdims=False):
    """The backend's `argmax`."""
    x = tf.convert_to_tensor(x)
    flat = x if axis is not None else tf.reshape(x, (-1,))
    index = tf.argmax(flat, axis=-1 if axis is None else axis, output_type=tf.int32)
    if not keepdims:
        return index
    if axis is None:
        return tf.reshape(index, (1,) * len(x.shape))
    return tf.expand_dims(index, axis)


def _new_axes_after(getitem):
    """A tensor's `__getitem__` that adds new axes with `tf.expand_dims`."""

    def split_getitem(tensor, index, *rest):
        items = index if isinstance(index, tuple) else (index,)
        kept = tuple(item for item in items if item is not None)
        if len(kept) == len(items) or tensor.shape.rank is None:
            return getitem(tensor, index, *rest)
        axis, new_axes = 0, []
        for item in items:
            if item is None:
                new_axes.append(axis)
            if item is None or isinstance(item, slice):
                axis += 1
            elif item is Ellipsis:
                axis += tensor.shape.rank - (len(kept) - 1)
        if any(item is not Ellipsis and item != slice(None) for item in kept):
            tensor = getitem(tensor, kept, *rest)
        for axis in new_axes:
            tensor = tf.expand_dims(tensor, axis)
        return tensor

    return split_getitem
