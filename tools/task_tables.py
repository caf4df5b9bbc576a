"""Writes the tables of language models, sentiment and series into README.md.

    python tools/cell_table.py --collect runs    # takes finished trainings over
    python tools/task_tables.py                  # writes README.md
    python tools/task_tables.py --check          # says whether README.md is up to date

Figures come from the trainings' results, zoo_configs/results/<tag>.seed<n>.json, and
the shipped presets; published ones are written down here.
"""

import argparse
import sys
from typing import NamedTuple

from cell_table import median_and_spread, minutes, stored_results
from readme_section import ROOT, check_section, write_section


class Published(NamedTuple):
    """A row of others; what they do not say is "-"."""

    model: str
    dataset: str
    value: str
    units: str = "-"
    dropout: str = "-"


class Table(NamedTuple):
    """A section of the README: the data sets of its rows, and what others report."""

    datasets: dict[str, str]  # "set/part" of the figure -> what the table calls it
    published: tuple[Published, ...]


PTB, SST2 = "PTB", "SST-2"
MR, TEN_FOLDS = "MR, one fold", "MR, ten folds"
HAR_A, HAR_B, VOWELS = "UCI HAR, task A", "UCI HAR, task B", "Japanese Vowels"
TABLES = {
    "language model table": Table(
        {"ptb/test": PTB},
        (
            Published("5-gram (Mikolov et al. 2014)", PTB, "141"),
            Published("simple RNN (Mikolov et al. 2014)", PTB, "129", "1 x 100"),
            Published("LSTM (Mikolov et al. 2014)", PTB, "115", "1 x 100"),
            Published("SCRN (Mikolov et al. 2014)", PTB, "115", "1 x 100 + 40"),
            Published("LSTM, small (Zaremba et al. 2014)", PTB, "115", "2 x 200", "0"),
            Published(
                "LSTM, medium (Zaremba et al. 2014)", PTB, "82.7", "2 x 650", "0.5"
            ),
            Published(
                "LSTM, large (Zaremba et al. 2014)", PTB, "78.4", "2 x 1500", "0.65"
            ),
        ),
    ),
    "sentiment table": Table(
        {"sst2/test": SST2, "mr/test": MR},
        (
            Published("CNN-rand (Kim 2014)", SST2, "82.7", dropout="0.5"),
            Published(
                "CNN-non-static, word2vec (Kim 2014)", SST2, "87.2", dropout="0.5"
            ),
            Published("LSTM, GloVe (Tai et al. 2015)", SST2, "84.9", "1 x 168"),
            Published("BiLSTM, GloVe (Tai et al. 2015)", SST2, "87.5", "1 x 168"),
            Published("constituency Tree-LSTM, GloVe (Tai et al. 2015)", SST2, "88.0"),
            Published("CNN-rand (Kim 2014)", TEN_FOLDS, "76.1", dropout="0.5"),
            Published(
                "CNN-non-static, word2vec (Kim 2014)", TEN_FOLDS, "81.5", dropout="0.5"
            ),
        ),
    ),
    "series table": Table(
        {
            "uci_har/test": HAR_B,
            "uci_har/test_64": HAR_A,
            "japanese_vowels/test": VOWELS,
        },
        (
            Published(
                "LSTM, 6 accelerometer channels (Chevalier's README)",
                "UCI HAR, 2,947 windows",
                "87",
                "2 x 32",
            ),
            Published(
                "the same, all 9 channels", "UCI HAR, 2,947 windows", "91.65", "2 x 32"
            ),
            Published("ridge regression on statistics and spectra", HAR_B, "88.7"),
            Published("ridge regression on statistics and spectra", HAR_A, "86.5"),
            Published("MLSTM-FCN (Bagnall et al. 2018)", VOWELS, "97.6"),
            Published(
                "dynamic time warping, 1-NN (Bagnall et al. 2018)", VOWELS, "94.9"
            ),
            Published("HMM of 5 states (Kudo et al. 1999)", VOWELS, "96.2"),
            Published("ridge regression on mean and deviation, ends", VOWELS, "98.6"),
        ),
    ),
}


def table(found: dict, spec: Table) -> str:
    """Markdown: a row for each tag of the data sets, then what others report.

    Args:
        found: Tag -> {seed: metadata}, as `stored_results` gives it.
        spec: Of the section.
    """
    tags = {
        tag: list(runs.values())
        for tag, runs in found.items()
        if _measured_on(next(iter(runs.values()))) in spec.datasets
    }
    metrics = {run["metric"] for runs in tags.values() for run in runs}
    (metric,) = metrics or {"-"}
    lines = [
        f"| model | data | layers x units | dropout | {metric} (test) | parameters "
        "| training, min |",
        "|---" * 7 + "|",
    ]
    names = list(spec.datasets)
    for tag, runs in sorted(tags.items(), key=lambda item: _place(item, names)):
        settings = runs[0]["recipe"]["model"]["overrides"]
        cells = [
            tag,
            spec.datasets[_measured_on(runs[0])],
            _size(settings),
            str(settings["dropout"]),
            median_and_spread([run["value"] for run in runs]),
            f"{runs[0]['parameters']:,}",
            minutes(runs),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for row in spec.published:
        cells = row.model, row.dataset, row.units, row.dropout, row.value
        lines.append(f"| {' | '.join(cells)} | - | - |")
    return "\n".join(lines)


def _size(settings):
    size = f"{settings['num_layers']} x {settings['units']}"
    context = settings.get("cell_arguments", {}).get("context_units")
    return size if context is None else f"{size} + {context}"


def _measured_on(run):
    return f"{run['dataset']}/{run['split']}"


def _place(item, names):
    tag, runs = item
    return names.index(_measured_on(runs[0])), tag


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args().check
    readme = ROOT / "README.md"
    found = stored_results(
        ROOT / "keras_seqzoo" / "presets", ROOT / "zoo_configs" / "results"
    )
    status = 0
    for section, spec in TABLES.items():
        content = table(found, spec)
        if check:
            status |= check_section(readme, section, content, tool="task_tables")
        else:
            write_section(readme, section, content)
    return status


if __name__ == "__main__":
    sys.exit(main())
