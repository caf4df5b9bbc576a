"""Does a written file compute what Keras computes? Run it and see."""

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from keras_seqzoo.export.report import ExportError
from keras_seqzoo.export.serving import Served

# Allowed differences from Keras: absolute for float32 files (2e-6 is usual); for the
# others, whose weights are rounded, a part of the largest output. Measured over the
# seven cells, trained and not: at most 0.0014 of it for float16, and for int8 0.011 on
# trained taggers and 0.056 on random small ones.
FLOAT32_TOLERANCE = 1e-4
RELATIVE_TOLERANCE = {"float16": 0.01, "int8": 0.1}

LATENCY_LENGTH = 100


def verify(
    served: Served,
    run: Callable,
    *,
    quantize: str | None,
    tolerance: float | None,
    batches: Sequence[int],
    lengths: Sequence[int],
) -> tuple[float, float, list[tuple[int, int]]]:
    """Compares a file with Keras on several batches and lengths.

    Args:
        served: the model.
        run: the file in its runtime, from a dict of arrays to a dict of arrays.
        quantize: None, "float16" or "int8"; sets the default tolerance.
        tolerance: the largest absolute difference allowed in a float output.
        batches, lengths: what is tried, each with each; sizes on which Keras itself
            fails are left out.

    Returns:
        `(max_difference, tolerance, cases)`.

    Raises:
        ExportError: at any difference over the tolerance, in a label that the
            tolerance does not explain, or in a name, shape or type.
    """
    cases, expected, received, failure = [], [], [], None
    for batch in batches:
        for length in lengths:
            inputs = served.example(batch, length, seed=len(cases))
            case = _case(inputs)
            if case in cases:
                continue
            tensors = {name: tf.constant(array) for name, array in inputs.items()}
            try:
                outputs = served.call(tensors)
            except Exception as error:  # a convolution over too few steps, say
                failure = error
                continue
            cases.append(case)
            expected.append({name: np.asarray(y) for name, y in outputs.items()})
            try:
                received.append(run(inputs))
            except Exception as error:
                raise ExportError(
                    f"the file does not run on {_words(case)}: "
                    f"{str(error).strip().splitlines()[0][:300]}"
                ) from error
    if not cases:
        raise ExportError(f"Keras runs on none of the sizes: {failure}") from failure
    if tolerance is None:
        tolerance = _default_tolerance(quantize, expected)
    largest = 0.0
    for case, wanted, found in zip(cases, expected, received):
        difference = _difference(wanted, found, tolerance, _words(case))
        if not difference <= tolerance:  # true of NaN too
            raise ExportError(
                f"the file differs from Keras by {difference:.2e} on {_words(case)}; "
                f"allowed are {tolerance:.2e}"
            )
        largest = max(largest, difference)
    return largest, tolerance, cases


def latency(
    served: Served, run: Callable, repeats: int = 21, seconds: float = 1.0
) -> tuple[float, tuple[int, int]]:
    """Median milliseconds of a call, and its (batch, length)."""
    inputs = served.example(1, LATENCY_LENGTH, seed=0)
    run(inputs)
    times = []
    while len(times) < repeats and sum(times) < seconds:
        start = time.perf_counter()
        run(inputs)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times), _case(inputs)


def _case(inputs):
    """The (batch, length) of arrays; a fixed size in the model has its say."""
    first = next(iter(inputs.values()))
    return first.shape[0], first.shape[1] if first.ndim > 1 else 1


def _words(case):
    return f"batch {case[0]}, length {case[1]}"


def _default_tolerance(quantize, expected):
    if quantize is None:
        return FLOAT32_TOLERANCE
    floats = [y for case in expected for y in case.values() if _is_float(y) and y.size]
    scale = max((float(np.abs(y).max()) for y in floats), default=1.0)
    return RELATIVE_TOLERANCE[quantize] * scale


def _difference(wanted, found, tolerance, case):
    """The largest difference in the float outputs of one case."""
    if sorted(wanted) != sorted(found):
        raise ExportError(
            f"the file's outputs must be {sorted(wanted)}. Received: {sorted(found)}"
        )
    differences = [0.0]
    for name, keras_output in wanted.items():
        output = found[name]
        if output.shape != keras_output.shape or output.dtype != keras_output.dtype:
            raise ExportError(
                f"output {name!r} on {case} must be {keras_output.dtype} "
                f"{keras_output.shape}. Received: {output.dtype} {output.shape}"
            )
        if _is_float(output):
            differences.append(float(np.max(np.abs(output - keras_output), initial=0)))
        else:
            same = (output == keras_output) | _tied(keras_output, wanted, tolerance)
            if not same.all():
                raise ExportError(f"output {name!r} on {case} differs from Keras")
    return float(np.max(differences))


def _tied(labels, outputs, tolerance):
    """Where two scores are so near each other that rounding may choose the label."""
    for scores in outputs.values():
        if _is_float(scores) and scores.shape[:-1] == labels.shape:
            best = np.sort(scores, axis=-1)[..., -2:]
            # Each of the two may move by the tolerance.
            return best[..., -1] - best[..., 0] <= 2 * tolerance
    return np.zeros(labels.shape, bool)


def _is_float(array):
    return np.issubdtype(array.dtype, np.floating)
