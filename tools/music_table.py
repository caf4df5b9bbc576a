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
from cell_table import CELLS, stored_results
from readme_section import check_section, write_section

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
        "| model | JSB Chorales | Nottingham | parameters | training, min |",
        "|---|---|---|---|---|",
    ]
    for cell, (tagger, _) in CELLS.items():
        name = tagger.removesuffix("_tagger")
        runs = {
            end: list(found.get(f"{name}_piano_roll.{end}", {}).values())
            for end in SETS
        }
        some = [run for of_set in runs.values() for run in of_set]
        if not some:
            continue
        minutes = [_median(of_set, "train_seconds", 60, 1) for of_set in runs.values()]
        cells = [
            cell,
            *(_figure(of_set) for of_set in runs.values()),
            f"{some[0]['parameters']:,}",
            " / ".join(minutes),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for name, jsb, nottingham, source in PUBLISHED:
        lines.append(f"| {name} ({source}) | {jsb:.2f} | {nottingham:.2f} | | |")
    cells = [f"{floors[name]:.2f}" for name in SETS.values()]
    lines.append(
        f"| each key depends on itself one step ago | {' | '.join(cells)} | | |"
    )
    return "\n".join(lines)


def _figure(runs: list[dict]) -> str:
    """A seed's figure, or the median of several and their span."""
    values = [run["value"] for run in runs]
    if len(values) < 2:
        return f"{values[0]:.2f}" if values else "-"
    low, high = min(values), max(values)
    return (
        f"{statistics.median(values):.2f} (median of {len(values)} seeds, "
        f"{low:.2f} to {high:.2f})"
    )


def _median(runs: list[dict], key: str, divisor: float, digits: int) -> str:
    if not runs:
        return "-"
    return f"{statistics.median(run[key] for run in runs) / divisor:.{digits}f}"


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
    if arguments.check:
        return check_section(ROOT / "README.md", SECTION, content)
    write_section(ROOT / "README.md", SECTION, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
