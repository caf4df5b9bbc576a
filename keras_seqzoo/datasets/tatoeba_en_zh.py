"""Tatoeba: English sentences in Chinese (26,555 / 1,000 / 1,000)."""

import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_lines, reading

FILES = {"train": "train.tsv.gz", "validation": "dev.tsv.gz", "test": "test.tsv.gz"}


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
