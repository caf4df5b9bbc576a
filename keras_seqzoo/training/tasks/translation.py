"""Translation: a sentence of another language for each sentence."""

import importlib.resources
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.pipeline import IGNORED, Examples
from keras_seqzoo.preprocessing.subword_learning import learn_subwords
from keras_seqzoo.runtime.subwords import END, START, normalized
from keras_seqzoo.training.losses import LabelLoss
from keras_seqzoo.training.metrics import corpus_bleu
from keras_seqzoo.training.tasks.own_row import as_row, own_text, unwritable
from keras_seqzoo.training.tasks.task import Run, Task, Words, check_vocabulary

NAMES = {"en": "English", "de": "German", "zh": "Chinese"}
TERMS = "study_terms"
FIRST_WRITTEN = END  # The model's class 0.


class Pair(NamedTuple):
    """A sentence, its translation, and the translation's language."""

    source: str
    target: str
    language: str = ""


class Direction(NamedTuple):
    """From what to what a set is translated, and what a card says of it."""

    source: str  # The name of its feature.
    target: str
    sentences: str
    test: str
    example: str
    translation: str  # Of the example.


DIRECTIONS = {
    "multi30k": Direction(
        source="en",
        target="de",
        sentences="captions of photographs",
        test="the 1,000 pairs of test_2016_flickr",
        example="a man rides a bicycle.",
        translation="ein Mann fährt Fahrrad.",
    ),
    "tatoeba_en_zh": Direction(
        source="en",
        target="zh",
        sentences="everyday sentences of learners",
        test="1,000 pairs that were held out",
        example="what time is it?",
        translation="现在几点了？",
    ),
}


class Translation(Task):
    """Rows are `Pair`s.

    Tatoeba's set has, beside its own splits, `study_terms`: terms of study and
    computing, which its everyday sentences lack.
    """

    METRIC = "bleu"
    TOLERANCE = 1.0
    DATASETS = tuple(DIRECTIONS)
    OPTIONS = frozenset({"min_count", "subwords"})
    GIVES = "It translates a sentence from {source} into {target}."
    FIGURE = "BLEU"
    FIGURE_IS = """\
corpus BLEU in percent, one reference, cased, of detokenised translations by the model's
own beam search (sacrebleu, `{signature}`)
on {test}"""
    INTENDED_USE = """\
To translate short plain {source} sentences into {target} on the phone, such as those
of its data, {sentences}; as a start for other languages,
by fine-tuning; to compare cells, attention and the Transformer."""
    USAGE = """\
model = seqzoo.load("{{name}}")
print(model.translate(["{example}"]))
"""
    OWN_ROWS = '[("{example}", "{translation}")]'
    LIMITS = """\
Trained on some tens of thousands of short sentences: {sentences}.
Beyond these it writes fluent nonsense, names and numbers among it, and it takes over
what its data guess about people. Not for anything that matters."""
    TERMS_ARE = """\
With them `study_terms`: {count} terms of study and computing, {source} and {target},
which were written for this project and come with it (Apache-2.0)."""
    TERMS_LIMITS = """
Terms of study and computing it knows mostly from `study_terms`, and not all of those:
{learned} come out as they stand there. ("deep learning", one of them,
became 深深学习 in one training.) A term that they lack may come out wrong, too."""
    STEPS = "subwords"
    OWN_ROW = "tuples (sentence, translation)"

    @classmethod
    def words(cls, config: Mapping[str, Any], metadata: Mapping[str, Any]) -> Words:
        """With the languages, sentences and test of the model's data set."""
        direction = DIRECTIONS[metadata["dataset"]]
        facts = {
            **direction._asdict(),
            "source": NAMES[direction.source],
            "target": NAMES[direction.target],
            "signature": metadata["signature"],
        }
        words = super().words(config, metadata)
        words = Words(*(one.format(**facts) for one in words))
        if TERMS not in metadata["train_splits"]:
            return words
        count, right = len(study_terms()), metadata.get("terms_right")
        terms = cls.TERMS_ARE.format(count=count, **facts)
        learned = "some" if right is None else f"{right} of the {count}"
        limits = words.limits + cls.TERMS_LIMITS.format(learned=learned)
        return words._replace(further_data=terms, limits=limits)

    @classmethod
    def splits(cls, dataset: str) -> tuple[str, ...]:
        splits = super().splits(dataset)
        return (*splits, TERMS) if dataset == "tatoeba_en_zh" else splits

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Pair]:
        source, target = DIRECTIONS[dataset][:2]
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
        check_vocabulary(words, data)
        return {"vocabulary": words}

    @classmethod
    def own_row(cls, row: Any, model: Any) -> Pair:
        """Of a sentence and its translation; the name of its language is not needed."""
        row = as_row(Pair, row)
        texts = {name: own_text(name, getattr(row, name)) for name in Pair._fields[:2]}
        texts = {name: " ".join(text.split()) for name, text in texts.items()}
        lacks = model.pieces.target.unknown(texts["target"])
        if lacks:
            known = list(dict.fromkeys("".join(model.config["vocabulary"])))
            raise unwritable("target", "characters", lacks, known)
        return row._replace(**texts)

    @classmethod
    def encode(cls, rows: Sequence[Pair], model: Any) -> Examples:
        pieces = model.pieces
        source = [pieces.source.encode(row.source, end=True) for row in rows]
        target = [pieces.target_ids(row.target) for row in rows]
        before = [[START, *ids[:-1]] for ids in target]
        # A character that the model cannot write is no target.
        classes = [[max(one - FIRST_WRITTEN, IGNORED) for one in ids] for ids in target]
        pairs = [(len(one), len(other)) for one, other in zip(source, target)]
        return Examples(
            {
                "source": tf.ragged.constant(source, tf.int32),
                "tokens": tf.ragged.constant(before, tf.int32),
            },
            tf.ragged.constant(classes, tf.int32),
            # One shape holds both where shapes are static.
            tf.constant([max(pair) for pair in pairs], tf.int32),
            tf.constant(pairs, tf.int32),
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
    def further_figures(cls, model: Any, rows: Sequence[Pair]) -> dict[str, Any]:
        """Of a model that writes Chinese: how many of the study terms come out."""
        if rows[0].language != "zh":
            return {}
        terms = study_terms()
        found = model.translate([term.source for term in terms])
        return {"terms_right": sum(a == b.target for a, b in zip(found, terms))}

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
