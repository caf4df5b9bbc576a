"""Models as files for phones and servers, each proved in its own runtime."""

import os
import sys
import types
from collections.abc import Sequence
from typing import Any

from keras_seqzoo.errors import UserError
from keras_seqzoo.export.files import format_of, size, written_whole
from keras_seqzoo.export.quiet import quiet
from keras_seqzoo.export.report import ExportError, ExportReport

__all__ = ["ExportError", "ExportReport", "export"]

QUANTIZE = ("float16", "int8")


def export(
    model: Any,
    path: str | os.PathLike,
    *,
    quantize: str | None = None,
    tolerance: float | None = None,
    batches: Sequence[int] = (1, 3),
    lengths: Sequence[int] = (1, 7, 16, 33),
) -> ExportReport:
    """Writes a model to a file, runs the file, and compares it with Keras.

    Args:
        model: a zoo model, or any functional or Sequential Keras model.
        path: `x.tflite`, `x.onnx`, or a folder for a SavedModel.
        quantize: for TFLite, "float16" or "int8": how weights are kept. int8 is the
            converter's dynamic range form: it needs no data, and activations stay
            float32.
        tolerance: the largest absolute difference from Keras allowed in a float
            output; 1e-4 by default, with `quantize` a part of the outputs' scale.
        batches: batch sizes to verify.
        lengths: sequence lengths to verify.

    Returns:
        An `ExportReport`: differences, size, operators, latency.

    Raises:
        UserError: if an argument is wrong, or `path` cannot be written.
        ExportError: if the model cannot be converted, or the file differs from Keras
            by more than the tolerance. No file is left then.
    """
    form = format_of(path)
    if quantize is not None and quantize not in QUANTIZE:
        raise UserError(
            f"quantize must be one of {', '.join(QUANTIZE)}, or None. "
            f"Received: quantize={quantize!r}"
        )
    if quantize is not None and form != "tflite":
        raise UserError(
            "quantize is for .tflite files only. "
            f"Received: quantize={quantize!r}, path={os.fspath(path)!r}"
        )
    if tolerance is not None and not tolerance > 0:
        raise UserError(
            f"tolerance must be a positive number. Received: tolerance={tolerance!r}"
        )
    for name, numbers in (("batches", batches), ("lengths", lengths)):
        if not numbers or any(not isinstance(n, int) or n < 1 for n in numbers):
            raise UserError(
                f"{name} must be positive integers. Received: {name}={numbers!r}"
            )

    # TensorFlow is slow to import: a wrong argument need not wait for it.
    from keras_seqzoo.export import runtimes, verify
    from keras_seqzoo.export.serving import serving_function

    served = serving_function(model)
    with written_whole(path) as new, quiet():
        if form == "tflite":
            from keras_seqzoo.export.tflite import operators, write_tflite

            write_tflite(served, new, quantize)
            found, run = operators(new.read_bytes()), runtimes.tflite(new)
        elif form == "onnx":
            from keras_seqzoo.export.onnx import operators, write_onnx

            write_onnx(served, new)
            found, run = operators(new.read_bytes()), runtimes.onnx(new)
        else:
            from keras_seqzoo.export.saved_model import operators, write_saved_model

            write_saved_model(served, new)
            found, run = operators(new), runtimes.saved_model(new)
        difference, tolerance, cases = verify.verify(
            served,
            run,
            quantize=quantize,
            tolerance=tolerance,
            batches=batches,
            lengths=lengths,
        )
        milliseconds, shape = verify.latency(served, run)
        report = ExportReport(
            path=os.fspath(path),
            format=form,
            bytes=size(new),
            operators=found,
            max_difference=difference,
            tolerance=tolerance,
            cases=cases,
            latency_ms=milliseconds,
            latency_shape=shape,
            quantize=quantize,
        )
    return report


class _CallableModule(types.ModuleType):
    """Lets `keras_seqzoo.export(...)` work although the name is this package's."""

    def __call__(self, *args: Any, **kwargs: Any) -> ExportReport:
        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
