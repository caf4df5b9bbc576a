"""Writes each trained tag's own test figure into its recipe, as what to expect.

    python tools/record_expected.py

It is the shipped preset's figure, or that of the first seed in zoo_configs/results. The
tolerance is what another seed may lose; `seqzoo train` says if a training ends further
below.
"""

import argparse
import pathlib
import re
import sys

from cell_table import shipped_presets, stored_results

from keras_seqzoo.training.tasks import task_of

ROOT = pathlib.Path(__file__).resolve().parents[1]


def record(recipe: pathlib.Path, metadata: dict) -> None:
    """Puts `expected` at the recipe's end, in place of what stood there."""
    text = re.sub(r"expected:\n(  .*\n)+", "", recipe.read_text("utf-8"))
    expected = {
        "metric": metadata["metric"],
        "value": metadata["value"],
        "tolerance": task_of(metadata["tag"].partition(".")[0]).TOLERANCE,
    }
    lines = [f"  {key}: {value}\n" for key, value in expected.items()]
    recipe.write_text(f"{text.rstrip()}\nexpected:\n{''.join(lines)}", "utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args(arguments)
    presets, results = ROOT / "keras_seqzoo/presets", ROOT / "zoo_configs/results"
    shipped = shipped_presets(presets)
    for tag, runs in sorted(stored_results(presets, results).items()):
        (recipe,) = ROOT.glob(f"zoo_configs/*/{tag}.yaml")
        record(recipe, shipped.get(tag) or runs[min(runs)])
        print(f"{recipe.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
