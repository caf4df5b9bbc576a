"""MobileNetV2 as a picture encoder, and its weights out of a quantised TFLite file."""

import os
import pathlib
from collections.abc import Sequence
from typing import Any

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
    else changes nothing while it does not use a batch's statistics: see
    `keep_statistics`.

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


def keep_statistics(network: keras.Model) -> None:
    """Freezes the batch norms: they use no batch's statistics, in training neither.

    Keras passes a model's `training` on to all of its layers, whatever they were called
    with; a batch norm that is not trainable pays no heed to it.
    """
    for layer in network.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


def read_tflite_weights(
    path: str | os.PathLike,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The convolutions' weights in a quantised TFLite file, as floats.

    Returns:
        (kernel, bias) of each convolution in the file's order: kernels
        `(height, width, in, out)`, of depthwise ones `(height, width, in, 1)`.

    Raises:
        UserError: The file cannot be read, or has other operators than such ones.
    """
    from ai_edge_litert import schema_py_generated as schema

    try:
        content = pathlib.Path(path).read_bytes()
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        graph = model.subgraphs[0]
        found = [
            [_dequantised(graph.tensors[i], model.buffers) for i in operator.inputs[1:]]
            for operator in graph.operators
            if _code(model, operator) in (_CONVOLUTION, _DEPTHWISE)
        ]
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    # What a damaged flatbuffer can raise has no end.
    except Exception as error:
        raise UserError(
            f"{path}: must be a TFLite file of quantised convolutions"
        ) from error
    # There (out, height, width, in), or (1, height, width, in) of a depthwise one.
    return [(kernel.transpose(1, 2, 3, 0), bias) for kernel, bias in found]


_CONVOLUTION, _DEPTHWISE = 3, 4  # In the schema's `BuiltinOperator`.


def _code(model: Any, operator: Any) -> int:
    code = model.operatorCodes[operator.opcodeIndex]
    # Old files keep the code in a byte that stops at 127.
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _dequantised(tensor: Any, buffers: Sequence[Any]) -> np.ndarray:
    """scale * (q - zero point), of each output channel its own: float32."""
    data = np.asarray(buffers[tensor.buffer].data, np.uint8)
    dtype = np.int8 if len(tensor.shape) == 4 else np.int32
    stored = data.view(dtype).reshape(tensor.shape).astype("float64")
    quantization = tensor.quantization
    shape = [1] * stored.ndim
    shape[quantization.quantizedDimension] = -1
    scale = np.reshape(quantization.scale, shape)
    zero_point = np.reshape(quantization.zeroPoint, shape)
    return (scale * (stored - zero_point)).astype("float32")
