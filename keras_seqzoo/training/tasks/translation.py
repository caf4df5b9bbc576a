"""Translation: a sentence of another language for each sentence."""

import importlib.resources
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.preprocessing.subword_learning import learn_subwords
from keras_seqzoo.runtime.subwords import END, START, normalized
from keras_seqzoo.training.losses import LabelLoss
from keras_seqzoo.training.metrics import corpus_bleu
from keras_seqzoo.training.tasks.task import Run, Task

# From what to what a set is translated: names of its features.
LANGUAGES = {"multi30k": ("en", "de"), "tatoeba_en_zh": ("en", "zh")}
TERMS = "study_terms"
FIRST_WRITTEN = END  # The model's class 0.


class Pair(NamedTuple):
    """A sentence, its translation, and the translation's language."""

    source: str
    target: str
    language: str


class Translation(Task):
    """Rows are `Pair`s.

    Tatoeba's set has, beside its own splits, `study_terms`: terms of study and
    computing, which its everyday sentences lack.
    """

    METRIC = "bleu"
    TOLERANCE = 1.0
    DATASETS = tuple(LANGUAGES)
    OPTIONS = frozenset({"min_count", "subwords"})
    GIVES = (
        "It translates an English sentence: into German, or of Tatoeba's set Chinese."
    )
    FIGURE = "BLEU"
    FIGURE_IS = """\
corpus BLEU in percent, one reference, cased, of detokenised translations by the model's
own beam search (sacrebleu; tokenize 13a for German, zh for Chinese; the signature is in
the metadata); test is Multi30k's test_2016_flickr, or 1,000 pairs of Tatoeba"""
    INTENDED_USE = """\
To translate short plain sentences like those of its data on the phone; as a start for
other languages, by fine-tuning; to compare cells, attention and the Transformer."""
    USAGE = """\
model = seqzoo.load("{name}")
print(model.translate(["a man rides a bicycle."]))
"""
    LIMITS = """\
Trained on some tens of thousands of short sentences: captions of photographs, or
everyday sentences of learners. Beyond these it writes fluent nonsense, names and
numbers among it, and it takes over what its data guess about people. Not for anything
that matters."""
    STEPS = "subwords"

    @classmethod
    def splits(cls, dataset: str) -> tuple[str, ...]:
        splits = super().splits(dataset)
        return (*splits, TERMS) if dataset == "tatoeba_en_zh" else splits

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Pair]:
        source, target = LANGUAGES[dataset]
        if split == TERMS:
            return study_terms()
        return [
            Pair(row[source].decode(), row[target].decode(), target)
            for row in catalogue.rows(dataset, split, data_dir)
        ]

    @classmethod
    def assets(cls, rows: Sequence[Pair], data: Any) -> dict[str, Any]:
        texts = [normalized(row.source, lower_case=True) for row in rows]
        texts += [row.target for row in rows]
        words = learn_subwords(texts, data.subwords, min_count=data.min_count)
        return {"vocabulary": words}

    @classmethod
    def encode(cls, rows: Sequence[Pair], model: Any) -> Examples:
        pieces = model.pieces
        source = [pieces.source.encode(row.source, end=True) for row in rows]
        target = [pieces.target_ids(row.target) for row in rows]
        before = [[START, *ids[:-1]] for ids in target]
        classes = [[one - FIRST_WRITTEN for one in ids] for ids in target]
        # One shape holds both where shapes are static.
        lengths = [max(map(len, pair)) for pair in zip(source, target)]
        return Examples(
            {
                "source": tf.ragged.constant(source, tf.int32),
                "tokens": tf.ragged.constant(before, tf.int32),
            },
            tf.ragged.constant(classes, tf.int32),
            tf.constant(lengths, tf.int32),
        )

    @classmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        return LabelLoss(training.label_smoothing)

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[Pair], batch_size: int = 64
    ) -> Callable[[Run], float]:
        def bleu(run):
            found = model.pieces.translate(run, [row.source for row in rows])
            return bleu_of(found, rows)[0]

        return bleu

    @classmethod
    def quick_scorer(cls, model: Any, rows: Sequence[Pair]) -> Callable[[], float]:
        """BLEU of greedy search."""
        sources = [row.source for row in rows]
        return lambda: bleu_of(model.translate(sources, beams=1), rows)[0]

    @classmethod
    def conditions(cls, rows: Sequence[Pair]) -> dict[str, str]:
        """sacrebleu's signature."""
        return {"signature": bleu_of(["a"], rows[:1])[1]}

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[Pair]) -> dict[str, np.ndarray]:
        return {"source": model.pieces.source_ids([row.source for row in rows])}


def study_terms() -> list[Pair]:
    """English terms in Chinese, which come with the package."""
    path = importlib.resources.files("keras_seqzoo.datasets") / "study_terms.txt"
    lines = path.read_text("utf-8").splitlines()
    return [Pair(*line.split("\t"), "zh") for line in lines if line[0] != "#"]


def bleu_of(sentences: Sequence[str], rows: Sequence[Pair]) -> tuple[float, str]:
    """BLEU of translations of some rows, by the rows' language, and its signature."""
    tokenize = "zh" if rows[0].language == "zh" else "13a"
    return corpus_bleu(sentences, [row.target for row in rows], tokenize)
