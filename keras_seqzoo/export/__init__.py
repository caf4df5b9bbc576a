"""Models as files for phones and servers, each proved in its own runtime."""

import dataclasses
import math
import numbers
import operator
import os
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from keras_seqzoo.arguments import truth
from keras_seqzoo.errors import UserError
from keras_seqzoo.export.files import format_of, size, step_path, written_whole
from keras_seqzoo.export.quiet import quiet
from keras_seqzoo.export.report import ExportError, ExportReport

__all__ = ["ExportError", "ExportReport", "export"]

QUANTIZE = ("float16", "int8", "int8_weights", "full_int8")


def export(
    model: Any,
    path: str | os.PathLike,
    *,
    quantize: str | None = None,
    streaming: bool | None = None,
    overwrite: bool = False,
    tolerance: float | None = None,
    representative_data: Iterable[dict[str, Any]] | None = None,
    metric: Callable[[Callable], float] | None = None,
    higher_is_better: bool = True,
    max_loss: float | None = None,
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
        model: a zoo model, or any Keras model; a subclassed one after it was called
            once.
        path: `x.tflite`, `x.onnx`, or a folder for a SavedModel: a name without a
            suffix, or with a slash at its end.
        quantize: for TFLite, how numbers are kept. "float16": weights only. "int8":
            weights, and the inputs of products at run time (dynamic range); it needs
            no data. "int8_weights": weights only, which are made float32 when the file
            is loaded; twice as exact. "full_int8": weights, and what products with
            them read and give, on scales taken from `representative_data`; other
            activations, states among them, inputs and outputs stay as they are.
        streaming: whether there is a `step`. By default there is, if the model can be
            run in chunks; the report says why if not.
        overwrite: whether an export that is at `path` may be replaced.
        tolerance: the largest absolute difference from Keras allowed in a float
            output; by default 1e-5, or that part of outputs over 1; with `quantize` a
            part of the outputs' scale, for "full_int8" with `max_loss` all of it.
        representative_data: for "full_int8", inputs as the model will meet them, some
            dozens: for each call a dict of arrays by name, or of a model with one
            input the array alone, with the batch in front.
        metric: function of `run`, itself a function from a dict of arrays to a dict of
            arrays as `serve` has them, to a figure, F1 in percent say. It is
            computed with Keras' `run` and with the file's,
            and the report has both.
        higher_is_better: of the metric; False of a loss or an error rate.
        max_loss: how much worse the file's figure may be, in the metric's own unit.
        batches: batch sizes to verify.
        lengths: sequence lengths to verify.

    Returns:
        An `ExportReport`: differences, size, operators, latency.

    Raises:
        UserError: if an argument is wrong, `path` cannot be written, or streaming is
            asked of a model that cannot stream.
        ExportError: if the model cannot be converted, the file differs from Keras by
            more than the tolerance, or its metric is worse by more than `max_loss`. No
            file is left then.
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
    higher_is_better = truth("higher_is_better", higher_is_better)
    is_number = isinstance(tolerance, numbers.Real) and not isinstance(tolerance, bool)
    is_number = is_number and math.isfinite(tolerance)
    if tolerance is not None and not (is_number and tolerance > 0):
        raise UserError(
            f"tolerance must be a positive number. Received: tolerance={tolerance!r}"
        )
    if (representative_data is None) == (quantize == "full_int8"):
        raise UserError(
            "representative_data must be given with quantize='full_int8', and only then"
        )
    if metric is not None and not callable(metric):
        raise UserError(f"metric must be a function. Received: metric={metric!r}")
    is_number = isinstance(max_loss, numbers.Real) and not isinstance(max_loss, bool)
    is_number = is_number and not math.isnan(max_loss)
    if max_loss is not None and not (metric and is_number and max_loss >= 0):
        beside = "" if metric else ", metric=None"
        raise UserError(
            "max_loss must be a number from 0 on, beside a metric. "
            f"Received: max_loss={max_loss!r}{beside}"
        )
    batches = _positive_integers("batches", batches)
    lengths = _positive_integers("lengths", lengths)

    # TensorFlow is slow to import: a wrong argument need not wait for it.
    from keras_seqzoo.export import verify
    from keras_seqzoo.export.serving import serving_function
    from keras_seqzoo.export.step import step_function
    from keras_seqzoo.streaming import NotStreamable

    with written_whole(path, overwrite) as place, quiet():
        served = serving_function(model)
        _check_numbers(served, form)
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
        data = None
        if representative_data is not None:
            from keras_seqzoo.export.calibration import (
                check_finite_inside,
                examples,
                representative,
            )

            data = representative(served, representative_data)
            check_finite_inside(served, data)
            like_data = examples(served, data)
            served = dataclasses.replace(served, example=like_data)
            step = step and dataclasses.replace(step, inputs=like_data)
        sizes = {"tolerance": tolerance, "batches": batches, "lengths": lengths}
        sizes["has_metric"] = max_loss is not None
        arguments = (form, served, place, quantize, data, sizes)
        try:
            found = _written(step, *arguments)
        except ExportError as error:
            if step is None or streaming:
                raise
            # Was it the step, or would the model fail without it too?
            step, no_step = None, str(error)
            place.clear()
            found = _written(step, *arguments)
        figures = (None, None, None)
        if metric is not None:
            run = _runner(form, place, "serve")
            figures = verify.verify_metric(
                served, run, metric, higher_is_better, max_loss
            )
        return ExportReport(
            path=os.fspath(path),
            format=form,
            bytes=size(place.new),
            quantize=quantize,
            length_name=served.length_name,
            label_unit=served.label_unit,
            step_path=str(step_path(path)) if place.step.exists() else None,
            no_step=no_step,
            keras_metric=figures[0],
            metric=figures[1],
            metric_loss=figures[2],
            max_loss=max_loss,
            **found,
        )


def _written(step, form, served, place, quantize, data, sizes):
    """Writes and verifies the files; what the report says of them."""
    from keras_seqzoo.export import metadata, verify

    signatures = {"serve": served} | ({"step": step.served} if step else {})
    paths = {"serve": place.new, "step": place.step}
    if form == "tflite":
        from keras_seqzoo.export.tflite import operators, write_tflite

        calls = None
        if data is not None:
            from keras_seqzoo.export.calibration import calibration

            calls = calibration(step, data)
        outputs = write_tflite(signatures, place.new, quantize, calls)
    elif form == "onnx":
        from keras_seqzoo.export.onnx import operators, write_onnx

        outputs = {name: write_onnx(s, paths[name]) for name, s in signatures.items()}
    else:
        from keras_seqzoo.export.saved_model import operators, write_saved_model

        outputs = write_saved_model(served, step, place.new)
    about = metadata.description(served, step, outputs, quantize)
    metadata.add(form, place, about, metadata.texts(served.model))

    serve = _runner(form, place, "serve")
    content = place.new if form == "saved_model" else place.new.read_bytes()
    verified = verify.verify(served, serve, quantize=quantize, **sizes)
    milliseconds, shape = verify.latency(served.timed(), serve)
    found = {
        "signatures": sorted(outputs),
        "operators": operators(content),
        **dataclasses.asdict(verified),
        "latency_ms": milliseconds,
        "latency_shape": shape,
        "step_difference": None,
        "step_latency_ms": None,
    }
    if step is not None:
        in_steps = _runner(form, place, "step")
        found["step_difference"] = verify.verify_step(
            step, serve, in_steps, quantize, verified.tolerance, verified.cases
        )
        one_step = step.served.example(1, 1)
        found["step_latency_ms"], _ = verify.latency(one_step, in_steps)
    return found


def _runner(form, place, signature):
    """A signature of what was written, in its runtime."""
    from keras_seqzoo.export import runtimes

    if form == "onnx":
        return runtimes.onnx(place.step if signature == "step" else place.new)
    return getattr(runtimes, form)(place.new, signature)


def _check_numbers(served, form):
    """Raises for inputs of text where the format has none."""
    text = [name for name, spec in served.inputs.items() if spec.dtype == "string"]
    if text and form != "saved_model":
        layers = served.model.layers
        readers = [repr(x.name) for x in layers if hasattr(x, "get_vocabulary")]
        raise UserError(
            f"inputs must be numbers in a .{form} file: let the model begin after "
            f"layer {', '.join(readers)}, and give it ids; a SavedModel takes text. "
            f"Received: {', '.join(text)}, of strings"
        )


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
