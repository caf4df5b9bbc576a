"""Characters of texts that are parted by an empty line, such as tunes in ABC."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

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


class CharacterLanguageModelling(LanguageModelling):
    """Rows are texts, each from its first character to the end of its last line.

    After each the model predicts the end of one more line: the empty one that ends it.
    """

    METRIC = "bits_per_character"
    TOLERANCE = 0.03
    MAX_LOSS = 0.05
    DATASETS = ("folk_abc",)
    GIVES = "From the characters of a text it gives each one's chance to come next."
    FIGURE = "bits per character"
    FIGURE_IS = """\
the mean of -log2 p over all characters of the part's file, empty lines between tunes
included; the model begins anew at each tune"""
    INTENDED_USE = """\
To make or continue short texts in the style of the data; to compare recurrent cells."""
    USAGE = """\
model = seqzoo.load("{name}")
print(model.generate(steps=1000, seed=3, temperature=0.7, primer="X: 1\\n"))
"""
    OWN_ROWS = '["X: 1\\nM: 4/4\\nK: C\\nCDEF GABc|\\n"]'
    LIMITS = """\
Texts like the data's, in its characters. Notation may be wrong: bars of another length
than the metre's, repeats that do not close. What it makes may repeat phrases of the
data."""
    STEPS = "characters"

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[str]:
        rows = catalogue.rows(dataset, split, data_dir)
        return [row["tune"].decode() for row in rows]

    @classmethod
    def lengths(cls, rows: Sequence[str]) -> list[int]:
        return [len(row) + 1 for row in rows]  # The empty line's end is one more.

    @classmethod
    def assets(cls, rows: Sequence[str], data: Any) -> dict[str, Any]:
        return {"vocabulary": by_frequency("".join(rows))}

    @classmethod
    def own_row(cls, row: Any, model: Any) -> str:
        """Of a text, whether its last line has an end or not."""
        text = own_text("text", row).strip("\n") + "\n"
        model.tokens.encode(text)
        return text

    @classmethod
    def encode(cls, rows: Sequence[str], model: Any) -> Examples:
        ids = [cls._ids(row, model) for row in rows]
        before = np.concatenate([shifted(one) for one in ids])
        return as_examples(np.concatenate(ids), before, cls.lengths(rows))

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[str], batch_size: int = 64
    ) -> Callable[[Run], float]:
        """See `Task.metric`: of a part's rows, all of them and in their order."""
        ids = [cls._ids(row, model) for row in rows]
        ids[-1] = ids[-1][:-1]  # No empty line is behind a file's last text.
        characters = sum(map(len, ids))
        ids.sort(key=len)
        batches = [ids[i : i + batch_size] for i in range(0, len(ids), batch_size)]
        batches = [(batch, _padded(batch)) for batch in batches]

        def bits_per_character(run):
            total = 0.0
            for batch, inputs in batches:
                for one, scores in zip(batch, run(inputs)["scores"]):
                    total += nats(scores[: len(one)], one)
            return float(total / np.log(2.0) / characters)

        return bits_per_character

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[str]) -> dict[str, np.ndarray]:
        return _padded([cls._ids(row, model) for row in rows])

    @classmethod
    def _ids(cls, row: str, model: Any) -> np.ndarray:
        return model.tokens.encode(f"{row}\n")


def _padded(rows: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """The model's inputs of some rows of ids."""
    tokens = np.zeros((len(rows), max(map(len, rows))), np.int32)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = shifted(row)
    return {"tokens": tokens}
