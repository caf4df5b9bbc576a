"""MR: film sentences, negative or positive, in ten folds (8,530 / 1,066 / 1,066)."""

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_parallel_lines

LABELS = ("negative", "positive")
FILES = {"negative": "rt-polarity.neg", "positive": "rt-polarity.pos"}
FOLDS = 10
SPLIT_OF_FOLD = {8: "validation", 9: "test"}  # The others are train's.


class Mr(SequenceBuilder):
    """The tfds builder of MR, with a fixed split and each row's fold."""

    name = "mr"
    TITLE = "MR"
    TASK = "sentiment"
    EXAMPLE = (
        "`text`, lower-cased and tokenised, `label`: negative or positive, and its "
        "`fold`, 0 to 9"
    )
    METRIC = (
        "accuracy, the mean of ten folds (chance 50 %); of one run fold 9 is test and "
        "fold 8 validation: say which it is"
    )
    TRAPS = (
        "There is no standard split: papers report ten random folds. Here a sentence's "
        "fold is its row number in its file modulo ten.",
        "78 % of SST-2's sentences are here as well: train on one or the other, and "
        "pick no embeddings by the other's score.",
        "The files are in windows-1252, not UTF-8, and have rows of one word.",
    )
    SOURCE = "GitHub yoonkim/CNN_sentence (the files of Kim, EMNLP 2014)"
    HOMEPAGE = "https://github.com/yoonkim/CNN_sentence"
    URL = "https://raw.githubusercontent.com/yoonkim/CNN_sentence/master"
    LICENCE = "not stated"
    CITATION = (
        "Pang, Lee, Seeing stars: Exploiting class relationships for sentiment "
        "categorization with respect to rating scales, ACL 2005"
    )
    ROWS = {"train": 8530, "validation": 1066, "test": 1066}
    SHA256 = {
        "rt-polarity.neg": (
            "4ace77d558c3714723843f1d65b60c01e3417b208180f0728808d76ad0eeeaca"
        ),
        "rt-polarity.pos": (
            "2da124ec187a9d5a29c9f04e91c540e02baed5af8868f550a26bd6fd4dbf8bf0"
        ),
    }

    def features(self) -> tfds.features.FeaturesDict:
        """`text` () string; `label` () int64, 0 negative, 1 positive; `fold` int32."""
        return tfds.features.FeaturesDict(
            {
                "text": tfds.features.Text(),
                "label": tfds.features.ClassLabel(names=LABELS),
                "fold": np.int32,
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The split's rows, negative and positive ones in turn."""
        paths = [files[FILES[label]] for label in LABELS]
        for row, texts in enumerate(read_parallel_lines(paths, "windows-1252")):
            fold = row % FOLDS
            if SPLIT_OF_FOLD.get(fold, "train") == split:
                for label, text in enumerate(texts):
                    yield {"text": text.strip(), "label": label, "fold": fold}
