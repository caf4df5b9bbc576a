"""From a Keras model to a graph that holds its weights and nothing that trains."""

import contextlib
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

# TensorFlow has no public function that freezes another; its converters use this one.
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from keras_seqzoo.export.keras_backend import plain_operators
from keras_seqzoo.export.layer_settings import all_layers, in_float32
from keras_seqzoo.export.serving import Served
from keras_seqzoo.layers.scan import plain_loops

# Attributes that would put random numbers or cuDNN operators into the graph, or every
# step of a fixed length. (Some cells draw their dropout masks even when they are not
# training.)
_INFERENCE = {
    "dropout": 0.0,
    "recurrent_dropout": 0.0,
    "use_cudnn": False,
    "unroll": False,
}


@contextlib.contextmanager
def for_inference(model: keras.Model) -> Iterator[None]:
    """While open, the model traces in float32, without dropout, cuDNN, unrolled loops
    or odd operators.

    (What of it computes in float64 stays so, and so do layers that keep their weights
    in half precision.)
    """
    changed = []
    for layer in all_layers(model):
        for name, value in _INFERENCE.items():
            # Of a layer, these may be read-only views of its cell's.
            if name in vars(layer) and not (
                name == "unroll" and _stays_unrolled(layer)
            ):
                changed.append((layer, name, getattr(layer, name)))
                setattr(layer, name, value)
    try:
        with in_float32(model), plain_operators(), plain_loops():
            yield
    finally:
        for layer, name, value in changed:
            setattr(layer, name, value)


def _stays_unrolled(layer):
    # Unrolled, Keras zeroes this layer's masked outputs in the order of time, though
    # they come in that of the loop. A file says what Keras says.
    return layer.zero_output_for_mask and layer.go_backwards


def concrete_function(served: Served) -> Any:
    """Traces the serving function with dynamic batch and length.

    Returns:
        A concrete function with one keyword argument for each input.
    """

    def named(**tensors):
        return {name: tf.identity(y) for name, y in served.call(tensors).items()}

    with for_inference(served.model):
        function = tf.function(named, autograph=False)
        return function.get_concrete_function(**served.inputs)


def frozen_function(served: Served) -> Any:
    """The same of the model's serving function, with its variables as constants."""
    concrete = concrete_function(served)
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    # The frozen function takes and returns flat lists, in the order of the names.
    names = sorted(concrete.structured_outputs)

    def named(**tensors):
        flat = frozen(*[tensors[name] for name in sorted(tensors)])
        return dict(zip(names, flat))

    function = tf.function(named, autograph=False)
    return function.get_concrete_function(**served.inputs)
