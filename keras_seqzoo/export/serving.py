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
        UserError: for anything that is not a Keras model with symbolic inputs, for
            stateful layers, and for weights that are NaN.
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            "model must be a keras.Model: a zoo model, functional or Sequential. "
            f"Received: an object of type {type(model).__name__}"
        )
    try:
        single = isinstance(model, keras.Sequential)
        structure = model.inputs[0] if single else model.input
    except AttributeError:
        raise UserError(
            "model must have symbolic inputs: build it from keras.Input. "
            f"Received: model={model.name}, of type {type(model).__name__}"
        ) from None
    stateful = [x.name for x in all_layers(model) if getattr(x, "stateful", False)]
    if stateful:
        raise UserError(
            "layers must not be stateful: a file keeps nothing between calls. "
            f"Received: stateful {', '.join(stateful)}"
        )
    nan = [w.path for w in model.weights if np.isnan(np.asarray(w)).any()]
    if nan:
        raise UserError(
            "weights must be numbers: nothing can be compared with NaN. "
            f"Received: NaN in {', '.join(nan)}"
        )
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
        # Not model(...), which refuses chunks where the length is fixed.
        return _named(model.call(packed, training=False))

    # Integers are ids, most likely: of the smallest embedding there is.
    ids = min(
        (
            x.input_dim
            for x in all_layers(model)
            if isinstance(x, keras.layers.Embedding)
        ),
        default=2,
    )

    def example(batch, length, seed=0):
        random = np.random.default_rng(seed)
        return {
            name: _random_array(_sizes(spec, batch, length), spec.dtype, ids, random)
            for name, spec in specs.items()
        }

    return Served(model, call, specs, example)


def all_layers(model: keras.Model) -> list:
    """The model's layers at any depth, with their cells and its preprocessor's."""
    # Keras' public `layers` stops short of cells and wrapped layers.
    layers = model._flatten_layers()
    preprocessor = getattr(model, "preprocessor", None)
    if isinstance(preprocessor, keras.Layer) and preprocessor not in layers:
        layers += preprocessor._flatten_layers()
    return layers


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


def _random_array(sizes, dtype, ids, random):
    if dtype.is_floating:
        return random.normal(size=sizes).astype(dtype.as_numpy_dtype)
    if dtype.is_bool:
        return random.random(sizes) < 0.7
    # Zero is padding in most models, so there is some of it.
    array = random.integers(0, ids, sizes) * (random.random(sizes) < 0.8)
    return array.astype(dtype.as_numpy_dtype)
