"""Speech recognition: spoken digits, and spelled names, numbers and dates."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import augment
from keras_seqzoo.datasets.fsdd import DIGITS, SAMPLE_RATE
from keras_seqzoo.datasets.pipeline import IGNORED, Examples
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.ctc import SILENCE, CTCLoss, check_alignable
from keras_seqzoo.runtime.frame_files import read_frames
from keras_seqzoo.runtime.sound import samples_of, whole_wav
from keras_seqzoo.training.metrics import error_rates
from keras_seqzoo.training.ngram_learning import learned_ngram
from keras_seqzoo.training.tasks.own_row import as_row, own_text, unwritable
from keras_seqzoo.training.tasks.speech_card import (
    BEAMS,
    NGRAM_IS,
    SEARCH_FIGURE,
    SEARCH_USAGE,
    SPOKEN,
    calls,
)
from keras_seqzoo.training.tasks.task import Run, Task, Words, check_shift
from keras_seqzoo.training.tasks.utterances import (
    Utterance,
    frames_of,
    further_splits,
    read_utterances,
)


class SpeechRecognition(Task):
    """Rows are `Utterance`s; `further_splits` says which splits there are.

    A recipe that asks for `time_shift` or `signal_to_noise` trains on frames that are
    made anew in each epoch, of the changed samples.
    """

    METRIC = "wer"
    TOLERANCE = 1.0
    HIGHER_IS_BETTER = False
    DATASETS = tuple(SPOKEN)
    OPTIONS = frozenset({"ngram", "signal_to_noise", "time_shift"})
    GIVES = "It writes down what is said."
    FIGURE = "WER"
    FIGURE_IS = """\
the word error rate in percent, by the best path (greedy): substitutions, deletions and
insertions by the words of the reference, pooled over all utterances (jiwer)"""
    INTENDED_USE = """\
To understand {said}, on the phone; as a start for a
small vocabulary of your own, by fine-tuning; to compare recurrent cells."""
    USAGE = """\
model = seqzoo.load("{{name}}")
"""
    OWN_ROWS = '[({sound}, "{example}")]'
    LIMITS = """\
