"""Measures what quantisation costs the pretrained models, into README.md.

    python tools/quantization_table.py --measure DATA [TAG ...]  # the sets' folder
    python tools/quantization_table.py            # writes README.md
    python tools/quantization_table.py --check    # says whether README.md is up to date

Each pretrained model (or these tags) is exported in every kind (`serve` alone), and the
file answers the test split of its set; docs/bench/quantization.json has the figures.
Translators need no row: tools/translation_table.py has their int8 files.
"""

import json
import pathlib
import sys
import tempfile
from collections.abc import Mapping, Sequence

from readme_section import ROOT, measured_section
from tqdm import tqdm

RESULTS = ROOT / "docs" / "bench" / "quantization.json"
TRANSLATORS = ROOT / "docs" / "bench" / "translation.json"
SECTION = "quantization table"
KINDS = (None, "float16", "int8", "int8_weights", "full_int8")


def measure(data_dir: str, tags: list[str]) -> list[dict]:
    """A row for each tag: the figure in Keras, and each file's loss of it and bytes.

    Of other tags than these, what was measured before.
    """
    import keras_seqzoo as seqzoo

    before = json.loads(RESULTS.read_text("utf-8")) if tags else []
    rows = {row["tag"]: row for row in before}
    for tag in tqdm(tags or seqzoo.list_models(pretrained=True), disable=None):
        rows[tag] = _measured(tag, data_dir)
    return [rows[tag] for tag in sorted(rows)]


def _measured(tag, data_dir):
    """The row of a tag. The test split is answered once by Keras, and by each file."""
    import keras_seqzoo as seqzoo
    from keras_seqzoo import training
    from keras_seqzoo.export import runtimes

    dataset = seqzoo.info(tag).dataset
    model = seqzoo.load(tag)
    task = training.task_of(model.architecture)
    metric = task.metric(model, task.read(dataset, "test", data_dir))
    in_keras = metric(task.runner(model))
    sign = 1 if task.HIGHER_IS_BETTER else -1
    no_limit = 1e9  # of the scores' difference: here the figure is what counts
    files = {}
    for kind in KINDS:
        data = None
        if kind == "full_int8":
            examples = task.read(dataset, "train", data_dir)
            data = task.representative(model, examples)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "model.tflite")
            report = seqzoo.export(
                model,
                path,
                quantize=kind,
                streaming=False,
                tolerance=None if kind is None else no_limit,
                representative_data=data,
            )
            loss = sign * (in_keras - metric(runtimes.tflite(path)))
        files[kind or "float32"] = {"loss": loss, "bytes": report.bytes}
    return {
        "tag": tag,
        "metric": task.FIGURE,
        "limit": task.MAX_LOSS,
        "keras": in_keras,
        "files": files,
    }


def table(rows: list[dict]) -> str:
    """Markdown: the figure in Keras; for each kind what is lost of it, and the size."""
    kinds = [kind or "float32" for kind in KINDS]
    lines = [
        f"| tag | in Keras | {' | '.join(f'`{kind}`' for kind in kinds)} |",
        "|---" * (2 + len(kinds)) + "|",
    ]
    for row in rows:
        cells = [
            f"{_lost(row, kind)}; {row['files'][kind]['bytes'] / 1e6:.2f} MB"
            for kind in kinds
        ]
        figure = f"{row['metric']} {row['keras']:.2f}"
        lines.append(f"| {row['tag']} | {figure} | {' | '.join(cells)} |")
    limits = {row["metric"]: row["limit"] for row in rows}
    missed = [
        f"{row['tag']} {kind}"
        for row in rows
        for kind in kinds
        if row["files"][kind]["loss"] > row["limit"]
    ]
    return "\n".join([*lines, "", verdict(limits, missed)])


def verdict(limits: Mapping[str, float], missed: Sequence[str]) -> str:
    """The line below a table of exported files.

    Args:
        limits: How much worse they may be, by the figure's name.
        missed: Which are worse by more.
    """
    allowed = ", ".join(f"{metric} {limit}" for metric, limit in limits.items())
    found = f"**missed** by {', '.join(missed)}" if missed else "reached by all"
    return f"Largest loss allowed: {allowed}: {found}."


def _lost(row, kind):
    loss = row["files"][kind]["loss"]
    return "0" if abs(loss) < 0.005 else f"{loss:+.2f}".replace("-", "−")


def without_row(rows: list[dict]) -> list[str]:
    """The pretrained tags that neither this table has nor that of the translators."""
    from keras_seqzoo import registry

    known = {row["tag"] for row in rows} | {*json.loads(TRANSLATORS.read_text("utf-8"))}
    return [tag for tag in registry.list_models(pretrained=True) if tag not in known]


def main() -> int:
    purpose = __doc__.splitlines()[0]
    return measured_section(purpose, SECTION, RESULTS, measure, table, without_row)


if __name__ == "__main__":
    sys.exit(main())
