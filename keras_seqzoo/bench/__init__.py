"""Our layers timed against Keras, PyTorch and the bare matrix products."""

import contextlib
import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial

import keras
from tqdm import tqdm

from keras_seqzoo.bench.cases import CASES, GPU_CASES, MEMORY_PEERS, Case
from keras_seqzoo.bench.gpu import require_gpu
from keras_seqzoo.bench.machine import facts, memory_bytes, set_threads
from keras_seqzoo.bench.memory import can_measure
from keras_seqzoo.bench.rows import memory_row, summary_rows, timed_rows
from keras_seqzoo.bench.shapes import MEMORY as MEMORY_SHAPE
from keras_seqzoo.bench.shapes import SWEEPS, Shape
from keras_seqzoo.bench.steps import start_backend
from keras_seqzoo.errors import UserError

MEMORY = "memory"  # the case that measures memory instead of time

_Job = tuple[str, Callable[[], list[dict]]]  # what it measures, and the rows it gives


def bench(
    work: str,
    cases: Sequence[str] = (),
    shapes: Sequence[str] = (),
    seconds: float = 20.0,
    threads: int | None = None,
    sweep: str | None = None,
    gpu: bool = False,
    save: Callable[[dict], None] | None = None,
) -> dict:
    """Time our layers against their peers.

    Args:
        work: "train" (a training step) or "infer" (batch 1).
        cases: Names in `cases.CASES` or, in training, "memory"; empty for all.
        shapes: "batch,steps,inputs,units", instead of each case's own.
        seconds: For each case and shape.
        threads: For TensorFlow and PyTorch; the machine's cores if None.
        sweep: "length" or "units": time over a range of it instead.
        gpu: Against cuDNN's LSTM and GRU instead; needs the JAX or PyTorch backend.
        save: Called with the result so far after each case, so that a run that is
            cut off loses one case at most.

    Returns:
        "rows" (see `rows.rows_of`, `rows.summary_rows` and `rows.memory_row`) and how
        they came about: "command", "sweep", "seconds", "threads", "machine".

    Raises:
        UserError: for an unknown case, a wrong or huge shape, or `gpu` without one.
    """
    if gpu:
        require_gpu()
    threads = threads or os.cpu_count()
    set_threads(threads)
    chosen = [_chosen_shape(shape) for shape in shapes]
    if sweep:
        chosen = [
            shape._replace(batch=1) if work == "infer" else shape
            for shape in SWEEPS[sweep]
        ]
    known = GPU_CASES[keras.config.backend()] if gpu else CASES
    with_memory = work == "train" and not (sweep or gpu)
    names = _chosen_names(cases, [*known, *([MEMORY] if with_memory else [])])

    jobs = {name: [] for name in names}
    for name in names:
        if name == MEMORY:
            jobs[name] = _memory_jobs(chosen or [MEMORY_SHAPE], threads)
        else:
            case = known[name]
            own = case.train if work == "train" else case.infer
            jobs[name] = _timing_jobs(name, case, work, chosen or own, seconds)
    result = {
        "command": work,
        "sweep": sweep,
        "seconds": seconds,
        "threads": threads,
    }
    with _no_retracing_warnings():
        start_backend()
        result |= {"machine": facts(), "rows": []}
        for rows in _run(jobs, with_summaries=not sweep):
            result["rows"] += rows
            if save:
                save(result)
    return result


def _chosen_shape(text: str) -> Shape:
    shape, memory = Shape.parse(text), memory_bytes()
    if memory and shape.bytes > memory:
        raise UserError(
            f"A shape must fit in this machine's memory, {memory / 1e9:.3g} GB. "
            f"Received: {text!r}, which takes {shape.bytes / 1e9:.3g} GB at least"
        )
    return shape


def _chosen_names(wanted: Sequence[str], known: list[str]) -> list[str]:
    for name in wanted:
        if name not in known:
            raise UserError(
                f"A case must be one of {', '.join(known)}. Received: {name!r}"
            )
    if wanted:
        return list(dict.fromkeys(wanted))
    return [name for name in known if name != MEMORY or can_measure()]


def _timing_jobs(
    name: str, case: Case, work: str, shapes: Sequence[Shape], seconds: float
) -> list[_Job]:
    for shape in shapes:
        try:
            case.ours(shape.units)
        except ValueError as error:
            raise UserError(f"{name} at {shape}: {error}") from error
    return [
        (f"{name} {shape}", partial(timed_rows, name, case, work, shape, seconds))
        for shape in shapes
    ]


def _memory_jobs(shapes: Sequence[Shape], threads: int) -> list[_Job]:
    if not can_measure():
        raise UserError(
            f"The case {MEMORY} needs Linux (/proc/self/clear_refs). "
            f"Received: {sys.platform}"
        )
    return [
        (f"{MEMORY} {name} {shape}", partial(_memory_rows, name, shape, threads))
        for shape in shapes
        for name in MEMORY_PEERS
    ]


def _memory_rows(name: str, shape: Shape, threads: int) -> list[dict]:
    return [memory_row(name, shape, threads)]


def _run(jobs: dict[str, list[_Job]], with_summaries: bool) -> Iterator[list[dict]]:
    """The rows of one case after the other."""
    total = sum(map(len, jobs.values()))
    with tqdm(total=total, unit="", disable=not sys.stderr.isatty()) as bar:
        for name, own_jobs in jobs.items():
            rows = []
            for label, job in own_jobs:
                bar.set_description(label)
                rows += job()
                bar.update()
            if with_summaries and name != MEMORY:
                rows += summary_rows(rows)
            yield rows


@contextlib.contextmanager
def _no_retracing_warnings() -> Iterator[None]:
    """TensorFlow takes the many functions that are made here for one retraced often."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)
