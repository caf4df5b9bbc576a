"""A model's figure on a split of a data set."""

import os
import time
from typing import Any

from keras_seqzoo import registry, runtime
from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError
from keras_seqzoo.training.tasks import task_of


def evaluate(
    tag_or_folder: str | os.PathLike,
    *,
    dataset: str | None = None,
    data_dir: str | None = None,
    split: str = "test",
    batch_size: int = 64,
) -> dict[str, Any]:
    """Measures a preset on a data set, by default the one that its metadata names.

    Args:
        tag_or_folder: A tag such as "bi_gru_tagger.atis", a preset's folder or zip, or
            a .tflite or .onnx file that `seqzoo.export` wrote, which its own runtime
            then runs.
        dataset: One that the model's task has, such as "atis".
        data_dir: Folder of a local copy of the data.
        split: One that the task reads of the set, such as "test".
        batch_size: Examples in a batch.

    Returns:
        {"tag", "dataset", "split", "metric", "value", "examples",
        "seconds"}.

    Raises:
        UserError: Unknown tag or split, damaged preset, data that is not there, or a
            batch size that is no positive integer.
    """
    positive_integer("batch_size", batch_size)
    if os.path.splitext(os.fspath(tag_or_folder))[1] in (".tflite", ".onnx"):
        model = runtime.load(tag_or_folder)
        about = model.description["model"]
        architecture = about.get("architecture")
        if architecture not in registry.architectures():
            raise UserError(f"{tag_or_folder} must be the file of a model of the zoo.")
        tag = f"{architecture}.{about.get('tag')}"
        known = registry.list_models(pretrained=True)
        named = registry.info(tag).dataset if tag in known else None
    else:
        model = registry.load(tag_or_folder)
        named = registry.info(tag_or_folder).dataset
        architecture = model.architecture
    task = task_of(architecture)
    if dataset is None and named not in task.DATASETS:
        raise UserError(
            f"{tag_or_folder}: its metadata must name a data set, or give one with "
            f"--dataset: {', '.join(task.DATASETS)}. Received: dataset={named!r}"
        )
    dataset = named if dataset is None else dataset
    rows = task.read(dataset, split, data_dir)
    if isinstance(model, runtime.Runner):
        metric = task.metric(model, rows, batch_size)
        score = lambda: metric(model)  # noqa: E731
    else:
        score = task.scorer(model, rows, batch_size)
    began = time.perf_counter()
    value = score()
    return {
        "tag": os.path.basename(os.fspath(tag_or_folder).rstrip("/")),
        "dataset": dataset,
        "split": split,
        "metric": task.METRIC,
        "value": round(value, 2),
        "examples": len(rows),
        "seconds": round(time.perf_counter() - began, 3),
    }
