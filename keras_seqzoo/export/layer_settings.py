"""Settings of Keras and of a model's layers that hold while it is looked at."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

HALF = ("float16", "bfloat16")


def all_layers(model: keras.Model) -> list:
    """The model's layers at any depth, with their cells and its preprocessor's."""
    # Keras' public `layers` stops short of cells and wrapped layers.
    layers = model._flatten_layers()
    preprocessor = getattr(model, "preprocessor", None)
    if isinstance(preprocessor, keras.Layer) and preprocessor not in layers:
        layers += preprocessor._flatten_layers()
    return layers


@contextlib.contextmanager
def stateless(model: keras.Model) -> Iterator[None]:
    """While open, stateful layers start from their initial states and keep nothing."""
    with _set(model, "stateful", False, lambda x: getattr(x, "stateful", False)):
        yield


@contextlib.contextmanager
def in_float32(model: keras.Model) -> Iterator[None]:
    """While open, a model in mixed precision computes in the type of its weights."""

    def is_mixed(layer):
        return layer.variable_dtype == "float32" and layer.compute_dtype in HALF

    with _set(model, "dtype_policy", "float32", is_mixed):
        yield


@contextlib.contextmanager
def _set(model: keras.Model, name: str, value: Any, where: Callable) -> Iterator[None]:
    """Sets an attribute of those layers, and puts the old values back."""
    changed = [(x, getattr(x, name)) for x in all_layers(model) if where(x)]
    for layer, _ in changed:
        setattr(layer, name, value)
    try:
        yield
    finally:
        for layer, before in changed:
            setattr(layer, name, before)


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """While open, Keras leaves errors as they were raised."""
    filtering = keras.config.is_traceback_filtering_enabled()
    keras.config.disable_traceback_filtering()
    try:
        yield
    finally:
        if filtering:
            keras.config.enable_traceback_filtering()
