"""Series classification: activities by a phone's accelerometer, speakers by a vowel."""

import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.arguments import one_of
from keras_seqzoo.datasets import augment, catalogue
from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.errors import UserError
from keras_seqzoo.preprocessing.series_csv import read_series
from keras_seqzoo.runtime.series import checked_series, checked_values
from keras_seqzoo.training.tasks.classification import Classification
from keras_seqzoo.training.tasks.own_row import as_row
from keras_seqzoo.training.tasks.task import Words, check_shift

# Of UCI HAR's 21 persons of train: for choosing settings, before training on all.
HELD_OUT = (26, 27, 28, 29, 30)
# What a split's name ends in that is of task A; task B has the plain names.
TASK_A = "_64"


# Of the card: the lines of a model that answers at every step.
STREAM = """\
stream = model.stream()
for sample in measurements:  # as they come, one at a time or several
    label, probability = stream(sample)  # by now
print(label, probability)
"""


class Series(NamedTuple):
    """Measurements (time, channels), and their class."""

    values: np.ndarray
    label: str


class SeriesClassification(Classification):
    """Rows are `Series`.

    UCI HAR has the two tasks of its card: `train` and `test` are B, the windows of 128
    samples, which are two examples of 64 joined; `train_64` and `test_64` are A, all
    examples as they are. Beside them it has `fit` and `validation`, the windows of
    train without and of the persons in HELD_OUT, and of A `fit_64` and
    `validation_64`.
    """

    DATASETS = ("uci_har", "japanese_vowels")
    OPTIONS = frozenset({"noise", "rotate", "time_shift"})
    GIVES = "It reads measurements step by step and gives their class."
    FIGURE_IS = (
        "the share of series that get their own class, in percent: of UCI HAR the "
        "windows\nof its test persons, of `test` the 2,772 of 128 samples (task B) and "
        "of `test_64`\nall 2,947 of 64 samples (task A); of Japanese Vowels the 370 "
        "utterances of its\ntest part"
    )
    INTENDED_USE = """\
To name what a phone's sensor sees, on the phone; as a start for other classes, by
fine-tuning; to compare recurrent cells."""
    USAGE = """\
model = seqzoo.load("{{name}}")
measurements = np.random.normal(size=(100, {channels}))  # (time, channels)
print(model.predict_series([measurements]))  # [(label, probability)]
{stream}
# A new head, to fine-tune on your own classes in plain Keras.
model = seqzoo.load("{{name}}", labels=["wave", "rest"])
"""
    OWN_ROWS = '[(measurements, "rest")]'
    LIMITS = """\
Measurements like the data's: the same sensor, place on the body, rate, unit and axes.
No other device or person was tried, and no bias was looked for."""
    STEPS = "steps"
    OWN_ROW = "tuples (values or the path of a CSV file, label)"

    @classmethod
    def words(cls, config: Mapping[str, Any], metadata: Mapping[str, Any]) -> Words:
        """With the number of channels, and a stream of a model of one direction."""
        words = super().words(config, metadata)
        usage = words.usage.format(
            channels=len(config["channels"]),
            stream="" if config["bidirectional"] else STREAM,
        )
        return words._replace(usage=usage)

    @classmethod
    def options(cls, dataset: str) -> frozenset[str]:
        # Only of the accelerometer the channels are a vector in space.
        return cls.OPTIONS if dataset == "uci_har" else cls.OPTIONS - {"rotate"}

    @classmethod
    def check_options(cls, data: Any) -> None:
        if data.time_shift % 1:
            raise UserError(
                f"data.time_shift: must be a whole number of steps on {data.dataset}. "
                f"Received: {data.time_shift:g}"
            )

    @classmethod
    def splits(cls, dataset: str) -> tuple[str, ...]:
        splits = super().splits(dataset)
        if dataset != "uci_har":
            return splits
        splits = *splits, "fit", "validation"
        return *splits, *(split + TASK_A for split in splits)

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Series]:
        names = catalogue.builder(dataset, data_dir).info.features["label"].names
        if dataset != "uci_har":
            rows = catalogue.rows(dataset, split, data_dir)
            return [Series(row["series"], names[row["label"]]) for row in rows]
        part, halves = split.removesuffix(TASK_A), split.endswith(TASK_A)
        rows = catalogue.rows(dataset, "test" if part == "test" else "train", data_dir)
        wanted = {"fit": (False,), "validation": (True,)}.get(part, (False, True))
        return [
            Series(
                row["acceleration"] if halves else _joined(row, after),
                names[row["label"]],
            )
            for row, after in itertools.zip_longest(rows, rows[1:])
            if (halves or row["joined"]) and (row["subject"] in HELD_OUT) in wanted
        ]

    @classmethod
    def lengths(cls, rows: Sequence[Series]) -> list[int]:
        return [len(row.values) for row in rows]

    @classmethod
    def label(cls, row: Series) -> str:
        return row.label

    @classmethod
    def assets(cls, rows: Sequence[Series], data: Any) -> dict[str, Any]:
        values = np.concatenate([row.values for row in rows])
        channels = ["x", "y", "z"]
        if data.dataset != "uci_har":
            channels = [f"coefficient {i + 1}" for i in range(values.shape[1])]
        return {
            "channels": channels,
            "mean": [round(float(x), 6) for x in values.mean(axis=0)],
            "deviation": [round(float(x), 6) for x in values.std(axis=0)],
            "labels": sorted({row.label for row in rows}),
            "sample_rate": 50.0 if data.dataset == "uci_har" else None,
        }

    @classmethod
    def own_row(cls, row: Any, model: Any) -> Series:
        """Of an array (time, channels) or a CSV file, and one of the model's labels."""
        values, label = as_row(Series, row)
        label = one_of("label", label, model.labels)
        if isinstance(values, str | os.PathLike):
            return Series(read_series(values, model.channels), label)
        return Series(checked_values(values, model.channels, "`values`"), label)

    @classmethod
    def encode(cls, rows: Sequence[Series], model: Any) -> Examples:
        ids = {label: i for i, label in enumerate(model.labels)}
        lengths = cls.lengths(rows)
        values = np.concatenate([row.values for row in rows]).astype("float32")
        series = tf.RaggedTensor.from_row_lengths(values, lengths)
        targets = tf.constant([ids[row.label] for row in rows], tf.int32)
        if len(model.output.shape) == 3:  # an answer at every step
            targets = tf.RaggedTensor.from_row_lengths(
                tf.repeat(targets, lengths), lengths
            )
        return Examples({"series": series}, targets, tf.constant(lengths, tf.int32))

    @classmethod
    def training_examples(
        cls, rows: Sequence[Series], model: Any, data: Any
    ) -> Examples:
        check_shift(data, min(cls.lengths(rows)) // 2, "the shortest series, in steps")
        return cls.encode(rows, model)

    @classmethod
    def augment(cls, data: Any) -> Callable | None:
        if not data.noise and not data.rotate and not data.time_shift:
            return None

        def changed(inputs, targets, seed):
            series = inputs["series"]
            of_rotation, of_noise = tf.unstack(tf.random.split(seed))
            if data.rotate:
                series = augment.rotate(series, of_rotation, data.rotate)
            if data.time_shift:
                of_shift, most = tf.random.fold_in(seed, 1), int(data.time_shift)
                series = augment.time_shift(series, of_shift, most, repeat_edge=True)
            if data.noise:
                series = augment.add_noise(series, of_noise, data.noise)
            return {"series": series}, targets

        return changed

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[Series]) -> dict[str, np.ndarray]:
        arrays = checked_series([row.values for row in rows], model.channels)
        shape = len(rows), max(cls.lengths(rows)), len(model.channels)
        series = np.zeros(shape, np.float32)
        for row, array in enumerate(arrays):
            series[row, : len(array)] = array
        return {"series": series}

    @classmethod
    def accuracy_by_time(
        cls, model: Any, rows: Sequence[Series]
    ) -> list[tuple[float, float]] | None:
        """Of a model in one direction, as far as the shortest row goes.

        After each half second; of steps that are no time after every n-th of them, at
        most 19 times.
        """
        if not isinstance(model, keras.Model) or len(model.output.shape) != 3:
            return None
        shortest = min(cls.lengths(rows))
        if model.sample_rate:
            ends = np.arange(1, int(2 * shortest / model.sample_rate) + 1) / 2
            steps = (ends * model.sample_rate).astype(int) - 1
        else:
            every = max(1, shortest // 10)
            ends = np.arange(every, shortest + 1, every)
            steps = ends - 1
        known = {label: i for i, label in enumerate(model.labels)}
        right = np.zeros(len(ends))
        for start in range(0, len(rows), 256):
            batch = rows[start : start + 256]
            scores = np.asarray(model(cls.inputs(model, batch), training=False))
            gold = np.array([known.get(row.label, -1) for row in batch])
            right += (scores[:, steps].argmax(axis=-1) == gold[:, None]).sum(axis=0)
        return [(float(t), 100.0 * n / len(rows)) for t, n in zip(ends, right)]


def _joined(row: dict, after: dict) -> np.ndarray:
    return np.concatenate([row["acceleration"], after["acceleration"]])
