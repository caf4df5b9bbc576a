"""Writes each shipped preset's own test figure into its recipe, as what to expect.

    python tools/record_expected.py

The tolerance is what another seed may lose; `seqzoo train` says if a training ends
further below.
"""

import argparse
import json
import pathlib
import re
import sys

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
    for config in sorted(ROOT.glob("keras_seqzoo/presets/*/config.json")):
        tag = config.parent.name
        (recipe,) = ROOT.glob(f"zoo_configs/*/{tag}.yaml")
        record(recipe, json.loads(config.read_text("utf-8"))["metadata"])
        print(f"{recipe.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
