"""Draws where the gradients of the seven cells vanish, and shows it in README.md.

Each cell, at its default initialisation, reads a long random sequence; at the last step
a classifier is asked which feature was the largest at the first.

    python tools/gradient_flow.py           # writes the figure, and README.md
    python tools/gradient_flow.py --json    # prints the numbers instead
"""

import argparse
import json
import os
import pathlib
import sys
import textwrap

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
from matplotlib.figure import Figure
from readme_section import write_section

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.diagnose import gradient_flow
from keras_seqzoo.layers import recurrent_layer

ROOT = pathlib.Path(__file__).resolve().parents[1]
FIGURE = "docs/gradient_flow.png"
SECTION = "gradient flow"
FEATURES, BATCH = 8, 32

# Okabe and Ito's colours, which the colour-blind can tell apart. Peepholes start at
# zero, so the peephole LSTM starts as an LSTM: dashes on its line.
CELLS = {  # name -> label, colour, line
    "simple_rnn": ("simple RNN", "#000000", "-"),
    "lstm": ("LSTM", "#56B4E9", "-"),
    "peephole_lstm": ("peephole LSTM", "#0072B2", (0, (4, 4))),
    "coupled_lstm": ("coupled LSTM", "#009E73", "-"),
    "gru": ("GRU", "#D55E00", "-"),
    "clockwork_rnn": ("clockwork RNN", "#CC79A7", "-"),
    "scrn": ("SCRN", "#E69F00", "-"),
}


def measure(steps: int, units: int, seeds: int) -> dict:
    """The settings, and for each cell `norms`, of all states together, and of h."""
    cells = []
    for cell, (label, *_) in CELLS.items():
        flows = [_flow(cell, steps, units, seed) for seed in range(seeds)]
        whole, hidden = (
            np.array([list(getattr(flow, kind).values())[0] for flow in flows])
            for kind in ("whole_norms", "norms")
        )
        cells.append(
            {
                "cell": cell,
                "label": label,
                "norms": _relative(whole).tolist(),
                "hidden_norms": _relative(hidden).tolist(),
            }
        )
    return {"steps": steps, "units": units, "seeds": seeds, "cells": cells}


def _flow(cell, steps, units, seed):
    keras.utils.set_random_seed(seed)
    # In float64: the GRU's gradient is soon smaller than any float32.
    model = keras.Sequential(
        [
            keras.Input((steps, FEATURES), dtype="float64"),
            recurrent_layer(cell, units, dtype="float64"),
            keras.layers.Dense(FEATURES, activation="softmax", dtype="float64"),
        ]
    )
    x = np.random.default_rng(seed).normal(size=(BATCH, steps, FEATURES))
    largest = x[:, 0].argmax(axis=-1)
    return gradient_flow(model, (x, largest), "sparse_categorical_crossentropy")


def _relative(norms):
    """Geometric mean over the seeds (seeds, time) of norms over the last step's."""
    return np.exp(np.log(norms / norms[:, -1:]).mean(axis=0))


def draw(measured: dict, file: pathlib.Path) -> None:
    """One line a cell, with its name at its left end."""
    steps = measured["steps"]
    figure = Figure(figsize=(8.3, 4.8), dpi=150, layout="constrained")
    axes = figure.subplots()
    ends = {}
    for row in measured["cells"]:
        label, colour, line = CELLS[row["cell"]]
        axes.plot(row["norms"], color=colour, linestyle=line, linewidth=2)
        ends.setdefault(f"{row['norms'][0]:.3g}", []).append((label, colour))
    for y, same in ends.items():
        axes.annotate(
            ",\n".join(label for label, _ in same),
            (0, float(y)),
            xytext=(-5, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=same[-1][1],
            weight="bold",
        )
    axes.set(
        yscale="log",
        xlim=(-0.22 * steps, steps),
        xlabel="time step",
        ylabel="|dL/d$h_t$|, relative to the last step",
    )
    axes.set_xticks(np.linspace(0, steps, 5))
    axes.grid(color="0.9")
    axes.text(
        0.98,
        0.04,
        "$h_t$: all that a step hands to the next,\n"
        "h and c of an LSTM, h and s of the SCRN",
        transform=axes.transAxes,
        ha="right",
        color="0.3",
        linespacing=1.4,
    )
    axes.spines[["top", "right"]].set_visible(False)
    file.parent.mkdir(exist_ok=True)
    figure.savefig(file)


def section(measured: dict) -> str:
    """Markdown: the figure, what it shows, and its ends as a table."""
    back = measured["steps"] - 1
    cells = measured["cells"]
    rows = {
        "": [row["label"] for row in cells],
        f"{back} steps back": [f"{row['norms'][0]:.0e}" for row in cells],
        "a step back": [f"{row['norms'][0] ** (1 / back):.2f}" for row in cells],
    }
    lines = [f"| {' | '.join([name, *values])} |" for name, values in rows.items()]
    lines.insert(1, "|---" * (len(cells) + 1) + "|")
    text = (
        f"Written by `python tools/gradient_flow.py`: {measured['units']} units at "
        "their default initialisation, random inputs, and a loss read at the last of "
        f"{measured['steps']} steps; geometric mean of {measured['seeds']} seeds. The "
        "second row is the average factor of one step. Peepholes start at zero, so "
        "the peephole LSTM starts as an LSTM."
    )
    image = f"![Size of the gradient at each time step, for seven cells]({FIGURE})"
    return "\n".join([image, "", *lines, "", textwrap.fill(text, 88)])


def main(arguments=None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--units", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="print, and write nothing")
    arguments = parser.parse_args(arguments)
    try:
        for name in ("steps", "units", "seeds"):
            positive_integer(f"--{name}", getattr(arguments, name))
        if arguments.steps == 1:
            raise ValueError("`--steps` must be 2 or more. Received: --steps=1")
        for cell in CELLS:
            recurrent_layer(cell, arguments.units)
    except ValueError as error:
        parser.error(str(error))
    measured = measure(arguments.steps, arguments.units, arguments.seeds)
    if arguments.json:
        print(json.dumps(measured))
        return 0
    draw(measured, ROOT / FIGURE)
    write_section(ROOT / "README.md", SECTION, section(measured))
    return 0


if __name__ == "__main__":
    sys.exit(main())
