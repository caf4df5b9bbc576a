"""What the slot-filling sets consist of."""

import dataclasses

from keras_seqzoo.errors import UserError

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class TaggedSentence:
    """A sentence: its words, one BIO tag for each of them, and its intent."""

    words: tuple[str, ...]
    slots: tuple[str, ...]
    intent: str = ""


def check_split(split: str) -> None:
    """Raises UserError unless the split is one of the three."""
    if split not in SPLITS:
        raise UserError(f"split must be one of {list(SPLITS)}. Received: {split!r}")