It knows {said}, in English of
{speakers}, close to the microphone and in a quiet room.
{others}, noise and other words are not
understood as well, and how much worse was not measured but for speakers left out of
training."""
    STEPS = "frames"
    OWN_ROW = "tuples (sound or the path of its file, text)"

    @classmethod
    def words(cls, config: Mapping[str, Any], metadata: Mapping[str, Any]) -> Words:
        """With what is said in the model's data set, and the calls that it has."""
        spoken = SPOKEN[metadata["dataset"]]._asdict()
        spoken["sound"] = "frames" if config["sample_rate"] is None else "samples"
        words = super().words(config, metadata)
        words = Words(*(one.format(**spoken) for one in words))
        usage = words.usage + calls(config)
        ngram = metadata["recipe"]["data"].get("ngram")
        if not ngram:
            return words._replace(usage=usage)
        was_measured = "beam_value" in metadata
        return words._replace(
            usage=usage + SEARCH_USAGE,
            further_data=NGRAM_IS.format(ngram=ngram),
            further_figures=SEARCH_FIGURE.format(**metadata) if was_measured else "",
        )

    @classmethod
    def options(cls, dataset: str) -> frozenset[str]:
        # AN4 has no samples, only what was made of them.
        return frozenset({"ngram"}) if dataset == "an4_mfcc" else cls.OPTIONS

    @classmethod
    def splits(cls, dataset: str) -> tuple[str, ...]:
        return *super().splits(dataset), *further_splits(dataset)

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Utterance]:
        return read_utterances(dataset, split, data_dir)

    @classmethod
    def lengths(cls, rows: Sequence[Utterance]) -> list[int]:
        """In frames or, of samples, in hundredths of a second or so."""
        return [
            len(row.sound) if row.sound.ndim == 2 else -(-len(row.sound) // 80)
            for row in rows
        ]

    @classmethod
    def assets(cls, rows: Sequence[Utterance], data: Any) -> dict[str, Any]:
        ngram = data.ngram
        if data.dataset == "an4_mfcc":
            texts = [row.text for row in rows]
            return {
                "labels": sorted({character for text in texts for character in text}),
                "language_model": learned_ngram(texts, ngram) if ngram else [],
                "separator": "",
                "sample_rate": None,
                "features": rows[0].sound.shape[1],
            }
        texts = [row.text.split() for row in rows]
        return {
            "language_model": learned_ngram(texts, ngram) if ngram else [],
            "labels": list(DIGITS),
            "separator": " ",
            "sample_rate": SAMPLE_RATE,
        }

    @classmethod
    def trained_part(cls, model: Any, rows: Sequence[Utterance], data: Any) -> Any:
        """The model, which is given mean and deviation of the rows' features."""
        if not model.config["utterance_normalization"]:
            frames = np.concatenate(frames_of(model, [row.sound for row in rows]))
            layer = model.get_layer("normalization")
            layer.mean.assign(frames.mean(axis=0, dtype=np.float64))
            layer.deviation.assign(frames.std(axis=0, dtype=np.float64))
        return model

    @classmethod
    def own_row(cls, row: Any, model: Any) -> Utterance:
        """Of a sound, or its frames, or a file of either; and its text, "" for none."""
        row = as_row(Utterance, row)
        if not isinstance(row.text, str) or row.text:
            own_text("text", row.text)
        parts = model.transcripts.parts(" ".join(row.text.split()))
        lacks = [part for part in parts if part not in model.labels]
        if lacks:
            raise unwritable("text", "labels", lacks, model.labels)
        text = model.transcripts.separator.join(parts)
        return row._replace(sound=_own_sound(row.sound, model), text=text)

    @classmethod
    def encode(cls, rows: Sequence[Utterance], model: Any) -> Examples:
        """The rows as frames and numbers of labels.

        Raises:
            UserError: A row has more labels than its steps allow.
        """
        frames = frames_of(model, [row.sound for row in rows])
        lengths = [len(one) for one in frames]
        targets = _targets(rows, model, lengths)
        frames = tf.RaggedTensor.from_row_lengths(np.concatenate(frames), lengths)
        return Examples({"frames": frames}, targets, tf.constant(lengths, tf.int32))

    @classmethod
    def training_examples(
        cls, rows: Sequence[Utterance], model: Any, data: Any
    ) -> Examples:
        """As `encode`, but of sounds that are augmented `samples` in place of frames.

        Raises:
            UserError: A row has more labels than its steps allow when it is shifted, or
                `time_shift` is over half of the shortest sound that says something.
        """
        if not _augments_sound(data):
            return cls.encode(rows, model)
        sounds = [row.sound for row in rows]
        sizes = np.array([len(sound) for sound in sounds])
        said = [size for size, row in zip(sizes, rows) if row.text]
        half = min(said, default=math.inf) / 2 / SAMPLE_RATE
        check_shift(data, half, "the shortest sound that says something, in seconds")
        frame_count = model.log_mel.frame_count
        # Of a sound that is shifted towards its start the fewest frames are left.
        targets = _targets(rows, model, frame_count(sizes - _shift(data)))
        samples = tf.RaggedTensor.from_row_lengths(np.concatenate(sounds), sizes)
        lengths = tf.cast(frame_count(sizes), tf.int32)
        return Examples({"samples": samples}, targets, lengths)

    @classmethod
    def augment(cls, data: Any) -> Callable | None:
        if not _augments_sound(data):
            return None

        def changed(inputs, targets, seed):
            samples = inputs["samples"]
            of_shift, of_noise = tf.unstack(tf.random.split(seed))
            samples = augment.time_shift(samples, of_shift, _shift(data))
            if data.signal_to_noise:
                ratios = data.signal_to_noise
                samples = augment.noise_at_ratio(samples, of_noise, *ratios)
            return {"samples": samples}, targets

        return changed

    @classmethod
    def front_end(cls, model: Any, data: Any) -> Callable[[dict], dict] | None:
        if not _augments_sound(data):
            return None

        def frames(inputs):
            samples = inputs["samples"]
            counts = model.log_mel.frame_count(samples.row_lengths())
            found = model.log_mel(samples.to_tensor())
            return {"frames": tf.RaggedTensor.from_tensor(found, counts)}

        return frames

    @classmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        return CTCLoss()

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[Utterance], batch_size: int = 64
    ) -> Callable[[Run], float]:
        found = cls.answers(model, rows, batch_size)
        return lambda run: error_rates([row.text for row in rows], found(run))[0]

    @classmethod
    def further_figures(cls, model: Any, rows: Sequence[Utterance]) -> dict[str, Any]:
        """Of a model with a language model: WER with beams, and how many."""
        if model.ngram is None:
            return {}
        searching = type(model)(**{**model.config, "beams": BEAMS})
        searching.set_weights(model.get_weights())
        wer = cls.scorer(searching, rows)()
        return {"beams": BEAMS, "beam_value": round(wer, 2)}

    @classmethod
    def answers(
        cls, model: Any, rows: Sequence[Utterance], batch_size: int = 64
    ) -> Callable[[Run], list[str]]:
        """A function of `run`: what is said in each row."""
        order = np.argsort(cls.lengths(rows), kind="stable")
        starts = range(0, len(rows), batch_size)
        batches = [[rows[i] for i in order[start:][:batch_size]] for start in starts]
        inputs = [cls.inputs(model, batch) for batch in batches]

        def answers(run):
            texts = [""] * len(rows)
            numbers = [one for batch in inputs for one in run(batch)["labels"]]
            for place, one in zip(order, numbers):
                texts[place] = model.transcripts.text(one)
            return texts

        return answers

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[Utterance]) -> dict[str, np.ndarray]:
        if model.sample_rate is not None:
            width = max(len(row.sound) for row in rows)
            samples = np.zeros((len(rows), width), np.float32)
            for row, one in enumerate(rows):
                samples[row, : len(one.sound)] = samples_of(one.sound)
            return {"samples": samples}
        frames = [row.sound for row in rows]
        shape = len(rows), max(map(len, frames)), frames[0].shape[1]
        padded = np.zeros(shape, np.float32)
        for row, one in enumerate(frames):
            padded[row, : len(one)] = one
        return {"frames": padded}


