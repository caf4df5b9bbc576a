"""TFLite files of builtin operators only, which plain LiteRT runs."""

import collections
import pathlib
import re
import tempfile

import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.export.keras_backend import nested_loops
from keras_seqzoo.export.report import ExportError
from keras_seqzoo.export.serving import Served, all_layers
from keras_seqzoo.export.tracing import frozen_function


def write_tflite(served: Served, path: pathlib.Path, quantize: str | None) -> None:
    """Converts to a TFLite file with one signature, `serve`.

    Batch and length may be resized at run time.

    Raises:
        UserError: for a model in mixed precision.
        ExportError: where an operator of the model has no builtin counterpart.
    """
    for layer in all_layers(served.model):
        if layer.compute_dtype in ("float16", "bfloat16"):
            raise UserError(
                "layers must compute in float32 for TFLite; build the model without "
                f"mixed precision. Received: {layer.name} in {layer.compute_dtype}"
            )
    try:
        content = _convert(served, quantize)
    except Exception as error:
        raise ExportError(f"TFLite conversion failed: {_reason(str(error))}") from error
    refuse_foreign_operators(content)
    path.write_bytes(content)


def _convert(served, quantize):
    with nested_loops():
        function = frozen_function(served)
    with tempfile.TemporaryDirectory() as folder:
        # A SavedModel on the way gives the file its signature with named tensors.
        # Frozen functions have no gradients to keep.
        options = tf.saved_model.SaveOptions(experimental_custom_gradients=False)
        signatures = {"serve": function}
        tf.saved_model.save(tf.Module(), folder, signatures, options)
        converter = tf.lite.TFLiteConverter.from_saved_model(
            folder, signature_keys=["serve"]
        )
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        if quantize is not None:
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "float16":
            converter.target_spec.supported_types = [tf.float16]
        return converter.convert()


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


def _reason(message):
    """One line out of the converter's pages: the operator, and where it comes from."""
    found = re.search(r'loc\(.*?"(\w+):", "([^"@]+)', message)
    if found:
        operator, place = found.groups()
        return f"no builtin operator for {operator}, at {place} in the model"
    return (message.strip().splitlines() or ["unknown reason"])[0][:300]
