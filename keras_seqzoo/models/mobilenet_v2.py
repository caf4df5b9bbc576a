"""MobileNetV2 as a picture encoder, and its weights out of a quantised TFLite file."""

import os
from collections.abc import Sequence

import keras
import numpy as np

from keras_seqzoo.errors import UserError

SMALLEST = 32  # Pixels: the network halves a picture five times.


def mobilenet_v2(
    images: keras.KerasTensor,
    alpha: float = 1.0,
    classes: int | None = None,
) -> keras.Model:
    """Keras' MobileNetV2 with fresh weights.

    Args:
        images: Symbolic pictures `(batch, size, size, 3)`, RGB in [-1, 1]; the size is
            a multiple of 32.
        alpha: Width multiplier.
        classes: Number of classes; None for the last convolution's grid.

    Returns:
        A model of what `images` are made from: the classes' chances, or the grid
        `(batch, size / 32, size / 32, 1280)`.

    Source: Sandler et al. 2018, MobileNetV2: Inverted Residuals and Linear Bottlenecks,
    arXiv 1801.04381.
    """
    return keras.applications.MobileNetV2(
        input_tensor=images,
        input_shape=tuple(images.shape[1:]),
        alpha=alpha,
        include_top=classes is not None,
        weights=None,
        **({} if classes is None else {"classes": classes}),
    )


def set_folded_weights(
    network: keras.Model, weights: Sequence[tuple[np.ndarray, np.ndarray]]
) -> None:
    """Gives a MobileNetV2 weights whose batch norms are folded in.

    The bias of a convolution becomes the offset of the batch norm behind it, which
    else changes nothing: so the network can be trained on as it was.

    Args:
        network: As `mobilenet_v2` makes it, with or without classes.
        weights: (kernel, bias) of each convolution in order, and of the classes.

    Raises:
        UserError: They do not fit the network.
    """
    layers = [layer for layer in network.layers if layer.weights]
    kernels = [x for x in layers if not isinstance(x, keras.layers.BatchNormalization)]
    norms = [x for x in layers if isinstance(x, keras.layers.BatchNormalization)]
    shapes = [tuple(layer.kernel.shape) for layer in kernels]
    found = [kernel.shape for kernel, _ in weights[: len(kernels)]]
    # The classes' convolution of 1x1 is a matrix in Keras.
    found = [s[2:] if len(wanted) == 2 else s for s, wanted in zip(found, shapes)]
    if found != shapes:
        raise UserError(
            f"weights must be those of a MobileNetV2 with kernels {shapes[0]} to "
            f"{shapes[-1]}. Received: {len(weights)} kernels from "
            f"{found[0] if found else 'none'}"
        )
    for layer, (kernel, bias) in zip(kernels, weights):
        kernel = kernel.reshape(layer.kernel.shape)
        layer.set_weights([kernel, bias] if layer.use_bias else [kernel])
    for norm, (_, bias) in zip(norms, weights):
        ones = np.ones_like(bias)
        # sqrt(variance + epsilon) = 1
        norm.set_weights([ones, bias, 0.0 * ones, (1.0 - norm.epsilon) * ones])


def read_tflite_weights(
    path: str | os.PathLike,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The convolutions' weights in a quantised TFLite file, as floats.

    Returns:
        (kernel, bias) of each convolution in the file's order: kernels
        `(height, width, in, out)`, of depthwise ones `(height, width, in, 1)`.

    Raises:
        UserError: The file cannot be read or holds no such weights.
    """
    from ai_edge_litert.interpreter import Interpreter

    try:
        interpreter = Interpreter(os.fspath(path))
        details = sorted(interpreter.get_tensor_details(), key=lambda x: x["index"])
        constants = [x for x in details if _is_weight(x)]
        values = [
            _dequantised(x, interpreter.get_tensor(x["index"])) for x in constants
        ]
    except (ValueError, OSError, RuntimeError) as error:
        raise UserError(f"{path}: not a readable TFLite file") from error
    # Each kernel is followed by its bias.
    pairs = list(zip(values[::2], values[1::2]))
    if not pairs or any(k.ndim != 4 or b.ndim != 1 for k, b in pairs):
        raise UserError(f"{path}: must hold quantised convolutions with their biases")
    # There (out, height, width, in), or (1, height, width, in) of a depthwise one.
    return [(kernel.transpose(1, 2, 3, 0), bias) for kernel, bias in pairs]


def _is_weight(detail: dict) -> bool:
    """Whether a tensor is a kernel, int8 per channel, or a bias, int32."""
    kinds = {np.int8: 4, np.int32: 1}
    scales = detail["quantization_parameters"]["scales"]
    return kinds.get(detail["dtype"]) == len(detail["shape"]) and len(scales) > 1


def _dequantised(detail: dict, stored: np.ndarray) -> np.ndarray:
    """scale * (q - zero point), of each output channel its own."""
    parameters = detail["quantization_parameters"]
    shape = [1] * stored.ndim
    shape[parameters["quantized_dimension"]] = -1
    scale = parameters["scales"].reshape(shape)
    zero_point = parameters["zero_points"].reshape(shape)
    return (scale * (stored.astype("float64") - zero_point)).astype("float32")
