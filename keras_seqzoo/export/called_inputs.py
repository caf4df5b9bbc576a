"""The inputs of a subclassed model, of which Keras keeps its first call's shapes alone.

What the shapes do not tell is tried on the model itself: which inputs are integers,
and whether the length is free.
"""

import contextlib
import inspect
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.streaming import called_instead


def called_inputs(model: keras.Model, layers: Sequence[keras.Layer]) -> Any:
    """Finds the inputs of a model that was called on a tensor, list or dict.

    The batch is free, and so is axis 1 of sequences if the model runs on others and
    unrolls nothing. What layers take as their mask is bool, and any other input through
    which no gradient flows int32: ids, or lengths; but not a state. The names are the
    dict's keys; else that of the argument of `call`, numbered in a list.

    Args:
        model: the model.
        layers: its layers at any depth.

    Returns:
        The specs, in the structure that the model takes.

    Raises:
        UserError: if it was not called, or takes more than one argument.
    """
    # Keras has no public record of what a model was built for.
    shapes = getattr(model, "_build_shapes_dict", None) or {}
    if not model.built or len(shapes) != 1:
        raise _refused(
            model, "Keras has no record of a call, and keeps none of stateful layers"
        )
    name = next(iter(inspect.signature(model.call).parameters))
    structure = _with_names(next(iter(shapes.values())), name)

    def dtypes(specs, length=7):
        inputs = [_zeros(spec, length) for spec in specs]
        return _dtypes(model, layers, keras.tree.pack_sequence_as(structure, inputs))

    specs = _typed(model, keras.tree.flatten(structure), dtypes)
    specs = [_with(spec, axis=0) for spec in specs]
    # Without a sequence among them, (batch, features) may be (batch, time).
    sequences = [_has_time(spec) for spec in specs]
    if not any(sequences):
        sequences = [spec.shape.rank == 2 for spec in specs]
    free = [_with(s, axis=1) if so else s for s, so in zip(specs, sequences)]
    longest = max((s.shape[1] or 0 for s, so in zip(specs, sequences) if so), default=0)
    if not any(getattr(layer, "unroll", False) for layer in layers):
        try:
            dtypes(free, longest + 3)
            _trace(model, structure, free)
            specs = free
        except Exception:  # the length is part of the model
            pass
    return keras.tree.pack_sequence_as(structure, specs)


def _trace(model, structure, specs):
    """Makes the model's graph for any length, in which a loop over it may fail."""

    def call(*inputs):
        return model.call(keras.tree.pack_sequence_as(structure, inputs))

    tf.function(call, autograph=False).get_concrete_function(*specs)


def _with_names(shapes, name):
    """The structure of shapes as one of float32 specs."""
    if isinstance(shapes, dict):
        return {key: _with_names(value, key) for key, value in shapes.items()}
    if any(size is not None and not isinstance(size, int) for size in shapes):
        return [_with_names(part, f"{name}_{n}") for n, part in enumerate(shapes)]
    return tf.TensorSpec(shapes, tf.float32, name)


def _typed(model, specs, dtypes):
    """The specs with the dtypes that the model wants."""
    failure = None
    # All floats, then one of them an integer, ..., all of them integers.
    numbers = sorted(range(2 ** len(specs)), key=lambda number: number.bit_count())
    for number in numbers[:64]:
        tried = [
            _with(spec, "int32" if number >> n & 1 else "float32")
            for n, spec in enumerate(specs)
        ]
        try:
            return [_with(s, dtype) for s, dtype in zip(specs, dtypes(tried))]
        except Exception as error:  # ids, say, where no float will do
            failure = failure or error
    raise _refused(model, f"calling it failed: {first_line(failure)}") from failure


def _with(spec, dtype=None, axis=None):
    """The spec with another dtype, or with an axis that is free."""
    sizes = spec.shape.as_list()
    if axis is not None:
        sizes[axis] = None
    return tf.TensorSpec(sizes, dtype or spec.dtype, spec.name)


def _has_time(spec):
    """Whether axis 1 may be a sequence's: not in (batch, features)."""
    rank = spec.shape.rank
    return rank > 2 or (rank == 2 and not spec.dtype.is_floating)


def _zeros(spec, length):
    sizes = spec.shape.as_list()
    sizes[:1] = [size or 2 for size in sizes[:1]]
    return tf.zeros([length if size is None else size for size in sizes], spec.dtype)


def _dtypes(model, layers, inputs):
    """Calls the model on these inputs; the dtypes that they should have."""
    # To any layer's output: the model's own may be labels, without a gradient.
    outputs, masks, states = [], [], []

    def watching(layer):
        original = layer.call
        signature = inspect.signature(original)

        def call(*args, **kwargs):
            given = signature.bind_partial(*args, **kwargs).arguments
            masks.append(given.get("mask"))
            states.extend(keras.tree.flatten(given.get("initial_state")))
            found = original(*args, **kwargs)
            outputs.extend(keras.tree.flatten(found))
            return found

        return call

    flat = keras.tree.flatten(inputs)
    with contextlib.ExitStack() as stack:
        for layer in layers:
            if layer is not model:
                stack.enter_context(called_instead(layer, watching(layer)))
        with tf.GradientTape() as tape:
            tape.watch([x for x in flat if x.dtype.is_floating])
            outputs += keras.tree.flatten(model.call(inputs))
        floats = [y for y in outputs if tf.is_tensor(y) and y.dtype.is_floating]
        gradients = tape.gradient(floats, flat)

    def dtype(x, gradient):
        if any(mask is x for mask in masks):
            return "bool"
        # (A clockwork RNN counts its steps in a state: that has no gradient.)
        is_state = any(state is x for state in states)
        return "int32" if gradient is None and not is_state else "float32"

    return [dtype(x, gradient) for x, gradient in zip(flat, gradients)]


def _refused(model, reason):
    return UserError(
        "model must have known inputs: built from keras.Input, or called once on one "
        "argument, a tensor or a list or dict of them. (Around any model there is "
        f"keras.Model(inputs, model(*inputs)).) Received: model={model.name}, of type "
        f"{type(model).__name__}: {reason}"
    )
