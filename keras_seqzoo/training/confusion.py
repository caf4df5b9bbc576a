"""The picture of a classifier's answers: which class is taken for which, and when."""

import io
from collections.abc import Sequence

import numpy as np

from keras_seqzoo.errors import UserError


def confusion_matrix(
    gold: np.ndarray, found: np.ndarray, num_classes: int
) -> np.ndarray:
    """How many examples of each class (row) were given each class (column).

    Args:
        gold: Ids of the examples' classes, (n,); -1 for one that the model lacks.
        found: Ids of the answers, (n,).
        num_classes: Of the model.

    Returns:
        int64 (num_classes, num_classes), without the examples of classes it lacks.
    """
    matrix = np.zeros((num_classes, num_classes), np.int64)
    np.add.at(matrix, (gold[gold >= 0], found[gold >= 0]), 1)
    return matrix


def draw_confusion(
    matrix: np.ndarray,
    labels: Sequence[str],
    by_time: Sequence[tuple[float, float]] | None = None,
    unit: str = "seconds",
) -> bytes:
    """A PNG picture.

    Args:
        matrix: As of `confusion_matrix`.
        labels: The classes' names.
        by_time: (time, accuracy in percent) of a model that answers at every step.
        unit: Of the time: "seconds", or "steps" of a series without a sampling rate.

    Raises:
        UserError: matplotlib is not there.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UserError(
            "--plot needs matplotlib: pip install keras_seqzoo[plots]"
        ) from error
    side = max(4.0, 0.55 * len(labels) + 2.0)
    columns = 2 if by_time else 1
    figure = Figure(figsize=(side * columns, side), dpi=100, layout="constrained")
    axes = figure.subplots(1, columns, squeeze=False)[0]
    shares = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    axes[0].imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for row, column in np.argwhere(matrix):
        colour = "white" if shares[row, column] > 0.5 else "black"
        number = f"{matrix[row, column]}"
        axes[0].text(column, row, number, ha="center", va="center", color=colour)
    ticks = range(len(labels))
    axes[0].set_xticks(ticks, labels, rotation=45, ha="right")
    axes[0].set_yticks(ticks, labels)
    axes[0].set(xlabel="answer", ylabel="class")
    if by_time:
        times, accuracies = zip(*by_time)
        axes[1].plot(times, accuracies, color="#0072B2", marker="o")
        for at, accuracy in by_time:
            axes[1].annotate(
                f"{accuracy:.1f}",
                (at, accuracy),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
            )
        axes[1].set(xlabel=f"{unit} seen", ylabel="accuracy (%)", xlim=(0, None))
        axes[1].margins(y=0.15)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
