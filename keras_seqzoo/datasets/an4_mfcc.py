"""AN4: spelled names, numbers and dates as CMU's cepstra (948 / 130 utterances)."""

import csv
import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import reading

RATE = 100  # frames a second
INDEX, ARRAYS = "index.csv", "an4_mfcc.npz"
COEFFICIENTS = 13


class An4Mfcc(SequenceBuilder):
    """The tfds builder of AN4 (CMU Census), which starts at CMU's own features."""

    name = "an4_mfcc"
    TITLE = "AN4"
    TASK = "cepstra"
    EXAMPLE = (
        "`frames`, (69 to 639, 13) mel cepstra at 100 a second, `text` (A to Z and "
        "spaces), `speaker` and `utterance`"
    )
    METRIC = "WER over the 773 words of test and CER over its 2,565 characters, pooled"
    TRAPS = (
        "The audio is not here: these are the cepstra that CMU gives beside it (16 "
        "kHz, 25.6 ms windows, 40 mel filters from 130 to 6,800 Hz, 13 cepstra).",
        "They are not normalised, and the scale of another front end may differ: "
        "subtract each utterance's mean and divide by its deviation.",
        "Digits and letters are words: RUBOUT G M E F THREE NINE.",
        "Test has two words that train lacks, NOVEMBER and THIRTEEN.",
        "There is no validation part: take whole speakers out of train. No speaker of "
        "train is in test.",
    )
    SOURCE = (
        "GitHub cphazen/Machine-Learning-Project-ASR (an4/, CMU's feature package), "
        "its 1,078 files in one array"
    )
    HOMEPAGE = "http://www.speech.cs.cmu.edu/databases/an4/"
    LICENCE = "CMU's BSD-like AN4 terms, free for any purpose"
    CITATION = (
        "Acero, Acoustical and Environmental Robustness in Automatic Speech "
        "Recognition, Kluwer 1993"
    )
    ROWS = {"train": 948, "test": 130}
    SHA256 = {
        ARRAYS: "650b3e43fb53036ab2248f3b17e20494aebf362eeee40736272b1a5036a24524",
        INDEX: "780ef4a2c093a9bc2c64b51457413cd7ab169ad5771922b48dac98a9d4978d3a",
    }

    def features(self) -> tfds.features.FeaturesDict:
        """`frames` (time, 13) float32; `text`, `speaker` and `utterance` strings."""
        return tfds.features.FeaturesDict(
            {
                "frames": tfds.features.Tensor(
                    shape=(None, COEFFICIENTS), dtype=np.float32
                ),
                "text": tfds.features.Text(),
                "speaker": tfds.features.Text(),
                "utterance": tfds.features.Text(),
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The utterances of a split in the order of the index."""
        with reading(files[INDEX]), files[INDEX].open(encoding="utf-8") as lines:
            rows = [
                (row["split"], row["text"], row["speaker"], row["utterance"])
                for row in csv.DictReader(lines)
            ]
        with reading(files[ARRAYS]), np.load(files[ARRAYS]) as arrays:
            frames, offsets = arrays["features"], arrays["offsets"]
            for (of_split, *texts), start, end in zip(
                rows, offsets[:-1], offsets[1:], strict=True
            ):
                if of_split == split:
                    yield {
                        "frames": frames[start:end].astype(np.float32),
                        **dict(zip(("text", "speaker", "utterance"), texts)),
                    }
