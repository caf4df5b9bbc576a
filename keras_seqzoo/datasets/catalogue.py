"""The data sets by name."""

import importlib
from typing import Any

from keras_seqzoo import arguments
from keras_seqzoo.datasets import train_tickets
from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.errors import UserError

# Name -> class of its module. Loaded when asked for: tensorflow-datasets is optional.
_BUILDERS = {
    "atis": "Atis",
    "snips": "Snips",
    "sst2": "Sst2",
    "mr": "Mr",
    "jsb_chorales": "JsbChorales",
    "nottingham": "Nottingham",
    "uci_har": "UciHar",
    "japanese_vowels": "JapaneseVowels",
    "folk_abc": "FolkAbc",
    "fsdd": "Fsdd",
    "connected_digits": "ConnectedDigits",
    "an4_mfcc": "An4Mfcc",
    "multi30k": "Multi30k",
    "tatoeba_en_zh": "TatoebaEnZh",
    "flickr8k": "Flickr8k",
    "ptb": "Ptb",
}
SHIPPED = "train_tickets"  # Comes with the package and has no builder.
NAMES = (*_BUILDERS, SHIPPED)
SLOT_SETS = ("atis", "snips", SHIPPED)  # Those that `read` gives.


def facts(name: str) -> Any:
    """An object with the set's TITLE, SOURCE, LICENCE and CITATION."""
    _check_name(name, NAMES)
    return train_tickets if name == SHIPPED else builder_class(name)


def builder_class(name: str) -> Any:
    """The class of the tfds builder of a set that is not shipped."""
    _check_name(name, tuple(_BUILDERS))
    module = importlib.import_module(f"keras_seqzoo.datasets.{name}")
    return getattr(module, _BUILDERS[name])


def builder(name: str, data_dir: str | None = None) -> Any:
    """A set's tfds builder with its splits prepared: `as_dataset(split=...)` reads it.

    Args:
        name: One of NAMES but for the shipped set.
        data_dir: Folder of a local copy; None for the copy prepared earlier, or else
            the public source.

    Returns:
        A `tfds.core.DatasetBuilder`.

    Raises:
        UserError: Unknown name; or the folder is not there; or the files are missing,
            damaged or cannot be fetched.
    """
    wanted = builder_class(name)
    from keras_seqzoo.datasets.prepared import prepare

    return prepare(wanted, data_dir)


def rows(name: str, split: str, data_dir: str | None = None) -> list[dict[str, Any]]:
    """All examples of a split of a set that is not shipped, as NumPy values.

    Args:
        name: One of NAMES but for the shipped set.
        split: One of the set's splits, or a part such as "train[:10]".
        data_dir: As of `builder`.

    Raises:
        UserError: As `builder`.
    """
    prepared = builder(name, data_dir)
    from keras_seqzoo.datasets.prepared import read_rows

    return list(read_rows(prepared, split))


def is_prepared(name: str) -> bool:
    """Whether a set can be read as it is, without a local copy or a network."""
    if name == SHIPPED:
        return True
    wanted = builder_class(name)
    from keras_seqzoo.datasets.prepared import is_prepared

    return is_prepared(wanted)


def read(name: str, split: str, data_dir: str | None = None) -> list[TaggedSentence]:
    """All sentences of a split of a slot-filling set.

    Args:
        name: One of SLOT_SETS.
        split: "train", "validation" or "test".
        data_dir: Folder of a local copy, for sets that are not shipped.

    Raises:
        UserError: Unknown name or split; or the folder is not there; or the files are
            missing, damaged or cannot be fetched.
    """
    _check_name(name, SLOT_SETS)
    if data_dir is not None:
        arguments.folder("data_dir", data_dir)
    if name == SHIPPED:
        return train_tickets.read_split(split)
    from keras_seqzoo.datasets.slot_files import read_split

    return read_split(builder_class(name), split, data_dir)


def _check_name(name: str, names: tuple[str, ...]) -> None:
    if name not in names:
        raise UserError(f"dataset must be one of {list(names)}. Received: {name!r}")
