"""Slot filling: a BIO tag for each word."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import catalogue, tagging
from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.training.losses import LabelLoss
from keras_seqzoo.training.metrics import slot_scores
from keras_seqzoo.training.tasks.own_row import as_row
from keras_seqzoo.training.tasks.task import Run, Task, check_labels, check_vocabulary
from keras_seqzoo.training.vocabulary import tagger_assets


class SlotFilling(Task):
    """Rows are `TaggedSentence`s."""

    METRIC = "slot_f1"
    TOLERANCE = 0.6
    DATASETS = catalogue.SLOT_SETS
    OPTIONS = frozenset({"word_dropout", "min_count"})
    GIVES = "It reads a sentence and gives a BIO slot tag for each word."
    FIGURE = "slot F1"
    FIGURE_IS = "CoNLL-2000's (conlleval, seqeval), in percent"
    INTENDED_USE = """\
To fill slots in short requests to an assistant, on a phone or a server; as a start for
other slots, by fine-tuning; to compare recurrent cells."""
    USAGE = """\
model = seqzoo.load("{name}")
print(model.predict_text(["one sentence, words parted by spaces"]))

# A new head, to fine-tune on your own slots in plain Keras.
model = seqzoo.load("{name}", labels=["O", "B-dish"])
"""
    OWN_ROWS = '[("two soups please", ["O", "B-dish", "O"])]'
    LIMITS = """\
English sentences of the data's own domain, split at spaces and without punctuation.
Slots that the training part lacks are never predicted. No other language, domain or
speaker was tried, and no bias was looked for."""
    STEPS = "words"
    OWN_ROW = "tuples (sentence or words, slots)"

    @classmethod
    def _rows(
        cls, dataset: str, split: str, data_dir: str | None
    ) -> list[TaggedSentence]:
        return catalogue.read(dataset, split, data_dir)

    @classmethod
    def lengths(cls, rows: Sequence[TaggedSentence]) -> list[int]:
        return [len(row.words) for row in rows]

    @classmethod
    def assets(cls, rows: Sequence[TaggedSentence], data: Any) -> dict[str, Any]:
        assets = tagger_assets(rows, data.min_count)
        check_vocabulary(assets["vocabulary"], data)
        return assets

    @classmethod
    def own_row(cls, row: Any, model: Any) -> TaggedSentence:
        """Of a sentence or its words, and a label of the model's for each word."""
        row = as_row(TaggedSentence, row)
        words, slots = tagging.checked_row(row.words, row.slots, model.labels)
        return dataclasses.replace(row, words=tuple(words), slots=tuple(slots))

    @classmethod
    def encode(cls, rows: Sequence[TaggedSentence], model: Any) -> Examples:
        return tagging.encode(
            [row.words for row in rows], [row.slots for row in rows], model
        )

    @classmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        return LabelLoss(training.label_smoothing)

    @classmethod
    def change(cls, data: Any) -> Callable[[Examples, tf.Tensor], Examples] | None:
        rate = data.word_dropout
        if not rate:
            return None
        return lambda examples, seed: tagging.word_dropout(examples, seed, rate)

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[TaggedSentence], batch_size: int = 64
    ) -> Callable[[Run], float]:
        # Sentences of like length together: less padding.
        rows = sorted(rows, key=lambda row: len(row.words))
        batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        batches = [(batch, cls.inputs(model, batch)) for batch in batches]
        gold = [row.slots for row in rows]
        check_labels(model, {slot for slots in gold for slot in slots} - {"O"})

        def f1(run):
            predicted = []
            for batch, inputs in batches:
                ids = run(inputs)["labels"]  # (batch, length)
                for row, row_ids in zip(batch, ids):
                    predicted.append(
                        [model.labels[i] for i in row_ids[: len(row.words)]]
                    )
            return slot_scores(gold, predicted)["f1"]

        return f1

    @classmethod
    def inputs(
        cls, model: Any, rows: Sequence[TaggedSentence]
    ) -> dict[str, np.ndarray]:
        texts = [" ".join(row.words) for row in rows]
        return {name: np.asarray(x) for name, x in model.preprocessor(texts).items()}
