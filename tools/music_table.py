"""Writes the comparison of the cells on polyphonic music into README.md.

    python tools/music_table.py --floors DATA    # first computes what needs no network
    python tools/cell_table.py --collect runs    # takes finished trainings over
    python tools/music_table.py                  # writes README.md
    python tools/music_table.py --check          # says whether README.md is up to date

Figures come from the trainings' results, zoo_configs/results/<tag>.seed<n>.json, and
the shipped presets; the floors from docs/bench/music_floors.json.
"""

import argparse
import json
import pathlib
import statistics
import sys

import numpy as np
from cell_table import CELLS, median_and_spread, minutes, stored_results
from readme_section import put_section

ROOT = pathlib.Path(__file__).resolve().parents[1]
FLOORS = ROOT / "docs" / "bench" / "music_floors.json"
SECTION = "music table"
SETS = {"jsb": "jsb_chorales", "nottingham": "nottingham"}  # a tag's end -> the set
PUBLISHED = [  # (model, JSB, Nottingham, source)
    ("RNN", 8.91, 4.05, "Bai et al. 2018"),
    ("GRU", 8.43, 3.46, "Bai et al. 2018"),
    ("LSTM", 8.45, 3.29, "Bai et al. 2018"),
    ("TCN", 8.10, 3.07, "Bai et al. 2018"),
    ("tanh RNN, 20 k parameters", 9.10, 3.13, "Chung et al. 2014"),
    ("GRU, 20 k parameters", 8.54, 3.23, "Chung et al. 2014"),
    ("LSTM, 20 k parameters", 8.67, 3.20, "Chung et al. 2014"),
]
SIZES = ("", "_wide")  # as a tag may end
AIMS = {"jsb": 8.10, "nottingham": 3.07}


def floor(train: list[np.ndarray], test: list[np.ndarray]) -> float:
    """The NLL where each key depends on itself one step ago, by the shares in train.

    Args:
        train: Rolls (time, keys).
        test: Rolls; all steps but a piece's first are predicted.
    """
    keys = train[0].shape[1]
    seen, sounded = np.full((2, keys), 2.0), np.ones((2, keys))  # one more of each
    for roll in train:
        for before in (0, 1):
            is_so = roll[:-1] == before
            seen[before] += is_so.sum(axis=0)
            sounded[before] += (is_so & (roll[1:] == 1)).sum(axis=0)
    chance = sounded / seen  # (before, key)
    total, steps = 0.0, 0
    for roll in test:
        sounds = np.where(roll[:-1] == 1, chance[1], chance[0])
        total -= np.log(np.where(roll[1:] == 1, sounds, 1.0 - sounds)).sum()
        steps += len(roll) - 1
    return total / steps


def measure_floors(data_dir: str) -> dict[str, float]:
    """The floor of each set."""
    from keras_seqzoo.training.tasks.polyphonic_music import PolyphonicMusic

    def rolls(name, split):
        return PolyphonicMusic.read(name, split, data_dir)

    return {
        name: floor(rolls(name, "train"), rolls(name, "test")) for name in SETS.values()
    }


def table(found: dict, floors: dict[str, float]) -> str:
    """Markdown: a row for each cell, then what others report, then the floors."""
    lines = [
        "| model | JSB Chorales | Nottingham | units | parameters | training, min |",
        "|---" * 6 + "|",
    ]
    for size in SIZES:
        for cell, (tagger, _) in CELLS.items():
            name = tagger.removesuffix("_tagger")
            tags = [f"{name}_piano_roll.{end}{size}" for end in SETS]
            runs = [list(found.get(tag, {}).values()) for tag in tags]
            if any(runs):
                cells = f"{cell}{size.replace('_', ', ')}", *_figures(runs)
                lines.append(f"| {' | '.join(cells)} |")
    for name, jsb, nottingham, source in PUBLISHED:
        lines.append(f"| {name} ({source}) | {jsb:.2f} | {nottingham:.2f} | | | |")
    cells = [f"{floors[name]:.2f}" for name in SETS.values()]
    lines.append(
        f"| each key depends on itself one step ago | {' | '.join(cells)} | | | |"
    )
    aims = [_to_the_aim(found, end, of_set) for end, of_set in AIMS.items()]
    return "\n".join([*lines, "", " ".join(filter(None, aims))]).rstrip()


def _figures(runs: list[list[dict]]) -> list[str]:
    """Of the seeds of JSB Chorales and of Nottingham."""

    def of_each(text):
        return " / ".join(text(of_set) if of_set else "-" for of_set in runs)

    return [
        *(median_and_spread([run["value"] for run in of_set]) for of_set in runs),
        of_each(lambda of_set: str(of_set[0]["recipe"]["model"]["overrides"]["units"])),
        of_each(lambda of_set: f"{of_set[0]['parameters']:,}"),
        of_each(minutes),
    ]


def _to_the_aim(found: dict[str, dict], end: str, aim: float) -> str:
    """How the best median of three seeds stands to the aim; "" where none has three."""
    medians = {
        tag: statistics.median(run["value"] for run in runs.values())
        for tag, runs in found.items()
        if f"_piano_roll.{end}" in tag and len(runs) >= 3
    }
    if not medians:
        return ""
    best = min(medians, key=medians.get)
    missed = medians[best] - aim
    verdict = "reached" if missed < 0.005 else f"not reached, {missed:.2f} above"
    return f"The TCN's {aim:.2f} as an aim, by `{best}`: {verdict} (median of 3)."


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--floors", metavar="DATA", help="Folder of the data sets.")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.floors:
        floors = measure_floors(arguments.floors)
        FLOORS.write_text(json.dumps(floors, indent=1) + "\n", "utf-8")
    presets = ROOT / "keras_seqzoo" / "presets"
    found = stored_results(presets, ROOT / "zoo_configs" / "results")
    content = table(found, json.loads(FLOORS.read_text("utf-8")))
    return put_section(SECTION, content, arguments.check)


if __name__ == "__main__":
    sys.exit(main())
