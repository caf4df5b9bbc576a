"""Inputs as the model will meet them, from which activations get their int8 scales."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.export.layer_settings import in_float32
from keras_seqzoo.export.serving import Served
from keras_seqzoo.export.step import Step
from keras_seqzoo.export.verify import step_sizes
from keras_seqzoo.runtime.runner import checked

Arrays = dict[str, np.ndarray]

CHECKED = 10  # inputs, evenly spread, whose every number is looked at


def representative(served: Served, data: Iterable[Any]) -> list[Arrays]:
    """The data as the model's inputs: arrays by name.

    Raises:
        UserError: if there are none, or an input is missing, unknown, not finite, or of
            another dtype or shape.
    """
    data = data() if callable(data) else data
    if isinstance(data, (dict, str)) or not isinstance(data, Iterable):
        raise UserError(
            "representative_data must be a list, generator or function that gives the "
            f"inputs of several calls. Received: a {type(data).__name__}"
        )
    wanted = {
        name: {"dtype": spec.dtype.name, "shape": [s or "any" for s in spec.shape]}
        for name, spec in served.inputs.items()
    }
    given = [checked(_as_arrays(inputs, served), wanted) for inputs in data]
    for name, array in ((n, x) for inputs in given for n, x in inputs.items()):
        # The converter ends the process on these.
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UserError(
                f"representative_data must be finite. Received: {name} with NaN or "
                "infinity"
            )
    if not given:
        raise UserError("representative_data must hold inputs. Received: none")
    return given


def check_finite_inside(served: Served, data: list[Arrays]) -> None:
    """Runs the model over some of the data, and looks at what each operation computes.

    Not over all: it runs step by step, which is slow. On an infinity or NaN the
    converter ends the process, or takes scales that leave nothing of the numbers
    beside it.

    Raises:
        UserError: if there is one; it says in which layer.
    """
    tf.debugging.enable_check_numerics()
    try:
        for inputs in data[:: -(-len(data) // CHECKED)]:
            tensors = {name: tf.constant(array) for name, array in inputs.items()}
            with in_float32(served.model):
                served.call(tensors)
    except tf.errors.InvalidArgumentError as error:
        kind = re.search(r"Tensor had ([-+]?Inf|NaN)", str(error))
        if kind is None:
            raise
        layer = re.search(r"when calling (\w+)\.call", str(error))
        place = f" in a layer of type {layer[1]}" if layer else ""
        raise UserError(
            "quantize='full_int8' needs a model that computes finite numbers of "
            f"representative_data. Received: {kind[1]}{place}"
        ) from error
    finally:
        tf.debugging.disable_check_numerics()


def calibration(
    step: Step | None, data: list[Arrays]
) -> Callable[[], Iterator[tuple[str, Arrays]]]:
    """The calls of both signatures that run the model over representative data.

    Args:
        step: the model's step, which sees the sequences in chunks; None without one.
        data: the inputs of some calls.
    """

    def calls():
        for inputs in data:
            yield "serve", inputs
        for inputs in data if step else []:
            yield from (("step", chunk) for chunk in _chunks(step, inputs))

    return calls


def examples(served: Served, data: list[Arrays]) -> Callable[[int, int, int], Arrays]:
    """A function of batch, length and seed that repeats the data to such a size.

    Scales that were taken from the data fit nothing else: random inputs would be cut
    off.
    """

    def example(batch, length, seed=0):
        arrays = dict(data[seed % len(data)])
        for name, spec in served.inputs.items():
            for axis, size in enumerate(spec.shape):
                if size is None:
                    steps = np.arange(length if axis else batch)
                    steps %= arrays[name].shape[axis]
                    arrays[name] = arrays[name].take(steps, axis)
        return arrays

    return example


def _as_arrays(inputs: Any, served: Served) -> Any:
    """Of a model with one input the array alone will do."""
    if not isinstance(inputs, dict) and len(served.inputs) == 1:
        return {next(iter(served.inputs)): inputs}
    if not isinstance(inputs, dict):
        raise UserError(
            "representative_data must give dicts of arrays by name: "
            f"{', '.join(served.inputs)}. Received: a {type(inputs).__name__}"
        )
    return inputs


def _chunks(step, inputs):
    """The inputs of the step over a whole sequence, with the states as they come."""
    seen = []

    def run(chunk):
        seen.append(chunk)
        tensors = {name: tf.constant(array) for name, array in chunk.items()}
        with in_float32(step.served.model):
            outputs = step.served.call(tensors)
        return {name: np.asarray(y) for name, y in outputs.items()}

    shortest = min(inputs[name].shape[1] for name in step.sequences)
    cut = {name: inputs[name][:, :shortest] for name in step.sequences}
    step.answer(run, inputs | cut, step_sizes(shortest))
    return seen
