"""The data sets by name."""

import importlib
from typing import Any

from keras_seqzoo import arguments
from keras_seqzoo.datasets import train_tickets
from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.errors import UserError

# Name -> class of its module. Loaded when asked for: tensorflow-datasets is optional.
_BUILDERS = {"atis": "Atis", "snips": "Snips"}
NAMES = (*_BUILDERS, "train_tickets")


def facts(name: str) -> Any:
    """An object with the set's TITLE, SOURCE, LICENCE and CITATION."""
    _check_name(name)
    return train_tickets if name == "train_tickets" else _builder(name)


def read(name: str, split: str, data_dir: str | None = None) -> list[TaggedSentence]:
    """All sentences of a split.

    Args:
        name: One of NAMES.
        split: "train", "validation" or "test".
        data_dir: Folder of a local copy, for sets that are not shipped.

    Raises:
        UserError: Unknown name or split; or the folder is not there; or the files are
            missing, damaged or cannot be fetched.
    """
    _check_name(name)
    if data_dir is not None:
        arguments.folder("data_dir", data_dir)
    if name == "train_tickets":
        return train_tickets.read_split(split)
    from keras_seqzoo.datasets.slot_files import read_split

    return read_split(_builder(name), split, data_dir)


def _builder(name: str) -> Any:
    module = importlib.import_module(f"keras_seqzoo.datasets.{name}")
    return getattr(module, _BUILDERS[name])


def _check_name(name: str) -> None:
    if name not in NAMES:
        raise UserError(f"dataset must be one of {list(NAMES)}. Received: {name!r}")
