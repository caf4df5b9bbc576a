"""Draws a sweep: time against sequence length or units."""

import pathlib
from typing import Any

from matplotlib.figure import Figure

from keras_seqzoo.bench.cases import OURS, PRODUCTS, TORCH_PRODUCTS
from keras_seqzoo.bench.shapes import Shape
from keras_seqzoo.errors import UserError

# Okabe and Ito's colours, which the colour-blind can tell apart.
_STYLES = {  # what a contender's name begins with -> its line
    OURS: {"color": "#D55E00", "linewidth": 2.5, "zorder": 3},
    TORCH_PRODUCTS: {"color": "0.6", "linestyle": ":"},
    PRODUCTS: {"color": "0.6", "linestyle": "--"},
    "torch.nn": {"color": "#009E73"},
    "keras.layers.RNN": {"color": "#0072B2"},
    "keras.layers": {"color": "#56B4E9"},
    "": {"color": "#CC79A7"},
}
_AXES = {"length": ("steps", "time steps"), "units": ("units", "units")}


def check_format(path: str | pathlib.Path) -> None:
    """Checks that a figure can be written to a file of this name.

    Raises:
        UserError: if its suffix is not a format that matplotlib writes.
    """
    formats = Figure().canvas.get_supported_filetypes()
    if pathlib.Path(path).suffix[1:].lower() not in formats:
        raise UserError(
            f"A plot's file must end in .{', .'.join(sorted(formats))}. "
            f"Received: {str(path)!r}"
        )


def draw_sweep(result: dict, path: str | pathlib.Path) -> None:
    """Write a figure with a panel for each case, logarithmic in both directions.

    Args:
        result: What `bench(..., sweep=...)` gave.
        path: The file; its suffix is the format.
    """
    field, label = _AXES[result["sweep"]]
    cases = list(dict.fromkeys(row["case"] for row in result["rows"]))
    columns = min(3, len(cases))
    lines = -(-len(cases) // columns)
    figure = Figure(
        figsize=(1.2 + 3.4 * columns, 3.6 * lines), dpi=100, layout="constrained"
    )
    panels = figure.subplots(lines, columns, squeeze=False, sharex=True, sharey=True)
    for panel in panels.flat[len(cases) :]:
        panel.set_axis_off()
    for case, panel in zip(cases, panels.flat):
        rows = [row for row in result["rows"] if row["case"] == case]
        _draw_case(panel, rows, field)
        panel.set_title(case)
        panel.tick_params(labelbottom=True)
        panel.set_xlabel(label)
    for panel in panels[:, 0]:
        panel.set_ylabel(_work(result) + ", ms")
    figure.savefig(path)


def _work(result: dict) -> str:
    return {"train": "training step", "infer": "inference"}[result["command"]]


def _draw_case(panel: Any, rows: list[dict], field: str) -> None:
    lines = {OURS: {}}
    for row in rows:
        x = getattr(Shape.parse(row["shape"]), field)
        lines[OURS][x] = row["ours_ms"]
        lines.setdefault(row["peer"], {})[x] = row["peer_ms"]
    for name, points in lines.items():
        style = next(s for start, s in _STYLES.items() if name.startswith(start))
        panel.plot(points.keys(), points.values(), marker=".", label=name, **style)
    panel.set(xscale="log", yscale="log")
    panel.set_xticks([*lines[OURS]], map(str, lines[OURS]))
    panel.minorticks_off()
    panel.yaxis.set_major_formatter("{x:g}")
    panel.grid(color="0.9")
    panel.spines[["top", "right"]].set_visible(False)
    panel.legend(fontsize="x-small", frameon=False)
