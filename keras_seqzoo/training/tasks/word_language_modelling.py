"""Words of a text that is one long stream, such as Penn Treebank."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.runtime.expectation import nats
from keras_seqzoo.training.tasks.language_modelling import (
    LanguageModelling,
    as_examples,
    by_frequency,
    shifted,
)
from keras_seqzoo.training.tasks.own_row import own_text
from keras_seqzoo.training.tasks.task import Run

WINDOW = 70  # Tokens of a row.
CHUNK = 1000  # Tokens scored at a time: each has a score for every word.


class WordLanguageModelling(LanguageModelling):
    """Rows are windows of the stream, strings of WINDOW tokens one after the other.

    In training each window begins without a state, in a random order, and with each
    epoch the stream is cut elsewhere. The figure is of the whole stream in one piece.
    """

    METRIC = "perplexity"
    TOLERANCE = 2.0
    MAX_LOSS = 1.0
    DATASETS = ("ptb",)
    GIVES = "From the words of a text it gives each word's chance to come next."
    FIGURE = "perplexity"
    FIGURE_IS = """\
exp of the mean negative log-likelihood over all tokens of the part, the end of each
sentence and unknown words included, read as one stream with the state carried over"""
    INTENDED_USE = """\
To say which words are likely next, as for a keyboard, or how likely a text is; to
compare recurrent cells."""
    USAGE = """\
model = seqzoo.load("{name}")
print(model.generate(steps=30, seed=3, temperature=0.8, primer="the market"))
"""
    OWN_ROWS = '["the market fell by N points"]'
    LIMITS = """\
English of a financial newspaper of 1989, lower-cased, without punctuation, numbers as N
and rare words as <unk>. What it makes keeps to a topic for some words only, and states
things that are not so."""
    STEPS = "words"

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[str]:
        sentences = catalogue.rows(dataset, split, data_dir)
        stream = []
        for sentence in sentences:
            stream += [*sentence["text"].decode().split(), "\n"]
        return windows(stream)

    @classmethod
    def lengths(cls, rows: Sequence[str]) -> list[int]:
        return [len(row.split(" ")) for row in rows]

    @classmethod
    def assets(cls, rows: Sequence[str], data: Any) -> dict[str, Any]:
        return {"vocabulary": by_frequency(" ".join(rows).split(" "))}

    @classmethod
    def own_rows(cls, rows: Iterable[Any], model: Any) -> list[str]:
        """See `Task.own_rows`; a text of more words than a window has gives several."""
        texts = super().own_rows(rows, model)
        return [window for text in texts for window in windows(text.split(" "))]

    @classmethod
    def own_row(cls, row: Any, model: Any) -> str:
        """Of a text of a line or more; empty lines are left out."""
        lines = [line.split() for line in own_text("text", row).split("\n")]
        text = " ".join(" ".join([*words, "\n"]) for words in lines if words)
        model.tokens.encode(text)
        return text

    @classmethod
    def encode(cls, rows: Sequence[str], model: Any) -> Examples:
        ids = model.tokens.encode(" ".join(rows))
        return as_examples(ids, shifted(ids), cls.lengths(rows))

    @classmethod
    def change(cls, data: Any) -> Callable[[Examples, tf.Tensor], Examples]:
        return moved_windows

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[str], batch_size: int = 64
    ) -> Callable[[Run], float]:
        """See `Task.metric`: of all rows in their order.

        What has no `step`, and so no state to carry over, reads a chunk again before
        each chunk.
        """
        ids = model.tokens.encode(" ".join(rows))
        before = shifted(ids)
        starts = range(0, len(ids), CHUNK)

        def perplexity(run):
            total, states = 0.0, None
            for start in starts:
                chunk = slice(start, start + CHUNK)
                if hasattr(run, "step"):
                    inputs = {"tokens": before[None, chunk]}
                    answer, states = run.step(inputs, states)
                else:
                    first = max(0, start - CHUNK)
                    answer = run({"tokens": before[None, first : start + CHUNK]})
                target = ids[chunk]
                total += nats(answer["scores"][0, -len(target) :], target)
            return float(np.exp(total / len(ids)))

        return perplexity

    @classmethod
    def scorer(
        cls, model: Any, rows: Sequence[str], batch_size: int = 64
    ) -> Callable[[], float]:
        metric = cls.metric(model, rows)
        return lambda: metric(model)

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[str]) -> dict[str, np.ndarray]:
        examples = cls.encode(rows, model)
        return {name: x.to_tensor().numpy() for name, x in examples.inputs.items()}


def windows(stream: Sequence[str]) -> list[str]:
    """Tokens as rows of WINDOW of them; the last may be shorter."""
    starts = range(0, len(stream), WINDOW)
    return [" ".join(stream[start : start + WINDOW]) for start in starts]


def moved_windows(examples: Examples, seed: tf.Tensor) -> Examples:
    """The examples with all borders of windows moved, as far by chance as a window.

    The stream's end comes before its begin, in one window.
    """
    by = tf.random.stateless_uniform([], seed, 0, WINDOW, tf.int32)

    def moved(rows):
        return rows.with_values(tf.roll(rows.values, by, axis=0))

    inputs = {name: moved(rows) for name, rows in examples.inputs.items()}
    return examples._replace(inputs=inputs, targets=moved(examples.targets))