def _targets(rows: Sequence[Utterance], model: Any, frames: Sequence[int]) -> tf.Tensor:
    """The numbers of each row's labels, int32 (rows, labels), if the frames suffice."""
    targets = [model.transcripts.numbers(row.text) for row in rows]
    for number, (row, numbers, count) in enumerate(zip(rows, targets, frames)):
        what = f"row {number}, {row.text!r}"
        check_alignable(numbers, model.steps(int(count)), what)
    # Of one width, whatever the width of a batch in frames.
    width = max(1, *map(len, targets))
    targets = [numbers or [SILENCE] for numbers in targets]
    padded = [numbers + [IGNORED] * (width - len(numbers)) for numbers in targets]
    return tf.constant(padded, tf.int32)


def _augments_sound(data: Any) -> bool:
    return bool(data.time_shift or data.signal_to_noise)


def _shift(data: Any) -> int:
    """`time_shift` in samples."""
    return round(data.time_shift * SAMPLE_RATE)


def _own_sound(sound: Any, model: Any) -> np.ndarray:
    """A user's sound: samples, float32, without what is padding, or frames."""
    is_file = isinstance(sound, str | os.PathLike)
    if model.sample_rate is None:
        if is_file:
            return read_frames(sound, model.features)
        return model.checked_frames(sound, "`sound`")
    samples = whole_wav(sound, model.sample_rate) if is_file else samples_of(sound)
    samples = np.trim_zeros(samples, "b")
    if not len(samples):
        raise UserError("`sound` must have a sample that is not 0. Received: none")
    return samples
