"""What the exports are to reach, and whether they do."""

from collections.abc import Callable, Collection
from typing import NamedTuple

from keras_seqzoo.bench.export_contenders import (
    FUSED,
    INT8,
    OURS,
    PLAIN,
    UNROLLED,
)
from keras_seqzoo.bench.export_models import MODELS, OUR_MODELS

Rows = dict[str, dict]  # exporter -> its row, of one model


class Target(NamedTuple):
    """A figure and its limit.

    Attributes:
        name: What is measured.
        limit: The largest figure allowed.
        models: Of which models.
        figure: From a model's rows, those of `needs` among them, to the figure; None
            where a file does not run.
        needs: What must have been tried: names of exporters, or how they begin.
    """

    name: str
    limit: float
    models: Collection[str]
    figure: Callable[[Rows], float | None]
    needs: tuple[str, ...] = (OURS,)


def _difference(exporter: str) -> Callable[[Rows], float | None]:
    return lambda rows: rows[exporter]["difference"]


def _largest_ratio(exporter: str) -> Callable[[Rows], float | None]:
    """Our time over an exporter's, at the length where it is largest."""

    def figure(rows):
        (row,) = (row for name, row in rows.items() if name.startswith(exporter))
        return max(row["ratio"].values(), default=None)

    return figure


def _int8_latency(rows: Rows) -> float | None:
    """At the first length."""
    ratios = rows[INT8]["ratio"]
    return 1 / ratios[min(ratios, key=int)] if ratios else None


def _int8_size(rows: Rows) -> float | None:
    int8, float32 = rows[INT8]["bytes"], rows[OURS]["bytes"]
    return int8 / float32 if int8 and float32 else None


PEEPHOLES = ("peephole_cell", "peephole_lstm")
TORCH = "torch.nn."
TARGETS = (
    Target("runs in LiteRT, difference from Keras", 1e-5, MODELS, _difference(OURS)),
    Target("TFLite / unrolled", 0.40, PEEPHOLES, _largest_ratio(UNROLLED), (UNROLLED,)),
    Target("TFLite / fused operator", 1.0, PEEPHOLES, _largest_ratio(FUSED), (FUSED,)),
    Target("int8 / float32, latency", 0.45, MODELS, _int8_latency, (INT8,)),
    Target("int8 / float32, size", 0.29, MODELS, _int8_size, (INT8, OURS)),
    Target(
        "latency at 10 times the steps", 11.0, MODELS, lambda rows: rows[OURS]["growth"]
    ),
    Target(
        "ONNX / torch.nn", 0.9, ("gru", *PEEPHOLES), _largest_ratio(TORCH), (TORCH,)
    ),
    Target(
        "Keras' own export runs, difference",
        1e-5,
        OUR_MODELS,
        _difference(PLAIN),
        (PLAIN,),
    ),
)


def target_rows(rows: list[dict]) -> list[dict]:
    """Each target of each model that was measured.

    Args:
        rows: As `export_rows.export_rows` gives them.

    Returns:
        A dict for each: "target", "model", "limit", "value" and "reached", which is
        False where there is no value, since a file does not run.
    """
    models = {}
    for row in rows:
        models.setdefault(row["model"], {})[row["exporter"]] = row
    found = []
    for target in TARGETS:
        for model, of_model in models.items():
            if model not in target.models or not all(
                any(name.startswith(need) for name in of_model) for need in target.needs
            ):
                continue
            value = target.figure(of_model)
            found.append(
                {
                    "target": target.name,
                    "model": model,
                    "limit": target.limit,
                    "value": value,
                    "reached": value is not None and value <= target.limit,
                }
            )
    return found
