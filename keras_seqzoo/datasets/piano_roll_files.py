"""Polyphonic music kept as lists of pitches: what JSB Chorales and Nottingham share.

The file is gzipped JSON, `{"train": [piece, ...], "valid": [...], "test": [...]}`; a
piece is a list of steps, a step the list of MIDI pitches that sound then.
"""

import gzip
import json
import pathlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import reading, write_gzip

KEYS = 88
LOWEST_PITCH = 21  # A0, the piano's lowest key.
SPLIT_KEYS = {"train": "train", "validation": "valid", "test": "test"}


class PianoRollBuilder(SequenceBuilder, skip_registration=True):
    """Base of the builders of sets in this format; its one file is in SHA256."""

    TASK = "music"
    EXAMPLE = "`roll`, (time, 88) of 0 and 1: key k is MIDI pitch k + 21"

    def features(self) -> tfds.features.FeaturesDict:
        """`roll` (time, 88) uint8."""
        return tfds.features.FeaturesDict(
            {
                "roll": tfds.features.Tensor(
                    shape=(None, KEYS),
                    dtype=np.uint8,
                    encoding=tfds.features.Encoding.ZLIB,
                )
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The pieces of a split in the file's order."""
        (path,) = files.values()
        with reading(path):
            pieces = json.loads(gzip.decompress(path.read_bytes()))
            for piece in pieces[SPLIT_KEYS[split]]:
                yield {"roll": piano_roll(piece)}


def piano_roll(piece: list[list[int]]) -> np.ndarray:
    """A piece's lists of pitches as a piano roll.

    Args:
        piece: For each step the MIDI pitches that sound, of 21 to 108.

    Returns:
        (time, 88) uint8, 1 where a key sounds.

    Raises:
        ValueError: A pitch is not on the piano.
    """
    roll = np.zeros((len(piece), KEYS), np.uint8)
    for step, pitches in enumerate(piece):
        for pitch in pitches:
            if not LOWEST_PITCH <= pitch < LOWEST_PITCH + KEYS:
                raise ValueError(f"pitch {pitch} is not one of 21 to 108")
            roll[step, pitch - LOWEST_PITCH] = 1
    return roll


def pitches(roll: np.ndarray) -> list[list[int]]:
    """A piano roll as lists of pitches: what `piano_roll` is made from.

    Args:
        roll: (time, 88), not 0 where a key sounds.

    Raises:
        ValueError: The roll has another shape.
    """
    if roll.ndim != 2 or roll.shape[1] != KEYS:
        raise ValueError(f"expected a roll of shape (time, {KEYS}), not {roll.shape}")
    return [(np.flatnonzero(step) + LOWEST_PITCH).tolist() for step in roll]


def write_pieces(
    path: pathlib.Path, pieces: Mapping[str, Sequence[Sequence[Sequence[int]]]]
) -> None:
    """Writes a set's file; the pitches of a step are sorted.

    Args:
        path: The file.
        pieces: For "train", "valid" and "test" the pieces, as lists of pitches.

    Raises:
        KeyError: A split is missing.
    """
    content = {
        key: [[sorted(step) for step in piece] for piece in pieces[key]]
        for key in SPLIT_KEYS.values()
    }
    write_gzip(path, json.dumps(content, separators=(",", ":")).encode())
