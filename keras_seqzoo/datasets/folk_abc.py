"""folk_abc: folk tunes as ABC notation (834 / 92 / 108)."""

import gzip
import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import reading

FILES = {"train": "train.abc.gz", "validation": "valid.abc.gz", "test": "test.abc.gz"}


class FolkAbc(SequenceBuilder):
    """The tfds builder of the tunes, each a text."""

    name = "folk_abc"
    TITLE = "folk_abc"
    TASK = "abc"
    EXAMPLE = "`tune`, ABC text from its `X:` to the end of its last line"
    METRIC = (
        "bits per character: mean of -log2 p over all characters of the test file, "
        "blank lines between tunes included (unigram 4.90)"
    )
    TRAPS = (
        "The same tunes go round as piano rolls (nottingham) in another split: never "
        "train on the one and test on the other.",
        "There is no standard split; this one keeps versions of a tune together.",
        "Numbers after X: repeat between books.",
        "`Y:` (the order of parts, such as AABB) is this edition's own field.",
    )
    SOURCE = (
        "GitHub jukedeck/nottingham-dataset, ABC_cleaned (E. Foxley's Nottingham Music "
        "Database), parted by tune"
    )
    HOMEPAGE = "https://github.com/jukedeck/nottingham-dataset"
    LICENCE = "GNU GPL v3 as stated by the repository; many tunes are traditional"
    CITATION = (
        "E. Foxley, Nottingham Music Database; ABC by J. Atchley, cleaned by Jukedeck"
    )
    ROWS = {"train": 834, "validation": 92, "test": 108}
    SHA256 = {
        "train.abc.gz": (
            "700b5f1a223e1e4692708ef62a1c2c3494603d80c91d2ecdbefe88c213e60257"
        ),
        "valid.abc.gz": (
            "34d6c36f87e3ff31987a7455337a749e5ffad7a58bb2f74ef4e0bd3f6cf764d6"
        ),
        "test.abc.gz": (
            "8793ff5ab98a8d4ef52de8903b224d36eac92b03bf020065fa619b3c71e58ee7"
        ),
    }

    def features(self) -> tfds.features.FeaturesDict:
        """`tune` () string."""
        return tfds.features.FeaturesDict({"tune": tfds.features.Text()})

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The tunes of a split's file, which are parted by a blank line."""
        path = files[FILES[split]]
        with reading(path):
            text = gzip.decompress(path.read_bytes()).decode("ascii")
            for tune in text.strip("\n").split("\n\n"):
                yield {"tune": f"{tune}\n"}
