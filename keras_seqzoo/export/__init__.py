"""Models as files for phones and servers, each proved in its own runtime."""

import math
import numbers
import operator
import os
import sys
import types
from collections.abc import Sequence
from typing import Any

from keras_seqzoo.arguments import truth
from keras_seqzoo.errors import UserError
from keras_seqzoo.export.files import format_of, size, step_path, written_whole
from keras_seqzoo.export.quiet import quiet
from keras_seqzoo.export.report import ExportError, ExportReport

__all__ = ["ExportError", "ExportReport", "export"]

QUANTIZE = ("float16", "int8")


def export(
    model: Any,
    path: str | os.PathLike,
    *,
    quantize: str | None = None,
    streaming: bool | None = None,
    overwrite: bool = False,
    tolerance: float | None = None,
    batches: Sequence[int] = (1, 3),
    lengths: Sequence[int] = (1, 7, 16, 33),
) -> ExportReport:
    """Writes a model to a file, runs the file, and compares it with Keras.

    The signature `serve` takes whole sequences. `step` takes a chunk of one, of one
    time step or more, and the recurrent states before it as inputs `state_0`,
    `state_1`, ... (zeros to start, unless the metadata says otherwise), and gives
    the states after it as outputs `next_state_0`, ... besides the answer. A TFLite
    file and a SavedModel have both signatures; of an ONNX file the step is a second
    file, `x.step.onnx` beside `x.onnx`. docs/export.md has the details, and what the
    metadata inside the files holds.

    Args:
        model: a zoo model, or any functional or Sequential Keras model.
        path: `x.tflite`, `x.onnx`, or a folder for a SavedModel: a name without a
            suffix, or with a slash at its end.
        quantize: for TFLite, "float16" or "int8": how weights are kept. int8 is the
            converter's dynamic range form: it needs no data, and activations stay
            float32.
        streaming: whether there is a `step`. By default there is, if the model can be
            run in chunks; the report says why if not.
        overwrite: whether an export that is at `path` may be replaced.
        tolerance: the largest absolute difference from Keras allowed in a float
            output; 1e-4 by default, with `quantize` a part of the outputs' scale.
        batches: batch sizes to verify.
        lengths: sequence lengths to verify.

    Returns:
        An `ExportReport`: differences, size, operators, latency.

    Raises:
        UserError: if an argument is wrong, `path` cannot be written, or streaming is
            asked of a model that cannot stream.
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
    streaming = None if streaming is None else truth("streaming", streaming)
    overwrite = truth("overwrite", overwrite)
    is_number = isinstance(tolerance, numbers.Real) and math.isfinite(tolerance)
    if tolerance is not None and not (is_number and tolerance > 0):
        raise UserError(
            f"tolerance must be a positive number. Received: tolerance={tolerance!r}"
        )
    batches = _positive_integers("batches", batches)
    lengths = _positive_integers("lengths", lengths)

    # TensorFlow is slow to import: a wrong argument need not wait for it.
    from keras_seqzoo.export.serving import serving_function
    from keras_seqzoo.export.step import step_function
    from keras_seqzoo.streaming import NotStreamable

    with written_whole(path, overwrite) as place, quiet():
        served = serving_function(model)
        step, no_step = None, None
        if streaming is False:
            no_step = "streaming=False"
        else:
            try:
                step = step_function(served)
            except NotStreamable as error:
                no_step = str(error)
        if streaming and step is None:
            raise UserError(f"the model cannot stream: {no_step}.")
        arguments = (form, served, place, quantize, tolerance, batches, lengths)
        try:
            found = _written(step, *arguments)
        except ExportError as error:
            if step is None or streaming:
                raise
            # Was it the step, or would the model fail without it too?
            step, no_step = None, str(error)
            place.clear()
            found = _written(step, *arguments)
        return ExportReport(
            path=os.fspath(path),
            format=form,
            bytes=size(place.new),
            quantize=quantize,
            step_path=str(step_path(path)) if place.step.exists() else None,
            no_step=no_step,
            **found,
        )


def _written(step, form, served, place, quantize, tolerance, batches, lengths):
    """Writes and verifies the files; what the report says of them."""
    from keras_seqzoo.export import metadata, runtimes, verify

    signatures = {"serve": served} | ({"step": step.served} if step else {})
    paths = {"serve": place.new, "step": place.step}
    if form == "tflite":
        from keras_seqzoo.export.tflite import operators, write_tflite

        outputs = write_tflite(signatures, place.new, quantize)
    elif form == "onnx":
        from keras_seqzoo.export.onnx import operators, write_onnx

        outputs = {name: write_onnx(s, paths[name]) for name, s in signatures.items()}
    else:
        from keras_seqzoo.export.saved_model import operators, write_saved_model

        outputs = write_saved_model(served, step, place.new)
    about = metadata.description(served, step, outputs, quantize)
    metadata.add(form, place, about, metadata.texts(served.model))

    def run(name):
        if form == "onnx":
            return runtimes.onnx(paths[name])
        return getattr(runtimes, form)(place.new, name)

    serve = run("serve")
    content = place.new if form == "saved_model" else place.new.read_bytes()
    difference, tolerance, cases, labels = verify.verify(
        served,
        serve,
        quantize=quantize,
        tolerance=tolerance,
        batches=batches,
        lengths=lengths,
    )
    milliseconds, shape = verify.latency(served, serve)
    found = {
        "signatures": sorted(outputs),
        "operators": operators(content),
        "max_difference": difference,
        "tolerance": tolerance,
        "cases": cases,
        "different_labels": labels,
        "latency_ms": milliseconds,
        "latency_shape": shape,
        "step_difference": None,
        "step_latency_ms": None,
    }
    if step is not None:
        in_steps = run("step")
        found["step_difference"] = verify.verify_step(
            step, serve, in_steps, quantize, tolerance, cases
        )
        found["step_latency_ms"], _ = verify.latency(step.served, in_steps, length=1)
    return found


def _positive_integers(name: str, values: Any) -> list[int]:
    try:
        found = [operator.index(value) for value in values]
    except TypeError:
        found = []
    if not found or min(found) < 1:
        raise UserError(
            f"{name} must be positive integers. Received: {name}={values!r}"
        )
    return found


class _CallableModule(types.ModuleType):
    """Lets `keras_seqzoo.export(...)` work although the name is this package's."""

    def __call__(self, *args: Any, **kwargs: Any) -> ExportReport:
        return export(*args, **kwargs)


sys.modules[__name__].__class__ = _CallableModule
