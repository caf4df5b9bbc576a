"""folk_abc: folk tunes as ABC notation (834 / 92 / 108)."""

import gzip
import importlib.resources
import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_lines, reading, write_gzip

FILES = {"train": "train.abc.gz", "validation": "valid.abc.gz", "test": "test.abc.gz"}
BOOKS = (
    "ashover",
    "hpps",
    "jigs",
    "morris",
    "playford",
    "reelsa-c",
    "reelsd-g",
    "reelsh-l",
    "reelsm-q",
    "reelsr-t",
    "reelsu-z",
    "slip",
    "waltzes",
    "xmas",
)
ADDRESS = (
    "https://raw.githubusercontent.com/jukedeck/nottingham-dataset/"
    "bcb2afc67d291acdd689ed0c22ab2a8a480f38a6/ABC_cleaned"
)


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
        "Database), parted by keras_seqzoo/datasets/folk_abc_split.txt"
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
    ORIGINALS = {f"{book}.abc": f"{ADDRESS}/{book}.abc" for book in BOOKS}
    CONTENT = {
        "train.abc.gz": (
            "3cc5dd264d537bfbfcb6e6aded29bad9c73f6f344142a4c99b4a667a827d5cfc"
        ),
        "valid.abc.gz": (
            "b72b2a10fb806f53ad346bf5f99ed0a456a67e8744816c363766112e62b6b536"
        ),
        "test.abc.gz": (
            "4b36765a61c0a3a533077aa72cfe6a53d3998f15dd5910c0b581ecf7eb378fe5"
        ),
    }

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Takes the tunes of each split from the books, one blank line between two."""
        books = {book: read_tunes(originals[f"{book}.abc"]) for book in BOOKS}
        for split, wanted in cls.tunes_of_splits().items():
            tunes = []
            for book, number in wanted:
                with reading(originals[f"{book}.abc"]):
                    tunes.append(books[book][number])
            write_gzip(folder / FILES[split], "\n".join(tunes).encode())

    @classmethod
    def tunes_of_splits(cls) -> dict[str, list[tuple[str, int]]]:
        """For each split its tunes in their order: book, and number after `X:`."""
        folder = importlib.resources.files("keras_seqzoo.datasets")
        found = {split: [] for split in FILES}
        for line in folder.joinpath("folk_abc_split.txt").read_text().splitlines():
            split, book, *numbers = line.split()
            found[split] += [(book, int(number)) for number in numbers]
        return found

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


def read_tunes(path: pathlib.Path) -> dict[int, str]:
    """The tunes of a book by the number after their `X:`.

    They are without blanks at the ends of lines and without blank lines.

    Raises:
        UserError: The file is damaged.
    """
    tunes, tune = {}, []
    with reading(path):
        for line in read_lines(path, "ascii"):
            if line.startswith("X:"):
                tunes[int(line[2:])] = tune = []
            if line.strip():
                tune.append(f"{line.rstrip()}\n")
    return {number: "".join(lines) for number, lines in tunes.items()}
