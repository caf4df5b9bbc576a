"""What of a model is exported: one function with named inputs and outputs."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError


@dataclasses.dataclass
class Served:
    """A model as a function from named tensors to named tensors.

    Attributes:
        model: the Keras model.
        call: function from a dict of tensors to a dict of tensors.
        inputs: the inputs' specs by name, None where a size is dynamic.
        example: function `(batch, length, seed)` to a dict of arrays to try it on.
    """

    model: keras.Model
    call: Callable
    inputs: dict[str, tf.TensorSpec]
    example: Callable


def serving_function(model: keras.Model) -> Served:
    """Finds what to export of a zoo model, or of any functional Keras model.

    Raises:
        UserError: for anything that is not a Keras model with symbolic inputs.
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            "model must be a keras.Model: a zoo model, functional or Sequential. "
            f"Received: an object of type {type(model).__name__}"
        )
    try:
        structure = model.input
    except AttributeError:
        raise UserError(
            "model must have symbolic inputs: build it from keras.Input. "
            f"Received: model={model.name}, of type {type(model).__name__}"
        ) from None
    if isinstance(structure, dict):
        inputs = {name: structure[name] for name in sorted(structure)}
    else:
        inputs = {tensor.name: tensor for tensor in keras.tree.flatten(structure)}
    specs = {
        name: tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for name, tensor in inputs.items()
    }
    if hasattr(model, "serve"):
        return Served(model, model.serve, specs, model.example_inputs)

    def call(tensors):
        flat = [tensors[name] for name in inputs]
        packed = keras.tree.pack_sequence_as(structure, flat)
        return _named(model(packed, training=False))

    def example(batch, length, seed=0):
        random = np.random.default_rng(seed)
        return {
            name: _random_array(_sizes(spec, batch, length), spec.dtype, random)
            for name, spec in specs.items()
        }

    return Served(model, call, specs, example)


def dynamic_length(served: Served) -> bool:
    """Whether some input's size after the batch is left open."""
    return any(None in spec.shape.as_list()[1:] for spec in served.inputs.values())


def _named(outputs):
    if isinstance(outputs, dict):
        return outputs
    flat = keras.tree.flatten(outputs)
    if len(flat) == 1:
        return {"output": flat[0]}
    return {f"output_{number}": tensor for number, tensor in enumerate(flat)}


def _sizes(spec, batch, length):
    sizes = spec.shape.as_list()
    sizes[0] = batch if sizes[0] is None else sizes[0]
    return [length if size is None else size for size in sizes]


def _random_array(sizes, dtype, random):
    if dtype.is_floating:
        return random.normal(size=sizes).astype(dtype.as_numpy_dtype)
    if dtype.is_bool:
        return random.random(sizes) < 0.7
    # Small ids fit any embedding of two rows or more, and hold some padding.
    return random.integers(0, 2, sizes).astype(dtype.as_numpy_dtype)
