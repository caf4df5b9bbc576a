"""The picture of a training: loss and dev figure over the epochs."""

import io
from collections.abc import Sequence
from typing import Any


def draw_curve(
    history: Sequence[dict[str, Any]], best_epoch: int, name: str, label: str
) -> bytes | None:
    """A PNG picture.

    Args:
        history: For each epoch "epoch", "loss" and, if there is one, the dev figure.
        best_epoch: Whose weights are kept.
        name: The dev figure's column.
        label: The figure in words.

    Returns:
        The picture; None without matplotlib, which is in the extra `plots`.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return None
    epochs = [row["epoch"] for row in history]
    figure = Figure(figsize=(6, 3), dpi=100, layout="constrained")
    axes = figure.subplots()
    axes.plot(epochs, [row["loss"] for row in history], color="#0072B2", marker=".")
    axes.set(xlabel="epoch", yscale="log")
    axes.set_ylabel("training loss", color="#0072B2")
    if name in history[0]:
        other = axes.twinx()
        values = [row[name] for row in history]
        other.plot(epochs, values, color="#D55E00", marker=".")
        best = values[epochs.index(best_epoch)]
        other.plot([best_epoch], [best], color="#D55E00", marker="o")
        other.annotate(
            f"{best:.2f}",
            (best_epoch, best),
            xytext=(0, -14),
            textcoords="offset points",
            ha="center",
        )
        other.set_ylabel(f"dev {label}", color="#D55E00")
    picture = io.BytesIO()
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
