"""Writes the comparison of the recurrent cells into README.md.

Every figure comes from a file that a training wrote: the shipped presets' metadata, and
for trainings whose weights are not shipped zoo_configs/results/<tag>.seed<n>.json.

    python tools/cell_table.py --collect runs    # first takes runs/*/result.json over
    python tools/cell_table.py --check           # says whether README.md is up to date
"""

import argparse
import json
import pathlib
import statistics
import sys

from readme_section import check_section, write_section

ROOT = pathlib.Path(__file__).resolve().parents[1]
SECTION = "cell table"
DATASET = "atis"
CELLS = {  # In the order of DESIGN: name -> architectures, one direction and both.
    "simple RNN": ("simple_rnn_tagger", "bi_simple_rnn_tagger"),
    "LSTM": ("lstm_tagger", "bi_lstm_tagger"),
    "peephole LSTM": ("peephole_lstm_tagger", "bi_peephole_tagger"),
    "coupled LSTM": ("coupled_lstm_tagger", "bi_coupled_tagger"),
    "GRU": ("gru_tagger", "bi_gru_tagger"),
    "clockwork RNN": ("clockwork_rnn_tagger", "bi_clockwork_tagger"),
    "SCRN": ("scrn_tagger", "bi_scrn_tagger"),
}


def collect(runs: pathlib.Path, results: pathlib.Path) -> None:
    """Copies each finished run's result to `results/<tag>.seed<n>.json`."""
    results.mkdir(parents=True, exist_ok=True)
    for file in sorted(runs.glob("*/result.json")):
        result = json.loads(file.read_text("utf-8"))
        name = f"{result['tag']}.seed{result['seed']}.json"
        (results / name).write_text(file.read_text("utf-8"), "utf-8")


def stored_results(presets: pathlib.Path, results: pathlib.Path) -> dict:
    """Tag -> {seed: metadata}; a shipped preset goes before a stored result."""
    found = {}
    stored = [json.loads(f.read_text("utf-8")) for f in sorted(results.glob("*.json"))]
    for metadata in [*stored, *shipped_presets(presets).values()]:
        found.setdefault(metadata["tag"], {})[metadata["seed"]] = metadata
    return found


def shipped_presets(presets: pathlib.Path) -> dict:
    """Tag -> metadata of the presets that a training wrote."""
    configs = sorted(presets.glob("*/config.json"))
    stored = [json.loads(f.read_text("utf-8"))["metadata"] for f in configs]
    return {metadata["tag"]: metadata for metadata in stored if "tag" in metadata}


def table(found: dict, shipped: dict) -> str:
    """Markdown: a row for each cell and direction that has been trained."""
    lines = [
        "| cell | direction | slot F1 (test) | shipped weights (test) | slot F1 (dev) "
        "| parameters | training, s | seeds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for cell, architectures in CELLS.items():
        for direction, architecture in zip(("one", "both"), architectures):
            tag = f"{architecture}.{DATASET}"
            runs = list(found.get(tag, {}).values())
            if runs:
                cells = cell, direction, *_figures(runs, shipped.get(tag))
                lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figures(runs: list[dict], preset: dict | None) -> tuple[str, ...]:
    seeds = ", ".join(str(seed) for seed in sorted(run["seed"] for run in runs))
    return (
        median_and_spread([run["value"] for run in runs]),
        "-" if preset is None else f"{preset['value']:.2f}",
        median_and_spread([run["dev_value"] for run in runs]),
        f"{runs[0]['parameters']:,}",
        f"{statistics.median(run['train_seconds'] for run in runs):.0f}",
        seeds,
    )


def median_and_spread(values: list[float | None]) -> str:
    """A seed's figure, or the median of several and their span; "-" without one."""
    if not values or None in values:
        return "-"
    text = f"{statistics.median(values):.2f}"
    if len(values) > 1:
        text += f" (median of {len(values)}; {min(values):.2f} to {max(values):.2f})"
    return text


def minutes(runs: list[dict]) -> str:
    """Of training: a seed's, or the median of several; says which are a GPU's."""
    seconds = statistics.median(run["train_seconds"] for run in runs)
    on_gpu = any("device" in run for run in runs)
    return f"{seconds / 60:.1f}" + " (GPU)" * on_gpu


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--collect", type=pathlib.Path, metavar="RUNS")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    results = ROOT / "zoo_configs" / "results"
    if arguments.collect:
        collect(arguments.collect, results)
    readme = ROOT / "README.md"
    presets = ROOT / "keras_seqzoo" / "presets"
    content = table(stored_results(presets, results), shipped_presets(presets))
    if arguments.check:
        return check_section(readme, SECTION, content)
    write_section(readme, SECTION, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
