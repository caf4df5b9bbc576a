"""A model's figure on a split of a data set."""

import os
import pathlib
import time
from collections.abc import Mapping
from typing import Any

from keras_seqzoo import arguments, registry, runtime
from keras_seqzoo.errors import UserError
from keras_seqzoo.models.search_arguments import search_overrides
from keras_seqzoo.training.tasks import Task, task_of


def evaluate(
    tag_or_folder: str | os.PathLike,
    *,
    dataset: str | None = None,
    data_dir: str | None = None,
    split: str | None = None,
    batch_size: int = 64,
    beams: int | None = None,
    plot: str | os.PathLike | None = None,
) -> dict[str, Any]:
    """Measures a preset on a data set, by default the one that its metadata names.

    Args:
        tag_or_folder: A tag such as "bi_gru_tagger.atis", a preset's folder or zip, or
            a .tflite or .onnx file that `seqzoo.export` wrote, which its own runtime
            then runs.
        dataset: One that the model's task has, such as "atis".
        data_dir: Folder of a local copy of the data.
        split: One that the task reads of the set; by default `measured_split`.
        batch_size: Examples in a batch.
        beams: Of the search of a model that has one; None for its own, 1 for greedy.
            A file has its search in it.
        plot: A PNG file to write, of a classifier: which class it takes for which, and
            of one that answers at every step its accuracy over time.

    Returns:
        {"tag", "dataset", "split", "metric", "value", "examples",
        "seconds"}, and "beams" if they were given.

    Raises:
        UserError: Unknown tag or split, damaged preset, data that is not there, a
            batch size that is no positive integer, no picture of the model's task, or
            beams of a model that does not search.
    """
    arguments.positive_integer("batch_size", batch_size)
    search = search_overrides(tag_or_folder, beams)
    if os.path.splitext(os.fspath(tag_or_folder))[1] in (".tflite", ".onnx"):
        model = runtime.load(tag_or_folder)
        about = model.description["model"]
        architecture = about.get("architecture")
        if architecture not in registry.architectures():
            raise UserError(f"{tag_or_folder} must be the file of a model of the zoo.")
        tag = f"{architecture}.{about.get('tag')}"
        known = registry.list_models(pretrained=True)
        metadata = registry.info(tag).metadata if tag in known else {}
    else:
        model = registry.load(tag_or_folder, **search)
        metadata = registry.info(tag_or_folder).metadata
        architecture = model.architecture
    task = task_of(architecture)
    if plot is not None:
        _check_plot(plot, task)
    named = metadata.get("dataset")
    if dataset is None and named not in task.DATASETS:
        raise UserError(
            f"{tag_or_folder}: its metadata must name a data set, or give one with "
            f"--dataset: {', '.join(task.DATASETS)}. Received: dataset={named!r}"
        )
    dataset = named if dataset is None else dataset
    split = measured_split(metadata, dataset) if split is None else split
    rows = task.read(dataset, split, data_dir)
    if isinstance(model, runtime.Runner):
        metric = task.metric(model, rows, batch_size)
        score, run = (lambda: metric(model)), model
    else:
        score, run = task.scorer(model, rows, batch_size), task.runner(model)
    began = time.perf_counter()
    value = score()
    seconds = time.perf_counter() - began
    if plot is not None:
        pathlib.Path(plot).write_bytes(task.picture(model, rows, batch_size)(run))
    return {
        "tag": os.path.basename(os.fspath(tag_or_folder).rstrip("/")),
        "dataset": dataset,
        "split": split,
        **({} if beams is None else {"beams": beams}),
        "metric": task.METRIC,
        "value": round(value, 2),
        "examples": len(rows),
        "seconds": round(seconds, 3),
    }


def measured_split(metadata: Mapping[str, Any], dataset: str) -> str:
    """The part of a data set that a model's own figure is of; "test" of another set.

    Args:
        metadata: Of the model's preset.
        dataset: The data set.
    """
    if metadata.get("dataset") != dataset:
        return "test"
    return metadata.get("split", "test")


def _check_plot(plot: str | os.PathLike, task: type[Task]) -> None:
    """Now, not after the work."""
    if task.picture.__func__ is Task.picture.__func__:
        raise UserError("--plot is for classifiers: only they confuse classes.")
    path = arguments.path("plot", plot)
    if path.suffix.lower() != ".png":
        raise UserError(f"--plot must end in .png. Received: {path}")
    if not os.access(path.parent, os.W_OK):
        raise UserError(f"--plot must be in a folder that can be written: {path}")
