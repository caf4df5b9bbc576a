"""Sentiment: a sentence's class."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_seqzoo.arguments import one_of
from keras_seqzoo.datasets import catalogue, tagging
from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.training.tasks.classification import Classification
from keras_seqzoo.training.tasks.own_row import as_row, own_text
from keras_seqzoo.training.tasks.task import check_vocabulary
from keras_seqzoo.training.vocabulary import word_assets

_FOLDS = {f"fold{number}": number for number in range(10)}  # of MR


class Review(NamedTuple):
    """A sentence or a phrase, and its class."""

    text: str
    label: str


class Sentiment(Classification):
    """Rows are `Review`s.

    MR has, beside its splits, its ten folds as the splits `fold0` to `fold9`.
    """

    DATASETS = ("sst2", "mr")
    OPTIONS = frozenset({"word_dropout", "min_count"})
    GIVES = "It reads a sentence and gives its sentiment, and what each word weighs."
    INTENDED_USE = """\
To tell favourable sentences from unfavourable ones, in reviews or messages, on a phone
or a server; as a start for other classes of sentences, by fine-tuning."""
    USAGE = """\
model = seqzoo.load("{name}")
texts = ["a film that never loses its way"]
print(model.predict_text(texts))  # [(label, probability)]
print(model.explain(texts))  # and each word's weight

# A new head, to fine-tune on your own classes in plain Keras.
model = seqzoo.load("{name}", labels=["question", "request"])
"""
    OWN_ROWS = '[("what is it called", "question"), ("tell me more", "request")]'
    LIMITS = """\
English sentences of film reviews, lower-cased and split into words. There is no neutral
class: a sentence without a feeling gets one. Irony is often missed. No other domain was
tried, and no bias was looked for."""
    STEPS = "words"
    OWN_ROW = "tuples (text, label)"

    @classmethod
    def splits(cls, dataset: str) -> tuple[str, ...]:
        splits = super().splits(dataset)
        return (*splits, *_FOLDS) if dataset == "mr" else splits

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Review]:
        names = catalogue.builder(dataset, data_dir).info.features["label"].names
        parts = [split] if split not in _FOLDS else super().splits(dataset)
        return [
            Review(row["text"].decode(), names[row["label"]])
            for part in parts
            for row in catalogue.rows(dataset, part, data_dir)
            if split not in _FOLDS or row["fold"] == _FOLDS[split]
        ]

    @classmethod
    def lengths(cls, rows: Sequence[Review]) -> list[int]:
        return [len(row.text.split()) for row in rows]

    @classmethod
    def label(cls, row: Review) -> str:
        return row.label

    @classmethod
    def assets(cls, rows: Sequence[Review], data: Any) -> dict[str, Any]:
        words = [word for row in rows for word in row.text.split()]
        labels = sorted({row.label for row in rows})
        assets = word_assets(words, data.min_count)
        check_vocabulary(assets["vocabulary"], data)
        return {**assets, "labels": labels}

    @classmethod
    def own_row(cls, row: Any, model: Any) -> Review:
        """Of a sentence, and one of the model's labels."""
        row = as_row(Review, row)
        label = one_of("label", row.label, model.labels)
        return Review(own_text("text", row.text), label)

    @classmethod
    def encode(cls, rows: Sequence[Review], model: Any) -> Examples:
        ids = {label: i for i, label in enumerate(model.labels)}
        inputs = tagging.encode_texts([row.text for row in rows], model)
        labels = tf.constant([ids[row.label] for row in rows], tf.int32)
        lengths = tf.cast(inputs["words"].row_lengths(), tf.int32)
        return Examples(inputs, labels, lengths)

    @classmethod
    def change(cls, data: Any) -> Callable[[Examples, tf.Tensor], Examples] | None:
        rate = data.word_dropout
        if not rate:
            return None
        return lambda examples, seed: tagging.word_dropout(examples, seed, rate)

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[Review]) -> dict[str, np.ndarray]:
        inputs = model.preprocessor([row.text for row in rows])
        return {name: np.asarray(x) for name, x in inputs.items()}
