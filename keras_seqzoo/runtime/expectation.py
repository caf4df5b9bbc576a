"""How likely a piece of text or music is, and what comes next, with NumPy alone."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from keras_seqzoo.runtime.note_sampling import checked_primer
from keras_seqzoo.runtime.text_tokens import END_OF_LINE

CHUNK = 256  # Steps read at a time: each has a score for every token or key.


class Expectation(NamedTuple):
    """What a model makes of a piece.

    Attributes:
        steps: Of the piece: its tokens, or the steps of its roll.
        nats: Mean negative log-likelihood of a step, its first one given silence or
            the end of a line; None of a piece without a step.
        next: What is likeliest to follow it: (number, probability), likeliest first;
            numbers are ids of tokens, or keys.
    """

    steps: int
    nats: float | None
    next: list[tuple[int, float]]


def expected_tokens(model: Any, text: str, count: int = 5) -> Expectation:
    """What a language model, or its runner, makes of a text.

    Args:
        model: Its `tokens` and `step` are used.
        text: To be read from its begin on.
        count: How many of the likeliest tokens to give.

    Raises:
        UserError: The text has a token that is not known.
    """
    ids = model.tokens.encode(text)
    read = np.concatenate([[END_OF_LINE], ids]).astype(np.int32)
    total = 0.0
    for start, scores in _answers(model, "tokens", read):
        target = ids[start : start + len(scores)]
        total += nats(scores[: len(target)], target)
    chances = np.exp(_log_softmax(scores[-1:])[0])
    return _expectation(len(ids), total, chances, count)


def expected_notes(model: Any, roll: np.ndarray, count: int = 5) -> Expectation:
    """What a model of music, or its runner, makes of a roll.

    Args:
        model: Its `num_keys` and `step` are used.
        roll: Of 0 and 1, `(time, num_keys)`.
        count: How many of the likeliest keys to give.

    Raises:
        UserError: It is no such roll.
    """
    roll = checked_primer(roll, model.num_keys)
    read = np.concatenate([np.zeros_like(roll[:1], shape=(1, model.num_keys)), roll])
    total = 0.0
    for start, scores in _answers(model, "roll", read.astype(np.float32)):
        target = roll[start : start + len(scores)]
        of_steps = scores[: len(target)].astype(np.float64)
        total += np.sum(np.logaddexp(0.0, of_steps) - of_steps * target)
    chances = 1.0 / (1.0 + np.exp(-scores[-1].astype(np.float64)))
    return _expectation(len(roll), float(total), chances, count)


def nats(scores: np.ndarray, ids: np.ndarray) -> float:
    """The negative log-likelihood of ids (n,) by logits (n, tokens), summed."""
    return -float(np.sum(_log_softmax(scores)[np.arange(len(ids)), ids]))


def _answers(
    model: Any, name: str, read: np.ndarray
) -> Iterator[tuple[int, np.ndarray]]:
    """(first step, scores) of each chunk of what is read."""
    states = None
    for start in range(0, len(read), CHUNK):
        answer, states = model.step({name: read[None, start : start + CHUNK]}, states)
        yield start, answer["scores"][0]


def _log_softmax(scores: np.ndarray) -> np.ndarray:
    scores = scores.astype(np.float64)
    scores = scores - scores.max(axis=-1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=-1, keepdims=True))


def _expectation(
    steps: int, total: float, chances: np.ndarray, count: int
) -> Expectation:
    likeliest = np.argsort(-chances, kind="stable")[:count]
    found = [(int(one), float(chances[one])) for one in likeliest]
    return Expectation(steps, total / steps if steps else None, found)
