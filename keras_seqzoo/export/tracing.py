"""From a Keras model to a graph that holds its weights and nothing that trains."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras
import tensorflow as tf
from tensorflow.python.framework.convert_to_constants import (
    convert_variables_to_constants_v2,
)

from keras_seqzoo.export.keras_backend import plain_operators
from keras_seqzoo.export.serving import Served, all_layers

# Attributes that would put random numbers or cuDNN operators into the graph: some
# cells draw their dropout masks even when they are not training.
_INFERENCE = {"dropout": 0.0, "recurrent_dropout": 0.0, "use_cudnn": False}


@contextlib.contextmanager
def for_inference(model: keras.Model) -> Iterator[None]:
    """While open, the model traces without dropout, cuDNN or odd operators."""
    changed = []
    for layer in all_layers(model):
        for name, value in _INFERENCE.items():
            # Of a layer, these may be read-only views of its cell's.
            if name in vars(layer):
                changed.append((layer, name, getattr(layer, name)))
                setattr(layer, name, value)
    try:
        with plain_operators():
            yield
    finally:
        for layer, name, value in changed:
            setattr(layer, name, value)


def concrete_function(
    served: Served,
    call: Callable | None = None,
    inputs: dict[str, tf.TensorSpec] | None = None,
) -> Any:
    """Traces the serving function, or another, with dynamic batch and length.

    Args:
        served: the model.
        call: function from a dict of tensors to a dict of them, instead of the
            model's.
        inputs: the specs of its inputs by name, instead of the model's.

    Returns:
        A concrete function with one keyword argument for each input.
    """
    call = served.call if call is None else call
    inputs = served.inputs if inputs is None else inputs

    def named(**tensors):
        return {name: tf.identity(y) for name, y in call(tensors).items()}

    with for_inference(served.model):
        return tf.function(named, autograph=False).get_concrete_function(**inputs)


def frozen_function(served: Served) -> Any:
    """The same of the model's serving function, with its variables as constants."""
    concrete = concrete_function(served)
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=False)
    # The frozen function takes and returns flat lists, in the order of the names.
    names = sorted(concrete.structured_outputs)

    def named(**tensors):
        flat = frozen(*[tensors[name] for name in sorted(tensors)])
        return dict(zip(names, flat))

    return tf.function(named, autograph=False).get_concrete_function(**served.inputs)
