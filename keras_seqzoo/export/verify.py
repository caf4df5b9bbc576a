"""Does a written file compute what Keras computes? Run it and see."""

import dataclasses
import math
import numbers
import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.export.layer_settings import in_float32
from keras_seqzoo.export.report import ExportError
from keras_seqzoo.export.serving import Served
from keras_seqzoo.export.step import Step

# Allowed differences from Keras: for float32 files absolute, or a part of the largest
# output if that is over 1 (2e-6 is usual); for the others, whose weights are rounded, a
# part of the largest output. Measured over the seven cells, trained and not: at most
# 0.0014 of it for float16, and for int8 0.011 on trained taggers and 0.056 on random
# small ones. bfloat16 has three bits less than float16.
FLOAT32_TOLERANCE = 1e-5
RELATIVE_TOLERANCE = {
    "float16": 0.01,
    "int8": 0.1,
    "int8_weights": 0.1,
    "full_int8": 0.3,
    "bfloat16": 0.08,
}

# Of a search in an int8 file, its score and what goes with its sequence, for the errors
# of all steps add up: of the largest output. (On random words the scores of translators
# are off by half of it, and on sentences they have the BLEU of Keras.)
SEARCH_TOLERANCE = 1.0

# Between the answer in chunks and in one piece: of the largest output, if over 1.
STEP_TOLERANCE = 1e-5


@dataclasses.dataclass
class Verified:
    """How far a file is from Keras; as `ExportReport` has it."""

    max_difference: float
    tolerance: float
    search_difference: float | None
    search_tolerance: float | None
    cases: list[tuple[int, int]]
    different_labels: int | None
    compared_labels: int | None


