"""Chains of words for the searches: what comes next depends on the word before."""

import numpy as np
from keras import ops

START, END, WORDS, LONGEST = 0, 0, 4, 3


def chain(seed, batch=3):
    """Log-probabilities (batch, WORDS, WORDS) of each word after each other one."""
    logits = np.random.default_rng(seed).normal(size=(batch, WORDS, WORDS)) * 2.0
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def step_of(table):
    """The step of a chain; its state has the row's number and the words so far."""
    flat = ops.convert_to_tensor(table.reshape(-1, WORDS), "float32")

    def step(tokens, states):
        number, seen, time = states
        at = ops.cast(number[:, 0], "int32") * WORDS + tokens
        place = ops.arange(LONGEST, dtype="float32")[None, :]
        now = ops.cast(ops.equal(place, time), "float32")
        seen = seen + now * ops.cast(tokens, "float32")[:, None]
        return ops.take(flat, at, axis=0), [number, seen, time + 1.0]

    return step


def first_states(batch):
    number = ops.arange(batch, dtype="float32")[:, None]
    return [number, ops.zeros((batch, LONGEST)), ops.zeros((batch, 1))]


def padded(words):
    return [*words, *[END] * (LONGEST - len(words))]


SEARCH = {"start": START, "end": END, "max_length": LONGEST}
