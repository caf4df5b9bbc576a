"""TFLite files of builtin operators only, which plain LiteRT runs."""

import collections
import pathlib
import re
import tempfile
from collections.abc import Callable, Iterable

import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.export.activation_ranges import activation_ranges
from keras_seqzoo.export.keras_backend import nested_loops
from keras_seqzoo.export.layer_settings import HALF, plain_errors
from keras_seqzoo.export.report import ExportError
from keras_seqzoo.export.serving import Served
from keras_seqzoo.export.tracing import frozen_function
from keras_seqzoo.export.unsupported import unsupported
from keras_seqzoo.export.weights_only import weights_only


def write_tflite(
    signatures: dict[str, Served],
    path: pathlib.Path,
    quantize: str | None,
    calibration: Callable[[], Iterable[tuple[str, dict[str, np.ndarray]]]],
) -> dict[str, dict[str, tf.Tensor]]:
    """Converts to a TFLite file.

    Batch and length may be resized at run time. Weights that several signatures use
    are in the file once.

    Args:
        signatures: the functions by the names that their signatures get.
        path: where to.
        quantize: None, "float16", "int8", "int8_weights" or "full_int8".
        calibration: for "full_int8", returns the calls to calibrate on: pairs of a
            signature's name and its inputs.

    Returns:
        For each signature its outputs, symbolic.

    Raises:
        UserError: for a model whose weights are in half precision.
        ExportError: where an operator of the model has no builtin counterpart.
    """
    for weight in next(iter(signatures.values())).model.weights:
        if weight.dtype in (*HALF, "float64"):
            raise UserError(
                "weights must be float32 for TFLite (mixed precision keeps them so). "
                f"Received: {weight.path} in {weight.dtype}"
            )
    try:
        with nested_loops(), plain_errors():
            functions = {name: frozen_function(f) for name, f in signatures.items()}
        content = _convert(functions, quantize, calibration)
    except Exception as error:
        model = next(iter(signatures.values())).model
        reason = _reason(error, model)
        raise ExportError(f"TFLite conversion failed: {reason}") from error
    refuse_foreign_operators(content)
    path.write_bytes(content)
    return {name: f.structured_outputs for name, f in functions.items()}


def _convert(functions, quantize, calibration):
    with tempfile.TemporaryDirectory() as folder:
        # A SavedModel on the way gives the file its signatures with named tensors.
        # Frozen functions have no gradients to keep.
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        tf.saved_model.save(tf.Module(), folder, functions, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=list(functions)
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantize is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        if quantize == "full_int8":
            converter.representative_dataset = calibration
        with activation_ranges():
            content = converter.convert()
        return weights_only(content) if quantize == "int8_weights" else content


def operators(content: bytes) -> dict[str, int]:
    """Counts the operators of a TFLite file's content, by name."""
    from ai_edge_litert import schema_py_generated as schema

    names = {
        value: name
        for name, value in vars(schema.BuiltinOperator).items()
        if not name.startswith("_")
    }
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    codes = []
    for code in model.operatorCodes:
        # Old files keep the code in a byte that stops at 127.
        number = max(code.builtinCode, code.deprecatedBuiltinCode)
        custom = code.customCode.decode() if code.customCode else None
        codes.append(f"custom {custom}" if custom else names[number])
    return dict(
        collections.Counter(
            codes[operator.opcodeIndex]
            for graph in model.subgraphs
            for operator in graph.operators or []
        )
    )


def refuse_foreign_operators(content: bytes) -> None:
    """Raises ExportError if the file needs more than plain LiteRT."""
    foreign = sorted(name for name in operators(content) if name.startswith("custom "))
    if foreign:
        raise ExportError(
            "the TFLite file must hold builtin operators only. "
            f"Received: {', '.join(foreign)}"
        )


def _reason(error, model):
    """One line out of the converter's pages."""
    found = re.search(r'loc\(.*?"(\w+):", "([^"@]+)', str(error))
    if found:
        return unsupported(*found.groups(), model, "TFLite")
    return first_line(error)