def verify(
    served: Served,
    run: Callable,
    *,
    quantize: str | None,
    tolerance: float | None,
    batches: Sequence[int],
    lengths: Sequence[int],
    has_metric: bool = False,
) -> Verified:
    """Compares a file with Keras on several batches and lengths.

    Args:
        served: the model.
        run: the file in its runtime, from a dict of arrays to a dict of arrays.
        quantize: how the file's numbers are kept; sets the default tolerance.
        tolerance: the largest absolute difference allowed in a float output.
        batches, lengths: what is tried, each with each; sizes on which Keras itself
            fails, or gives NaN, are left out.
        has_metric: whether the task's own metric has a limit too.

    Raises:
        ExportError: at any difference over the tolerance, in a label that the
            tolerance does not explain, or in a name, shape or type; and if no size is
            left.
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
                with in_float32(served.model):
                    outputs = served.call(tensors)
            except Exception as error:  # a convolution over too few steps, say
                failure = error
                continue
            outputs = {name: np.asarray(y) for name, y in outputs.items()}
            bad = [n for n, y in outputs.items() if _is_float(y) and np.isnan(y).any()]
            if bad:  # a mean over padding alone, say
                failure = f"output {bad[0]!r} has NaN on {_words(case)}"
                continue
            cases.append(case)
            expected.append(outputs)
            try:
                received.append(run(inputs))
            except Exception as error:
                raise ExportError(
                    f"the file does not run on {_words(case)}: {first_line(error)}"
                ) from error
    if not cases:
        raise ExportError(f"Keras runs on none of the sizes: {failure}")
    of_searches = tolerance
    if tolerance is None:
        tolerance = of_searches = _default_tolerance(quantize, expected, has_metric)
        if quantize in ("int8", "int8_weights", "full_int8"):
            of_searches = max(tolerance, SEARCH_TOLERANCE * _scale(expected))
    largest = [None, None]
    for case, wanted, found in zip(cases, expected, received):
        differences = _differences(
            wanted, found, tolerance, _words(case), served.searched
        )
        for kind, allowed in enumerate((tolerance, of_searches)):
            off = differences[kind]
            if off is None:
                continue
            if not off <= allowed:  # true of NaN too
                raise ExportError(
                    f"the file differs from Keras by {off:.2e} on {_words(case)}; "
                    f"allowed are {allowed:.2e}"
                )
            largest[kind] = max(off, largest[kind] or 0.0)
    pairs = [(largest[0], tolerance), (largest[1], of_searches)]
    if largest[1] is None:
        pairs = [(largest[0] or 0.0, tolerance), (None, None)]
    elif largest[0] is None:  # all there is, is the search's
        pairs = [(largest[1], of_searches), (None, None)]
    labels = _different_labels(expected, received, served.no_label)
    return Verified(*pairs[0], *pairs[1], cases, *labels)


def verify_metric(
    served: Served,
    run: Callable,
    metric: Callable,
    higher_is_better: bool,
    max_loss: float | None,
) -> tuple[float, float, float]:
    """Computes a metric with Keras and with a file.

    Args:
        served: the model.
        run: the file in its runtime.
        metric: from such a function to a figure.
        higher_is_better: of the figure.
        max_loss: how much worse the file's may be; None for any.

    Returns:
        `(Keras' figure, the file's, how much worse that is)`.

    Raises:
        ExportError: if the file's is worse by more than that, or is NaN.
    """

    call = tf.function(served.call, input_signature=[served.inputs], autograph=False)

    def run_keras(inputs):
        with in_float32(served.model):
            outputs = call({k: tf.constant(x) for k, x in inputs.items()})
        return {name: np.asarray(y) for name, y in outputs.items()}

    figures = metric(run), metric(run_keras)
    if not all(isinstance(figure, numbers.Real) for figure in figures):
        raise UserError(f"metric must return a number. Received: {figures[0]!r}")
    ours, theirs = map(float, figures)
    if math.isnan(ours) or math.isnan(theirs):
        raise ExportError(
            f"the metric is no number: {ours} of the file, {theirs} in Keras"
        )
    loss = theirs - ours if higher_is_better else ours - theirs
    if max_loss is not None and loss > max_loss:
        raise ExportError(
            f"the file's metric is {ours:.2f}, Keras' {theirs:.2f}; "
            f"allowed is a loss of {max_loss:g}"
        )
    return theirs, ours, loss


def verify_step(
    step: Step,
    serve: Callable,
    run: Callable,
    quantize: str | None,
    tolerance: float,
    cases: Sequence[tuple[int, int]],
) -> float:
    """Compares a file's answer in chunks with its answer in one piece.

    Runs the longest of the cases step by step, and in chunks of several steps.

    Args:
        step: the model's step.
        serve, run: the file's two signatures in their runtime.
        quantize, tolerance: as for the whole sequence.
        cases: the (batch, length) pairs that were verified.

    Returns:
        The largest absolute difference in a float output.

    Raises:
        ExportError: at a difference over the tolerance, and as in `verify`.
    """
    batch, length = max(cases, key=lambda case: (case[1], case[0]))
    length //= step.served.unit
    inputs = step.inputs(batch, length, seed=len(cases))
    whole = serve(inputs)
    if quantize is None:
        tolerance = max(STEP_TOLERANCE * max(1.0, _scale([whole])), tolerance / 10)
    largest = 0.0
    for words, sizes in (
        ("one by one", [1] * length),
        ("in chunks", step_sizes(length)),
    ):
        case = f"batch {batch}, {length} steps {words}"
        try:
            answer = step.answer(run, inputs, sizes)
        except Exception as error:
            raise ExportError(
                f"the file's step does not run on {case}: {first_line(error)}"
            ) from error
        difference = _differences(whole, answer, tolerance, case)[0] or 0.0
        if not difference <= tolerance:
            raise ExportError(
                f"the file's step differs from its whole answer by {difference:.2e} "
                f"on {case}; allowed are {tolerance:.2e}"
            )
        largest = max(largest, difference)
    return largest


def step_sizes(length: int) -> list[int]:
    """`length` in chunks of different sizes, around a block of the exported loop."""
    sizes = []
    while sum(sizes) < length:
        size = (3, 17, 1, 16, 5)[len(sizes) % 5]
        sizes.append(min(size, length - sum(sizes)))
    return sizes


def latency(
    inputs: dict[str, np.ndarray],
    run: Callable,
    repeats: int = 21,
    seconds: float = 1.0,
) -> tuple[float, tuple[int, int]]:
    """Median milliseconds of a call with these inputs, and their (batch, length)."""
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


def _default_tolerance(quantize, expected, has_metric):
    types = {y.dtype.name for case in expected for y in case.values()}
    rounded = {quantize, *types} & set(RELATIVE_TOLERANCE)
    if not rounded:
        return FLOAT32_TOLERANCE * max(1.0, _scale(expected))
    if has_metric and quantize == "full_int8":  # it says more than the worst score
        return _scale(expected)
    return max(RELATIVE_TOLERANCE[name] for name in rounded) * _scale(expected)


def _scale(answers):
    """The largest absolute value in the float outputs."""
    floats = [y for answer in answers for y in answer.values() if _is_float(y)]
    return max((float(np.abs(y).max(initial=0)) for y in floats), default=1.0)


def _differences(wanted, found, tolerance, case, searched=()):
    """The largest difference in one case's float outputs, and in those of a search.

    None of either where there is no such output.

    Where a search ended elsewhere, its score alone is compared: of two sequences that
    are as good, rounding may choose.
    """
    if sorted(wanted) != sorted(found):
        raise ExportError(
            f"the file's outputs must be {sorted(wanted)}. Received: {sorted(found)}"
        )
    differences, of_search = [], []
    elsewhere = searched and _searched_elsewhere(wanted, found, searched)
    for name, keras_output in wanted.items():
        output = found[name]
        if output.shape != keras_output.shape or output.dtype != keras_output.dtype:
            raise ExportError(
                f"output {name!r} on {case} must be {keras_output.dtype} "
                f"{keras_output.shape}. Received: {output.dtype} {output.shape}"
            )
        if name in searched:
            output, keras_output = output[~elsewhere], keras_output[~elsewhere]
        if _is_float(output):
            difference = output.astype("float64") - keras_output.astype("float64")
            of_a_search = name in searched or (searched and output.ndim == 1)
            kind = of_search if of_a_search else differences
            kind.append(float(np.max(np.abs(difference), initial=0)))
        else:
            near_best = _near_best(keras_output, wanted, tolerance)
            near_best &= _near_best(output, wanted, tolerance)
            if not ((output == keras_output) | near_best).all():
                raise ExportError(f"output {name!r} on {case} differs from Keras")
    return [float(np.max(x)) if x else None for x in (differences, of_search)]


def _searched_elsewhere(wanted, found, searched):
    """The rows, booleans (batch,), whose searched ids are not Keras'."""
    rows = np.zeros(len(next(iter(wanted.values()))), bool)
    for name in searched:
        ids, other = wanted[name], found[name]
        if not _is_float(ids) and ids.shape == other.shape:
            rows |= (ids != other).reshape(len(ids), -1).any(axis=1)
    return rows


