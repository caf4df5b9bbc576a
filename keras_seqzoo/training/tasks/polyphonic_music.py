"""Polyphonic music: the notes of the next step of a piano roll."""

import os
from collections.abc import Callable, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import augment, catalogue
from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.note_sampling import checked_roll
from keras_seqzoo.training.losses import NoteLoss
from keras_seqzoo.training.tasks.task import Run, Task


class PolyphonicMusic(Task):
    """Rows are rolls, uint8 (time, 88)."""

    METRIC = "frame_nll"
    MAX_LOSS = 0.05
    TOLERANCE = 0.1
    HIGHER_IS_BETTER = False
    DATASETS = ("jsb_chorales", "nottingham")
    OPTIONS = frozenset({"transpose"})
    GIVES = "From the steps of a piece it gives for each key its chance to sound next."
    FIGURE = "frame NLL"
    FIGURE_IS = """\
the negative log-likelihood of a step in nats, summed over the 88 keys and
averaged over all steps of all pieces but their first (Bai et al. 2018)"""
    INTENDED_USE = """\
To make or continue short pieces in the style of the data; to compare recurrent
cells."""
    USAGE = """\
model = seqzoo.load("{name}")
roll = model.generate(steps=64, seed=3, temperature=0.8)  # (64, 88), 1 is a note
"""
    OWN_ROWS = "[roll]"
    LIMITS = """\
Music in the keys, metres and style of the data, all of it in C major or C minor, on its
grid: a primer in another key must be moved there first, or what follows may be noise.
Held and repeated notes are not told apart, and there is no loudness. The keys of a step
are drawn independently of each other, so a step has more or fewer notes than the
data's, and chords can clash.
What it makes may repeat phrases of the data."""
    STEPS = "steps"
    OWN_ROW = "rolls (time, keys) or paths of MIDI files"

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[np.ndarray]:
        rows = catalogue.rows(dataset, split, data_dir)
        return [row["roll"] for row in rows]

    @classmethod
    def lengths(cls, rows: Sequence[np.ndarray]) -> list[int]:
        return [len(row) for row in rows]

    @classmethod
    def assets(cls, rows: Sequence[np.ndarray], data: Any) -> dict[str, Any]:
        return {}

    @classmethod
    def own_row(cls, row: Any, model: Any) -> np.ndarray:
        """Of a roll (time, keys) of 0 and 1, or a MIDI file."""
        if isinstance(row, str | os.PathLike):
            from keras_seqzoo.preprocessing.midi import read_midi  # needs mido

            return read_midi(row, model.num_keys, model.lowest_pitch, model.step_beats)
        roll = checked_roll(row, model.num_keys, "a row")
        if not len(roll):
            raise UserError("a row must be a roll of a step or more. Received: none")
        return roll

    @classmethod
    def encode(cls, rows: Sequence[np.ndarray], model: Any) -> Examples:
        lengths = cls.lengths(rows)
        before = np.concatenate([shifted(row) for row in rows])
        inputs = tf.RaggedTensor.from_row_lengths(before.astype("float32"), lengths)
        notes = np.concatenate(list(rows)).astype("int8")
        targets = tf.RaggedTensor.from_row_lengths(notes, lengths)
        return Examples({"roll": inputs}, targets, tf.constant(lengths, tf.int32))

    @classmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        return NoteLoss(training.label_smoothing)

    @classmethod
    def augment(cls, data: Any) -> Callable | None:
        if not data.transpose:
            return None

        def transposed(inputs, targets, seed):
            both = tf.concat([inputs["roll"], tf.cast(targets, tf.float32)], axis=0)
            moved = augment.transpose(both, seed, data.transpose)
            roll, targets_ = tf.split(moved, 2)
            return {"roll": roll}, tf.cast(targets_, targets.dtype)

        return transposed

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[np.ndarray], batch_size: int = 64
    ) -> Callable[[Run], float]:
        rows = sorted(rows, key=len)
        batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]
        batches = [(batch, cls.inputs(model, batch)) for batch in batches]

        def frame_nll(run):
            total, steps = 0.0, 0
            for batch, inputs in batches:
                scores = run(inputs)["scores"]  # (batch, time, keys)
                for row, row_scores in zip(batch, scores):
                    z = row_scores[1 : len(row)].astype(np.float64)
                    total += np.sum(np.logaddexp(0.0, z) - z * row[1:])
                    steps += len(row) - 1
            return float(total / steps)

        return frame_nll

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
        roll = np.zeros((len(rows), max(map(len, rows)), rows[0].shape[1]), "float32")
        for i, row in enumerate(rows):
            roll[i, : len(row)] = shifted(row)
        return {"roll": roll}


def shifted(roll: np.ndarray) -> np.ndarray:
    """What is known before each step: silence, then all steps but the last."""
    return np.concatenate([np.zeros_like(roll[:1]), roll[:-1]])
