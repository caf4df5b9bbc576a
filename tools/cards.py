"""Writes the card of each shipped preset anew, from the metadata stored beside it.

python tools/cards.py            # and the cards' checksums in sha256.json
python tools/cards.py --check    # says which cards are not what is written here
"""

import argparse
import hashlib
import json
import pathlib
import sys

from keras_seqzoo import registry
from keras_seqzoo.presets import store
from keras_seqzoo.training.card import card
from keras_seqzoo.training.tasks import task_of

PRESETS = pathlib.Path(__file__).resolve().parents[1] / "keras_seqzoo" / "presets"


def card_of(preset: pathlib.Path) -> bytes:
    """The card that a training with this preset's metadata would write."""
    read = store.read(preset)
    description = registry.info(read.config["architecture"]).description
    metadata = read.config["metadata"]
    tag = metadata["tag"]
    architecture = registry.architectures()[read.config["architecture"]]
    text = card(
        task_of(architecture.name),
        description,
        {**read.config["config"], **read.assets},
        metadata,
        f"zoo_configs/{architecture.pattern}/{tag}.yaml",
        tag,
        store.weights_sha256(preset),
        with_picture=(preset / store.PICTURE).exists(),
    )
    return text.encode()


def replace_card(preset: pathlib.Path, text: bytes) -> None:
    """Puts the card and its checksum in place of the old ones."""
    checksums = json.loads((preset / store.CHECKSUMS).read_text("utf-8"))
    checksums[store.CARD] = hashlib.sha256(text).hexdigest()
    (preset / store.CARD).write_bytes(text)
    (preset / store.CHECKSUMS).write_bytes(
        json.dumps(checksums, indent=2).encode() + b"\n"
    )


def main(arguments: list[str] | None = None, presets: pathlib.Path = PRESETS) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    check = parser.parse_args(arguments).check
    old = 0
    for config in sorted(presets.glob(f"*/{store.CONFIG}")):
        preset = config.parent
        text = card_of(preset)
        if text == (preset / store.CARD).read_bytes():
            continue
        old += 1
        if check:
            print(f"{preset.name}: the card is not up to date: run tools/cards.py")
        else:
            replace_card(preset, text)
            print(preset.name)
    if check and not old:
        print("up to date")
    return int(check and old > 0)


if __name__ == "__main__":
    sys.exit(main())
