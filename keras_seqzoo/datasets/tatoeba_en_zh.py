"""Tatoeba: English sentences in Chinese (26,555 / 1,000 / 1,000)."""

import collections
import hashlib
import pathlib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import check_file, read_lines, reading, write_gzip

FILES = {"train": "train.tsv.gz", "validation": "dev.tsv.gz", "test": "test.tsv.gz"}
LARGEST_GROUP = 10  # Pairs; larger groups are for training.


class TatoebaEnZh(SequenceBuilder):
    """The tfds builder of English-Chinese sentence pairs of Tatoeba."""

    name = "tatoeba_en_zh"
    TITLE = "Tatoeba English-Chinese"
    TASK = "translation"
    EXAMPLE = (
        "`en` and `zh` (simplified characters), one short sentence, and `attribution`, "
        "the sentences' numbers and authors"
    )
    METRIC = (
        "corpus BLEU with one reference: sacreBLEU's `zh` (characters) into Chinese, "
        "13a into English; chrF and the share of exact matches beside it"
    )
    TRAPS = (
        "There is no standard split; this one was made so that no English and no "
        "Chinese sentence is in two parts.",
        "114 of the test pairs share their English with another test pair: here each "
        "pair is scored alone.",
        "Rows come short to long: shuffle. Punctuation is full-width or ASCII by "
        "author.",
        "2,797 characters in train; 18 of test are not among them.",
        "The attribution must be kept where rows are passed on.",
    )
    SOURCE = (
        "manythings.org/anki's cmn-eng (of tatoeba.org), as GitHub "
        "DaoChaShao/py-st-dl-translater-2.0, data/cmn.txt"
    )
    HOMEPAGE = "https://tatoeba.org"
    LICENCE = "CC BY 2.0 (France)"
    CITATION = (
        "Tatoeba project, sentences by volunteers; Tiedemann, Parallel Data, Tools and "
        "Interfaces in OPUS, LREC 2012"
    )
    ROWS = {"train": 26555, "validation": 1000, "test": 1000}
    SHA256 = {
        "train.tsv.gz": (
            "1cce4eaca097d8e246d2169f9fab23dcb8bc0ed9ad8fc6337773c85535eef671"
        ),
        "dev.tsv.gz": (
            "2d3702a48a44063a7f45544ac4ec69270dbd57d45ed8d4d56ba2b012ff258878"
        ),
        "test.tsv.gz": (
            "98682a40f4fa9458ee7a70365924fbab0e1341571ed25095417cf3219aec3725"
        ),
    }
    ORIGINALS = {
        "cmn.txt": (
            "https://raw.githubusercontent.com/DaoChaShao/py-st-dl-translater-2.0/"
            "25e41c1970e5d38694072bf6039f06607e8cc766/data/cmn.txt"
        )
    }
    ORIGINAL_SHA256 = "9da1af87e3e61650aa38595e60baef3a4e3a18ed239a7ef4a764c0a87c7ddeff"
    HELD_OUT = 500  # Pairs that are in no split.
    CONTENT = {
        "train.tsv.gz": (
            "094593a4f1ede8eaa284f8f5a210e110364ecabf05e962d0752d72c037adf2b3"
        ),
        "dev.tsv.gz": (
            "bb2e4d36b51fe1a457a6dbece424b89f6db50f751a1e310b986f80e34ef40222"
        ),
        "test.tsv.gz": (
            "13ee79e1724e43758c18a3778e71f747b47ce10c539c26624819a91f46c84c95"
        ),
    }

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Parts the rows by `split_of_pairs`, each split in the order of the source."""
        path = originals["cmn.txt"]
        check_file(path, cls.ORIGINAL_SHA256)
        with reading(path):
            rows = {}
            for line in read_lines(path):
                english, chinese, _ = line.split("\t")
                rows.setdefault((english, chinese), line)  # Some are there twice.
        sizes = {
            "held out": cls.HELD_OUT,
            "test": cls.ROWS["test"],
            "validation": cls.ROWS["validation"],
        }
        splits = split_of_pairs(list(rows), sizes)
        for split, file in FILES.items():
            lines = [line for line, its in zip(rows.values(), splits) if its == split]
            text = "".join(f"{line}\n" for line in lines)
            write_gzip(folder / file, text.encode())

    def features(self) -> tfds.features.FeaturesDict:
        """`en`, `zh` and `attribution`, strings."""
        return tfds.features.FeaturesDict(
            {name: tfds.features.Text() for name in ("en", "zh", "attribution")}
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The rows `ENGLISH TAB CHINESE TAB ATTRIBUTION` of a split's file."""
        path = files[FILES[split]]
        with reading(path):
            for line in read_lines(path):
                english, chinese, attribution = line.split("\t")
                yield {
                    "en": " ".join(english.split()),
                    "zh": " ".join(chinese.split()),
                    "attribution": attribution,
                }


def split_of_pairs(
    pairs: Sequence[tuple[str, str]], sizes: Mapping[str, int]
) -> list[str]:
    """The split of each pair, so that no sentence is in two splits.

    Groups of pairs that share sentences, in the order of the SHA-256 of their first
    English key, go into the first split that has room for all of the group.

    Args:
        pairs: English, Chinese.
        sizes: Split -> how many pairs have room in it. All others are "train"'s.
    """
    keys = [(key(english), key(chinese)) for english, chinese in pairs]

    def digest(group):
        first = min(keys[number][0] for number in group)
        return hashlib.sha256(first.encode()).digest()

    splits, room = ["train"] * len(pairs), dict(sizes)
    for group in sorted(groups(keys), key=digest):
        size = len(group)
        fitting = [s for s in room if size <= room[s] and size <= LARGEST_GROUP]
        if fitting:
            room[fitting[0]] -= size
            for number in group:
                splits[number] = fitting[0]
    return splits


def groups(keys: Sequence[tuple[str, str]]) -> list[list[int]]:
    """Numbers of the pairs that share a key, themselves or by way of other pairs."""
    sharing = collections.defaultdict(list)  # (language, key) -> its pairs.
    for number, pair in enumerate(keys):
        for entry in enumerate(pair):
            sharing[entry].append(number)
    found, seen = [], set()
    for first in range(len(keys)):
        if first in seen:
            continue
        group = [first]
        seen.add(first)
        for number in group:  # It grows meanwhile.
            for entry in enumerate(keys[number]):
                new = [other for other in sharing.pop(entry, ()) if other not in seen]
                seen.update(new)
                group += new
        found.append(group)
    return found


def key(sentence: str) -> str:
    """The letters, digits and Chinese characters of a sentence, case folded."""
    folded = unicodedata.normalize("NFKC", sentence).casefold()
    return "".join(character for character in folded if character.isalnum())
