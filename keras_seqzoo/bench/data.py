"""Times recipes' data pipelines: how fast they are, and whether training waits."""

import pathlib
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_seqzoo.bench.machine import facts, set_threads
from keras_seqzoo.datasets.pipeline import padding_share
from keras_seqzoo.training.preparation import Prepared, prepare
from keras_seqzoo.training.recipe import read_recipe

LARGEST_PADDING, LARGEST_WAIT = 0.08, 0.05  # what is to be reached
OF_TEXT = ("words", "subwords", "characters")  # steps of which padding has a limit
WARM_UP = 5  # steps


def bench_data(
    recipes: Sequence[pathlib.Path],
    data_dir: str | None = None,
    seconds: float = 20.0,
    threads: int | None = None,
    save: Callable[[dict[str, Any]], None] = lambda result: None,
) -> dict[str, Any]:
    """Measure recipes' pipelines.

    Args:
        recipes: The files.
        data_dir: Folder of local copies of the data, one folder a set.
        seconds: To train each for; a step at least.
        threads: For TensorFlow.
        save: Gets the result so far after each recipe.

    Returns:
        "machine" and "rows": for each recipe what its examples are counted in, examples
        a second from the pipeline alone, the share of cells that are padding,
        milliseconds of a training step, and the share of the training's time in which
        it waits for the next batch: what handing over a batch that is ready takes is
        not counted.
    """
    if threads is not None:
        set_threads(threads)
    rows = []
    result = {"command": "data", "seconds": seconds, "machine": facts(), "rows": rows}
    for number, path in enumerate(recipes, 1):
        row = _row(path, data_dir, seconds)
        rows.append(row)
        save(result)
        where = f"{number} of {len(recipes)}, {row['recipe']}"
        print(f"{where}: waits {100 * row['wait']:.1f} %", file=sys.stderr, flush=True)
    return result


def _row(path: pathlib.Path, data_dir: str | None, seconds: float) -> dict[str, Any]:
    recipe = read_recipe(path)
    prepared = prepare(recipe, path, data_dir, tf.distribute.get_strategy())
    epoch = prepared.batches(0, 1)
    for _ in epoch:  # what is made once is made
        pass
    began = time.perf_counter()
    for _ in epoch:
        pass
    alone = time.perf_counter() - began
    steps, waits = _trained(prepared, seconds)
    return {
        "recipe": path.stem,
        "steps": prepared.task.STEPS,
        "examples": len(prepared.training_set),
        "examples_per_second": len(prepared.training_set) / alone,
        "padding": padding_share(prepared.examples, epoch),
        "step_ms": 1e3 * float(np.median(steps)),
        "wait": sum(waits) / (sum(steps) + sum(waits)),
    }


def _trained(prepared: Prepared, seconds: float) -> tuple[list, list]:
    """Seconds of each step, and of each wait for its batch before.

    A batch is handed over to Python here, which `fit` spares; so the time is taken off
    that the same takes with a batch that is ready.
    """
    dataset = prepared.batches(0, 1_000_000)  # one epoch after the other, as in `fit`
    step = tf.function(
        prepared.model.train_step,
        input_signature=[dataset.element_spec],
        jit_compile=prepared.model.jit_compile,
    )
    steps, waits, batches = [], [], iter(dataset)
    for _ in range(WARM_UP):
        batch = next(batches)
        step(batch)
    ready, handing_over = iter(tf.data.Dataset.from_tensors(batch).repeat()), []
    while not steps or sum(steps) + sum(waits) < seconds:
        began = time.perf_counter()
        batch = next(batches)
        got = time.perf_counter()
        float(step(batch)["loss"])
        waits.append(got - began)
        steps.append(time.perf_counter() - got)
        began = time.perf_counter()
        next(ready)
        handing_over.append(time.perf_counter() - began)
    spared = float(np.median(handing_over))
    return steps, [max(0.0, wait - spared) for wait in waits]


def verdicts(row: dict[str, Any]) -> dict[str, bool]:
    """Whether a row's figures reach what is asked for: padding of texts alone."""
    found = {"wait": row["wait"] <= LARGEST_WAIT}
    if row["steps"] in OF_TEXT:
        found["padding"] = row["padding"] <= LARGEST_PADDING
    return found
