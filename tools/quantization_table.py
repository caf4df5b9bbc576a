"""Measures what quantisation costs the pretrained models, into README.md.

    python tools/quantization_table.py --measure ATIS SNIPS  # the raw files' folders
    python tools/quantization_table.py            # writes README.md
    python tools/quantization_table.py --check    # says whether README.md is up to date

Each pretrained model is exported in every kind (`serve` alone), and the file answers
the test split of its data set; the figures are kept in docs/bench/quantization.json.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from readme_section import check_section, write_section
from tqdm import tqdm

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS = ROOT / "docs" / "bench" / "quantization.json"
SECTION = "quantization table"
KINDS = (None, "float16", "int8", "int8_weights", "full_int8")
LARGEST_LOSS = 0.5  # points


def measure(folders: dict[str, pathlib.Path]) -> list[dict]:
    """A row for each pretrained model: F1 in Keras, and each file's F1 and bytes."""
    import keras_seqzoo as seqzoo
    from keras_seqzoo import training

    rows = []
    no_limit = 1e9  # of the logits' difference: here F1 is what counts
    jobs = [
        (tag, kind) for tag in seqzoo.list_models(pretrained=True) for kind in KINDS
    ]
    for tag, kind in tqdm(jobs, disable=None):
        dataset = seqzoo.info(tag).dataset
        model = seqzoo.load(tag)
        task = training.task_of(model.architecture)
        test = task.read(dataset, "test", folders[dataset])
        options = {"metric": task.metric(model, test)}
        if kind == "full_int8":
            rows = task.read(dataset, "train", folders[dataset])
            options["representative_data"] = task.representative(model, rows)
        with tempfile.TemporaryDirectory() as folder:
            report = seqzoo.export(
                model,
                f"{folder}/model.tflite",
                quantize=kind,
                streaming=False,
                tolerance=None if kind is None else no_limit,
                **options,
            )
        if kind is None:
            rows.append({"tag": tag, "keras": report.keras_metric, "files": {}})
        rows[-1]["files"][kind or "float32"] = {
            "f1": report.metric,
            "bytes": report.bytes,
        }
    return rows


def table(rows: list[dict]) -> str:
    """Markdown: F1 in Keras; then for each kind the points lost, and the size."""
    kinds = [kind or "float32" for kind in KINDS]
    lines = [
        f"| tag | F1, Keras | {' | '.join(f'`{kind}`' for kind in kinds)} |",
        "|---" * (2 + len(kinds)) + "|",
    ]
    worst = dict.fromkeys(kinds, 0.0)
    for row in rows:
        cells = []
        for kind in kinds:
            file = row["files"][kind]
            loss = row["keras"] - file["f1"]
            worst[kind] = max(worst[kind], loss)
            cells.append(f"{_signed(-loss)}; {file['bytes'] / 1e6:.2f} MB")
        lines.append(f"| {row['tag']} | {row['keras']:.2f} | {' | '.join(cells)} |")
    verdicts = [
        f"{_signed(-worst[kind])}: "
        + ("reached" if worst[kind] <= LARGEST_LOSS else "**missed**")
        for kind in kinds
    ]
    lines.append(
        f"| largest loss, target {LARGEST_LOSS} points | | {' | '.join(verdicts)} |"
    )
    return "\n".join(lines)


def _signed(points):
    return "0" if abs(points) < 0.005 else f"{points:+.2f}".replace("-", "−")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--measure", nargs=2, type=pathlib.Path, metavar=("ATIS", "SNIPS")
    )
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        rows = measure(dict(zip(("atis", "snips"), arguments.measure)))
        RESULTS.write_text(json.dumps(rows, indent=1) + "\n", "utf-8")
    content = table(json.loads(RESULTS.read_text("utf-8")))
    readme = ROOT / "README.md"
    if arguments.check:
        return check_section(readme, SECTION, content)
    write_section(readme, SECTION, content)
    return 0


if __name__ == "__main__":
    sys.exit(main())
