"""Weights as int8 with a scale for each row, half the size of float16."""

import numpy as np

SCALE = "#scale"  # Behind the name of the weight that it belongs to.
SMALLEST = 4096  # Numbers; what is smaller stays float16, and so do vectors.


def packed(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Large matrices as int8, all else as float16.

    Args:
        weights: Arrays of floats by name.

    Returns:
        For a matrix `(..., columns)` of 4,096 numbers and more the nearest int8 and
        under `<name>#scale` what a row's are multiplied by, `(..., 1)`, float32.
    """
    result = {}
    for name, array in weights.items():
        if array.ndim < 2 or array.size < SMALLEST:
            result[name] = np.asarray(array, "float16")
            continue
        array = np.asarray(array, "float32")
        scale = np.abs(array).max(axis=-1, keepdims=True) / 127
        steps = array / np.where(scale > 0, scale, 1)
        result[name] = np.round(steps).astype("int8")
        result[name + SCALE] = scale
    return result


def unpacked(weights: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The floats of what `packed` gave; other weights as they are."""
    result = dict(weights)
    for name in weights:
        if name + SCALE in weights:
            result[name] = result[name] * result.pop(name + SCALE)
    return result
