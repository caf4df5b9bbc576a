"""Speech recognition: spoken digits, and spelled names, numbers and dates."""

import math
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import augment, catalogue
from keras_seqzoo.datasets.connected_digits import in_pauses, quiet
from keras_seqzoo.datasets.fsdd import DIGITS, SAMPLE_RATE
from keras_seqzoo.datasets.pipeline import IGNORED, Examples
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.ctc import SILENCE, CTCLoss, check_alignable
from keras_seqzoo.models.ctc.speech_recogniser import hears_on
from keras_seqzoo.runtime.frame_files import read_frames
from keras_seqzoo.runtime.sound import samples_of, whole_wav
from keras_seqzoo.training.metrics import error_rates
from keras_seqzoo.training.ngram_learning import learned_ngram
from keras_seqzoo.training.tasks.own_row import as_row, own_text, unwritable
from keras_seqzoo.training.tasks.task import Run, Task, Words, check_shift

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")  # of FSDD
# Of AN4's 74 speakers of train: for choosing settings, before training on all.
HELD_OUT = ("fbbh", "fejs", "fkdo", "fsrb", "mcen", "mdxs", "mjgk", "mmkw", "msjr")
QUIET = 300  # sounds in which nothing is said
SAMPLES_AT_ONCE = 1 << 21  # that the front end is given, of one length


SEARCH_USAGE = """\
searching = seqzoo.load("{name}", beams=16)  # with its language model
"""
NGRAM_IS = """\
Its language model, for the search with beams, is an n-gram of {ngram} labels, learned
from the texts of the training part."""


class Utterance(NamedTuple):
    """Samples (samples,), or frames (time, features) float32, and their text.

    Samples are int16 or floats in [-1, 1], of the model's rate.
    """

    sound: np.ndarray
    text: str
    speaker: str = ""


class Spoken(NamedTuple):
    """What a card says of a set."""

    said: str
    speakers: str
    others: str  # Who is not understood as well.
    example: str  # A text.


_DIGITS = Spoken(
    said="spoken digits, one after the other",
    speakers="six men, three of them with accents",
    others="Other accents, women, children",
    example="four two",
)
SPOKEN = {
    "fsdd": _DIGITS._replace(
        said="one spoken digit at a time",
        others="Several digits in a row, other accents, women, children",
        example="four",
    ),
    "connected_digits": _DIGITS,
    "an4_mfcc": Spoken(
        said="spelled names, numbers and dates",
        speakers="74 Americans of around 1990",
        others="Other accents, children",
        example="YES",
    ),
}


class SpeechRecognition(Task):
    """Rows are `Utterance`s.

    The digits have, beside their own splits, `without_<speaker>` and `of_<speaker>`,
    all recordings or strings, and `quiet`, sounds in which nothing is said; FSDD has
    `train_in_pauses`, its train recordings with quiet around them; AN4 has `fit` and
    `validation`, train without and of the speakers in HELD_OUT.

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
        usage = words.usage + _calls(config)
        ngram = metadata["recipe"]["data"].get("ngram")
        if not ngram:
            return words._replace(usage=usage)
        return words._replace(
            usage=usage + SEARCH_USAGE, further_data=NGRAM_IS.format(ngram=ngram)
        )

    @classmethod
    def options(cls, dataset: str) -> frozenset[str]:
        # AN4 has no samples, only what was made of them.
        return frozenset({"ngram"}) if dataset == "an4_mfcc" else cls.OPTIONS

    @classmethod
    def splits(cls, dataset: str) -> tuple[str, ...]:
        splits = super().splits(dataset)
        if dataset == "an4_mfcc":
            return *splits, "fit", "validation"
        if dataset == "fsdd":
            splits = *splits, "train_in_pauses"
        splits = *splits, "quiet"
        left_out = [f"{part}_{one}" for one in SPEAKERS for part in ("without", "of")]
        return *splits, *left_out

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Utterance]:
        if split == "quiet":
            return [Utterance(quiet(seed), "", "nobody") for seed in range(QUIET)]
        part, _, speaker = split.partition("_")
        if speaker in SPEAKERS:
            own = catalogue.facts(dataset).ROWS
            rows = [row for one in own for row in cls._rows(dataset, one, data_dir)]
            return [row for row in rows if (row.speaker == speaker) == (part == "of")]
        files = {"train_in_pauses": "train", "fit": "train"}
        if dataset == "an4_mfcc":
            files["validation"] = "train"
        found = catalogue.rows(dataset, files.get(split, split), data_dir)
        if dataset == "fsdd":
            names = catalogue.builder(dataset, data_dir).info.features["label"].names
            rows = [(row["audio"], names[row["label"]]) for row in found]
        elif dataset == "connected_digits":
            rows = [(row["audio"], row["digits"].decode()) for row in found]
        else:
            rows = [(row["frames"], row["text"].decode()) for row in found]
        speakers = [row["speaker"].decode() for row in found]
        if split == "train_in_pauses":
            rows = [(in_pauses(x, seed), text) for seed, (x, text) in enumerate(rows)]
        rows = [Utterance(*row, one) for row, one in zip(rows, speakers)]
        if dataset == "an4_mfcc" and split in ("fit", "validation"):
            wanted = split == "validation"
            rows = [row for row in rows if (row.speaker in HELD_OUT) == wanted]
        return rows

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


def _calls(config: Mapping[str, Any]) -> str:
    """Lines of Python that a recogniser of these arguments answers."""
    rate, features = config["sample_rate"], config["features"]
    if rate is None:
        return f"""\
frames = np.random.normal(size=(200, {features}))  # (time, features)
print(model.predict_frames([frames]))  # their texts
"""
    calls = f"""\
samples = np.random.uniform(-0.1, 0.1, {rate})  # a second; 1 is the loudest
print(model.predict_audio(samples, sample_rate={rate}))  # its text
"""
    if hears_on(config):
        calls += """\
stream = model.stream()
print(stream(samples) + stream.end())  # each call gives the text that is new
"""
    return calls


def frames_of(model: Any, sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The frames of each sound, (time, features) float32, as the model's `serve`."""
    if model.log_mel is None:
        return [np.asarray(sound, np.float32) for sound in sounds]
    found: list = [None] * len(sounds)
    order = np.argsort([len(sound) for sound in sounds], kind="stable")
    while len(order):
        # Of few lengths, so that little is compiled.
        rate = model.log_mel.sample_rate
        width = max(1, -(-len(sounds[order[0]]) // rate)) * rate
        fits = [i for i in order if len(sounds[i]) <= width][: SAMPLES_AT_ONCE // width]
        batch = np.zeros((len(fits), width), np.float32)
        for row, i in enumerate(fits):
            batch[row, : len(sounds[i])] = samples_of(sounds[i])
        frames = np.asarray(model.log_mel(batch))
        for row, i in enumerate(fits):
            found[i] = frames[row, : model.log_mel.frame_count(len(sounds[i]))]
        order = order[len(fits) :]
    return found
