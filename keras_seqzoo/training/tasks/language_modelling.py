"""Language modelling: what tasks of characters and of words have in common."""

import collections
from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.runtime.text_tokens import END_OF_LINE
from keras_seqzoo.training.losses import LabelLoss
from keras_seqzoo.training.tasks.task import Task


class LanguageModelling(Task):
    """Rows are texts, strings as `TextTokens` reads them."""

    HIGHER_IS_BETTER = False
    OWN_ROW = "texts"

    @classmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        return LabelLoss(training.label_smoothing)


def by_frequency(tokens: Iterable[str]) -> list[str]:
    """The different tokens but for the end of a line, the most frequent first."""
    counts = collections.Counter(tokens)
    del counts["\n"]
    return sorted(counts, key=lambda token: (-counts[token], token))


def as_examples(ids: np.ndarray, before: np.ndarray, lengths: list[int]) -> Examples:
    """Rows of ids to predict, and the id before each.

    Args:
        ids: Of all rows, one after the other, int32 (tokens,).
        before: What the model reads to predict each, the same.
        lengths: Of the rows.
    """
    inputs = tf.RaggedTensor.from_row_lengths(before, lengths)
    targets = tf.RaggedTensor.from_row_lengths(ids, lengths)
    return Examples({"tokens": inputs}, targets, tf.constant(lengths, tf.int32))


def shifted(ids: np.ndarray) -> np.ndarray:
    """What is known before each id of a text: an end of line, then all but the last."""
    return np.concatenate([[END_OF_LINE], ids[:-1]]).astype(np.int32)
