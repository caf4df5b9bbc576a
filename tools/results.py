"""Writes RESULTS.md: what each pretrained model reaches, and how large and fast it is.

    python tools/results.py --measure [TAG ...]   # first exports them (or these), and
                                                  # times the files
    python tools/results.py              # writes RESULTS.md
    python tools/results.py --check      # says whether it is up to date

Figures come from the presets' metadata, those of further seeds from
zoo_configs/results, published ones from the recipes, and the files' from
docs/bench/tags.json, which --measure writes (on an idle machine).
"""

import argparse
import json
import pathlib
import sys
import tempfile

from cell_table import median_and_spread, minutes, stored_results
from tqdm import tqdm

from keras_seqzoo import registry
from keras_seqzoo.models.zoo_model import TIMED_STEPS
from keras_seqzoo.training.recipe import read_recipe
from keras_seqzoo.training.reproduce import find_recipe
from keras_seqzoo.training.tasks import task_of

ROOT = pathlib.Path(__file__).resolve().parents[1]
RESULTS, MEASURED = ROOT / "RESULTS.md", ROOT / "docs" / "bench" / "tags.json"
SEEDS = ROOT / "zoo_configs" / "results"
FILES = {  # column -> file and quantisation
    "TFLite": ("model.tflite", None),
    "TFLite int8": ("model.tflite", "int8"),
    "ONNX": ("model.onnx", None),
    "SavedModel": ("model", None),
}


def measure(tags: list[str]) -> dict:
    """Machine, and for each tag and file its bytes, milliseconds and input shape.

    Of other tags than these, what was measured before.
    """
    import keras_seqzoo as seqzoo
    from keras_seqzoo.bench.machine import facts

    found = {}
    jobs = [(t, f) for t in tags or seqzoo.list_models(pretrained=True) for f in FILES]
    for tag, name in tqdm(jobs, disable=None):
        file, quantize = FILES[name]
        with tempfile.TemporaryDirectory() as folder:
            report = seqzoo.export(
                seqzoo.load(tag), f"{folder}/{file}", quantize=quantize, streaming=False
            )
        found.setdefault(tag, {})[name] = {
            "bytes": report.bytes,
            "latency_ms": report.latency_ms,
            "shape": report.latency_shape,
        }
    if tags:
        found = json.loads(MEASURED.read_text("utf-8"))["tags"] | found
    return {"machine": facts(), "tags": dict(sorted(found.items()))}


def text(measured: dict) -> str:
    """The page."""
    lines = [
        "# Results",
        "",
        "Written by `python tools/results.py` from what the trainings stored in the "
        "presets. Published figures are from memory unless README.md says otherwise.",
        "",
        "| tag | data | metric | ours | seeds | published | parameters "
        "| training, min |",
        "|---|---|---|---|---|---|---|---|",
    ]
    tags = registry.list_models(pretrained=True)
    runs = stored_results(ROOT / "keras_seqzoo" / "presets", SEEDS)
    for tag in tags:
        stored = registry.info(tag).metadata
        published = read_recipe(find_recipe(tag, ROOT / "zoo_configs")).published
        cells = [
            f"`{tag}`",
            f"{stored['dataset']}, {stored['split']}",
            task_of(tag.partition(".")[0]).FIGURE,
            f"{stored['value']:.2f}",
            _seeds(runs[tag]),
            f"{published.value} ({published.citation})" if published else "-",
            f"{stored['parameters']:,}",
            minutes([stored]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    machine = measured["machine"]
    heights = {
        measured["tags"][tag]["TFLite"]["shape"][1]
        for tag in tags
        if registry.architectures()[tag.partition(".")[0]].model_class.length_name
        == "height"
    }
    height = " or ".join(map(str, sorted(heights)))
    lines += [
        "",
        "Ours is measured on the shipped weights, one seed's; of tags that were "
        "trained from several seeds, the next column has all. `seqzoo reproduce TAG` "
        "trains a tag from nothing and says whether its figure is reached again.",
        "",
        "## Exported files",
        "",
        f"MB, and ms a call for one sequence of {TIMED_STEPS} steps (of sound: "
        f"frames), or one picture {height} pixels high to describe, one thread; "
        f"the last measured: {machine['cpu']}, {machine['date'][:10]}, others may be "
        "of another machine (`python tools/results.py --measure`). Only the signature "
        "`serve`.",
        "",
        f"| tag | {' | '.join(FILES)} |",
        "|---" * (1 + len(FILES)) + "|",
    ]
    for tag in tags:
        files = measured["tags"][tag]
        cells = [
            f"{files[name]['bytes'] / 1e6:.2f} MB, {files[name]['latency_ms']:.2f} ms"
            for name in FILES
        ]
        lines.append(f"| `{tag}` | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _seeds(runs: dict[int, dict]) -> str:
    """Median and span of the figures of several seeds."""
    values = [run["value"] for run in runs.values()]
    return median_and_spread(values) if len(values) > 1 else "-"


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--measure", nargs="*", metavar="TAG")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure is not None:
        measured = measure(arguments.measure)
        MEASURED.write_text(json.dumps(measured, indent=1) + "\n", "utf-8")
    content = text(json.loads(MEASURED.read_text("utf-8")))
    if arguments.check:
        same = RESULTS.exists() and RESULTS.read_text("utf-8") == content
        print("up to date" if same else "RESULTS.md: run tools/results.py")
        return int(not same)
    RESULTS.write_text(content, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
