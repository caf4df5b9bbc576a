"""Japanese Vowels: a vowel said by nine men, as cepstrum coefficients (270 / 370)."""

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_lines, reading

COEFFICIENTS = 12
SPEAKERS = tuple(f"speaker {number}" for number in range(1, 10))
FILES = {"train": "JapaneseVowels_TRAIN.ts", "test": "JapaneseVowels_TEST.ts"}


class JapaneseVowels(SequenceBuilder):
    """The tfds builder of Japanese Vowels, with the standard split."""

    name = "japanese_vowels"
    TITLE = "Japanese Vowels"
    TASK = "series"
    EXAMPLE = "`series`, (7 to 29, 12) LPC cepstrum coefficients, and `label`, 9 men"
    METRIC = "accuracy over the 370 test utterances (the largest class has 23.8 %)"
    TRAPS = (
        "There is no validation part: cross-validate on train.",
        "Test is larger than train, and its classes are not equal (24 to 88 rows).",
        "It is easy: ridge regression on mean, deviation, first and last frame has "
        "98.6 %.",
        "Series have unequal lengths: padding must be masked.",
    )
    SOURCE = (
        "GitHub aeon-toolkit/aeon 1.6.0, aeon/datasets/data/JapaneseVowels: the UEA "
        "archive's files"
    )
    URL = (
        "https://raw.githubusercontent.com/aeon-toolkit/aeon/v1.6.0/"
        "aeon/datasets/data/JapaneseVowels"
    )
    HOMEPAGE = "https://archive.ics.uci.edu/dataset/128"
    LICENCE = "not stated in the files; the UCI repository lists it as CC BY 4.0"
    CITATION = (
        "Kudo, Toyama, Shimbo, Multidimensional Curve Classification Using "
        "Passing-Through Regions, Pattern Recognition Letters 20, 1999"
    )
    ROWS = {"train": 270, "test": 370}
    SHA256 = {
        "JapaneseVowels_TRAIN.ts": (
            "68a430eabd919cc77f40b1f5f3bc0dcafacc1486bca9260785aeb7d262cc78cd"
        ),
        "JapaneseVowels_TEST.ts": (
            "b3d41d6a0ca3bcad3afb9ca7d4365382aa51341e2e58bae2a574babdda5b9462"
        ),
    }

    def features(self) -> tfds.features.FeaturesDict:
        """`series` (time, 12) float32 and `label` () int64, speakers 1 to 9 from 0."""
        return tfds.features.FeaturesDict(
            {
                "series": tfds.features.Tensor(
                    shape=(None, COEFFICIENTS), dtype=np.float32
                ),
                "label": tfds.features.ClassLabel(names=SPEAKERS),
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The utterances of a split's file; its head's lines begin with # or @."""
        path = files[FILES[split]]
        with reading(path):
            for line in read_lines(path):
                if line and line[0] not in "#@":
                    *channels, speaker = line.split(":")
                    columns = [np.array(c.split(","), np.float32) for c in channels]
                    series = np.stack(columns, axis=1)
                    yield {"series": series, "label": int(speaker) - 1}
