"""What the tasks with one class for each example share."""

import abc
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np

from keras_seqzoo.training.confusion import confusion_matrix, draw_confusion
from keras_seqzoo.training.losses import LabelLoss
from keras_seqzoo.training.tasks.task import Run, Task, check_labels


class Classification(Task):
    """Base of tasks whose models serve `labels` (batch,)."""

    METRIC = "accuracy"
    TOLERANCE = 1.0
    FIGURE = "accuracy"
    FIGURE_IS = "the share of examples that get their own class, in percent"

    @classmethod
    @abc.abstractmethod
    def lengths(cls, rows: Sequence[Any]) -> list[int]:
        """The steps of each row."""

    @classmethod
    @abc.abstractmethod
    def label(cls, row: Any) -> str:
        """The name of a row's class."""

    @classmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        return LabelLoss(training.label_smoothing)

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[Any], batch_size: int = 64
    ) -> Callable[[Run], float]:
        answers = cls._answers(model, rows, batch_size)

        def accuracy(run):
            gold, found = answers(run)
            return 100.0 * float(np.mean(found == gold))

        return accuracy

    @classmethod
    def picture(
        cls, model: Any, rows: Sequence[Any], batch_size: int = 64
    ) -> Callable[[Run], bytes]:
        """See `Task.picture`: the confusion matrix."""
        answers = cls._answers(model, rows, batch_size)
        by_time = cls.accuracy_by_time(model, rows)
        unit = "seconds" if getattr(model, "sample_rate", None) else cls.STEPS

        def drawn(run):
            matrix = confusion_matrix(*answers(run), len(model.labels))
            return draw_confusion(matrix, model.labels, by_time, unit)

        return drawn

    @classmethod
    def accuracy_by_time(
        cls, model: Any, rows: Sequence[Any]
    ) -> list[tuple[float, float]] | None:
        """(time, accuracy in percent); None of a model without answers in between.

        The time is in seconds, or in STEPS of a model without `sample_rate`.

        Args:
            model: Of the task, or its runner.
            rows: What it is measured on.
        """
        return None

    @classmethod
    def _answers(
        cls, model: Any, rows: Sequence[Any], batch_size: int
    ) -> Callable[[Run], tuple[np.ndarray, np.ndarray]]:
        """A function of `run`: ids of the rows' classes, and of the answers."""
        order = np.argsort(cls.lengths(rows), kind="stable")
        rows = [rows[i] for i in order]  # of like length together: less padding
        batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        inputs = [cls.inputs(model, batch) for batch in batches]
        check_labels(model, {cls.label(row) for row in rows})
        # A class that the model does not have is -1: no answer is right.
        known = {label: i for i, label in enumerate(model.labels)}
        gold = np.array([known.get(cls.label(row), -1) for row in rows])

        def answers(run):
            return gold, np.concatenate([run(batch)["labels"] for batch in inputs])

        return answers
