"""Stores shipped presets' large matrices as int8, and measures the presets again.

    python tools/keep_int8.py DATA TAG...

For a tag whose recipe got `training.keep: int8` after its training, which is the same
with it: only what is kept of the weights differs, and with it the figures.
"""

import argparse
import json
import pathlib
import sys
import tempfile

from cards import PRESETS, card_of, replace_card

from keras_seqzoo import registry
from keras_seqzoo.presets import store
from keras_seqzoo.training import read_recipe
from keras_seqzoo.training.tasks import task_of

RECIPES = PRESETS.parents[1] / "zoo_configs"


def keep_int8(tag: str, data_dir: str, presets: pathlib.Path = PRESETS) -> dict:
    """Writes the preset anew, and returns its metadata with the new figures."""
    preset = presets / tag
    metadata = store.read(preset).config["metadata"]
    model, task = registry.load(preset), task_of(tag.partition(".")[0])
    with tempfile.TemporaryDirectory() as folder:
        model.save_to_preset(pathlib.Path(folder) / tag, dtype="int8")
        kept = registry.load(pathlib.Path(folder) / tag)
    data, training = (metadata["recipe"][key] for key in ("data", "training"))
    for figure, split in ("value", data["test"]), ("dev_value", data["validation"]):
        rows = task.read(data["dataset"], split, data_dir)
        metadata[figure] = round(task.scorer(kept, rows)(), 2)
    training["keep"] = "int8"
    picture = preset / store.PICTURE
    model.save_to_preset(
        preset,
        metadata=metadata,
        dtype="int8",
        picture=picture.read_bytes() if picture.exists() else None,
    )
    replace_card(preset, card_of(preset))
    return metadata


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data_dir")
    parser.add_argument("tags", nargs="+")
    options = parser.parse_args(arguments)
    for tag in options.tags:
        (recipe,) = RECIPES.glob(f"*/{tag}.yaml")
        if read_recipe(recipe).training.keep != "int8":
            parser.error(f"{recipe} must say keep: int8 under training")
    for tag in options.tags:
        metadata = keep_int8(tag, options.data_dir)
        for result in RECIPES.glob(f"results/{tag}.seed{metadata['seed']}.json"):
            result.write_text(json.dumps(metadata, indent=2) + "\n", "utf-8")
        print(f"{tag}: {metadata['metric']} {metadata['value']}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
