"""Measures quantised TFLite files of the shipped taggers, and writes README.md's table.

    python tools/quantization_table.py --data-dir data/atis   # exports, and measures
    python tools/quantization_table.py --table    # writes README.md from what is stored
    python tools/quantization_table.py --check    # says whether README.md is up to date

What was measured is in docs/bench/quantization.json.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from readme_section import check_section, write_section
from tqdm import tqdm

ROOT = pathlib.Path(__file__).resolve().parents[1]
STORED = ROOT / "docs" / "bench" / "quantization.json"
SECTION = "quantization table"
TAGS = (
    "peephole_lstm_tagger.atis",
    "gru_tagger.atis",
    "clockwork_rnn_tagger.atis",
    "scrn_tagger.atis",
    "bi_coupled_tagger.atis",
    "bi_lstm_tagger.atis",
)
KINDS = (None, "float16", "int8", "int8_weights", "full_int8")


def measure(data_dir: str) -> list[dict]:
    """The report of each tag's file of each kind, with its F1 on the test set."""
    from keras_seqzoo import export, registry, training
    from keras_seqzoo.datasets import catalogue

    train, test = (catalogue.read("atis", s, data_dir) for s in ("train", "test"))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for tag in tqdm(TAGS, unit="model"):
            model = registry.load(tag)
            for kind in KINDS:
                data = None
                if kind == "full_int8":
                    data = training.representative_words(model, train)
                report = export(
                    model,
                    pathlib.Path(folder) / "x.tflite",
                    quantize=kind,
                    representative_data=data,
                    metric=training.slot_f1(model, test),
                    overwrite=True,
                )
                rows.append({"tag": tag, **report.to_dict()})
    return rows


def table(rows: list[dict]) -> str:
    """Markdown: a row for each tag; F1 and MB of each kind of file."""
    names = [kind or "float32" for kind in KINDS]
    lines = [
        f"| slot F1 (and MB) | Keras | {' | '.join(names)} |",
        "|---" * (len(names) + 2) + "|",
    ]
    for tag in dict.fromkeys(row["tag"] for row in rows):
        files = {row["quantize"]: row for row in rows if row["tag"] == tag}
        cells = [f"{files[None]['keras_metric']:.2f}"]
        for kind in KINDS:
            file = files[kind]
            cells.append(f"{file['metric']:.2f} ({file['bytes'] / 1e6:.2f})")
        lines.append(f"| {tag} | {' | '.join(cells)} |")
    worst = max(row["keras_metric"] - row["metric"] for row in rows)
    lines += ["", f"The largest loss is {worst:.2f} points."]
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    work = parser.add_mutually_exclusive_group(required=True)
    work.add_argument("--data-dir", metavar="FOLDER", help="ATIS, to measure on")
    work.add_argument("--table", action="store_true")
    work.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.data_dir:
        rows = measure(arguments.data_dir)
        STORED.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    content = table(json.loads(STORED.read_text("utf-8")))
    if arguments.check:
        return check_section(ROOT / "README.md", SECTION, content)
    write_section(ROOT / "README.md", SECTION, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