def _near_best(labels, outputs, tolerance):
    """Where a label's score is so near the best that rounding may choose the label."""
    for scores in outputs.values():
        if _is_float(scores) and scores.shape[:-1] == labels.shape:
            scores = scores.astype("float64")
            # Each of the two scores may move by the tolerance.
            near = scores >= scores.max(axis=-1, keepdims=True) - 2 * tolerance
            # -1, padding, is none of the labels and never near.
            is_label = labels[..., None] == np.arange(scores.shape[-1])
            return (is_label & near).any(axis=-1)
    return np.zeros(labels.shape, bool)


def _different_labels(expected, received, no_label=None):
    """How many integers in the outputs are not Keras', and how many there are.

    `(None, None)` without such outputs. An integer that is `no_label` in both is none.
    """
    pairs = [
        (y, found[name])
        for wanted, found in zip(expected, received)
        for name, y in wanted.items()
        if not _is_float(y)
    ]
    if not pairs:
        return None, None
    different = sum(int((y != z).sum()) for y, z in pairs)
    there = (
        y.size if no_label is None else ((y != no_label) | (z != no_label)).sum()
        for y, z in pairs
    )
    return different, int(sum(there))


def _is_float(array):
    # NumPy does not count bfloat16 among its own.
    return np.issubdtype(array.dtype, np.floating) or array.dtype.name == "bfloat16"
