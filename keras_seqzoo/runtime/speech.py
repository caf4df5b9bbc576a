"""Speech to text: labels and their texts, sound as it comes, and exported files."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.arrays import real_array, shape_of
from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Runner
from keras_seqzoo.runtime.sound import (
    BLOCK,
    HIGHEST_RATE,
    at_rate,
    blocks_of,
    pieces,
    samples_of,
)

TAIL = 0.3  # seconds of silence in which a stream's last label is said


class Transcripts:
    """Texts as numbers of labels, and back.

    Args:
        labels: The labels, words or characters, in the order of their numbers.
        separator: What stands between two labels of a text: " " of words, "" of
            characters.
    """

    def __init__(self, labels: Sequence[str], separator: str) -> None:
        self.labels = list(labels)
        self.separator = separator
        self._numbers = {label: i for i, label in enumerate(self.labels)}

    def parts(self, text: str) -> list[str]:
        """The labels of a text."""
        return text.split(self.separator) if self.separator and text else list(text)

    def numbers(self, text: str) -> list[int]:
        """Their numbers; what is no label of the model is left out."""
        parts = self.parts(text)
        return [self._numbers[part] for part in parts if part in self._numbers]

    def text(self, numbers: Iterable[int]) -> str:
        """The text of labels by their numbers, of which those below 0 are none."""
        said = self.separator.join(self.labels[i] for i in numbers if i >= 0)
        return " ".join(said.split())


class SpeechStream:
    """Sound chunk by chunk, and what is said in it so far.

    Call: the next samples, as `samples_of` takes them, of the model's sample rate.
    Returns the text that is new; the texts of all calls and of `end()` together are
    that of the whole.

    Args:
        step: `(inputs, states) -> answer, states`, of chunks of whole hops.
        hop: Samples from one frame to the next.
        window: Samples of a frame.
        sample_rate: In Hz.
        transcripts: Of the model.
    """

    def __init__(
        self,
        step: Callable,
        hop: int,
        window: int,
        sample_rate: int,
        transcripts: Transcripts,
    ) -> None:
        self._step, self._hop, self._window = step, hop, window
        self._tail = int(TAIL * sample_rate)
        self._transcripts = transcripts
        self._states = None
        self._left = np.zeros(0, np.float32)
        self._heard = 0
        self._spoke = False

    def __call__(self, samples: Any) -> str:
        samples = samples_of(samples)
        self._heard += len(samples)
        # (The memory of a step grows with its samples.)
        starts = range(0, len(samples), BLOCK)
        return "".join(self._said(samples[start : start + BLOCK]) for start in starts)

    def end(self) -> str:
        """What is still said when the sound is over."""
        if self._heard < self._window:  # too short to be a word
            return ""
        return self._said(np.zeros(self._tail + self._hop, np.float32))

    def _said(self, samples):
        samples = np.concatenate([self._left, samples])
        whole = len(samples) // self._hop * self._hop
        self._left = samples[whole:]
        if not whole:
            return ""
        chunk = {"samples": samples[None, :whole]}
        answer, self._states = self._step(chunk, self._states)
        texts = self._transcripts
        said = [texts.labels[i] for i in answer["labels"][0] if i >= 0]
        if not said:
            return ""
        between = texts.separator if self._spoke else ""
        self._spoke = True
        return between + texts.separator.join(said)


class Recogniser:
    """What a model in Keras and an exported one have in common; never made alone.

    Attributes:
        sample_rate: Samples a second of what it hears, in Hz; None if it starts at
            frames of features.
        features: Numbers in a frame.
        transcripts: Its labels and their texts.
        hears_on: Whether it can say what it hears while it hears it.
    """

    sample_rate: int | None
    features: int
    transcripts: Transcripts
    hears_on: bool

    def _answer(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """`serve`'s arrays."""
        raise TypeError(f"{type(self).__name__} must define `_answer`.")

    def stream(self) -> SpeechStream:
        """A function of the next chunk of sound, of which it tells the text."""
        raise TypeError(f"{type(self).__name__} must define `stream`.")

    def predict_audio(self, samples: Any, sample_rate: int | None = None) -> str:
        """Writes down what is said.

        Args:
            samples: `(samples,)` or `(samples, channels)`, which are mixed: floats in
                [-1, 1] or int16.
            sample_rate: In Hz; by default the model's own.

        Raises:
            UserError: They are no such array, floats far beyond [-1, 1], or the model
                starts at frames.
        """
        rate = self.sample_rate if sample_rate is None else sample_rate
        return "".join(self.transcribe(blocks_of(samples), rate))

    def transcribe(
        self, blocks: Iterable[np.ndarray], sample_rate: int | None
    ) -> Iterator[str]:
        """The text of a sound block by block, each part as soon as it is known.

        So in memory there are only some seconds of it: of a model that reads both ways
        the 20 seconds of a piece (see `sound.pieces`).

        Args:
            blocks: As `sound.read_wav` gives them.
            sample_rate: Theirs, in Hz.

        Raises:
            UserError: The model starts at frames.
        """
        if self.sample_rate is None:
            raise UserError(
                "The model must hear sound. It starts at frames (time, "
                f"{self.features}): use predict_frames."
            )
        rate = positive_integer("sample_rate", sample_rate, HIGHEST_RATE)
        blocks = at_rate(blocks, rate, self.sample_rate)
        if self.hears_on:
            stream = self.stream()
            for block in blocks:
                yield stream(block)
            yield stream.end()
            return
        before = ""
        for piece in pieces(blocks, self.sample_rate):
            answer = self._answer({"samples": piece[None]})
            text = self.transcripts.text(answer["labels"][0])
            yield before + text if text else ""
            before = " " if text or before else ""

    def predict_frames(self, frames: Sequence[np.ndarray]) -> list[str]:
        """Writes down what is said in frames of features, which others computed.

        Args:
            frames: Arrays `(time, features)`.

        Raises:
            UserError: One is no such array, or the model starts at sound.
        """
        found = []
        for row, one in enumerate(frames):
            array = self.checked_frames(one, f"frames[{row}]")
            answer = self._answer({"frames": array[None]})
            found.append(self.transcripts.text(answer["labels"][0]))
        return found

    def checked_frames(self, frames: Any, name: str) -> np.ndarray:
        """Frames as float32, `(time, features)`.

        Raises:
            UserError: They are none; or the model starts at sound.
        """
        if self.sample_rate is not None:
            raise UserError(
                "The model must start at frames. It hears sound: use predict_audio."
            )
        array = real_array(frames, name)
        if array.ndim != 2 or array.shape[1] != self.features or not len(array):
            raise UserError(
                f"{name} must be an array (time, {self.features}). {shape_of(frames)}"
            )
        if not np.isfinite(array).all():
            raise UserError(f"{name} must be finite numbers. Received: NaN or infinity")
        return array

    def posteriors(self, sound: np.ndarray) -> tuple[np.ndarray, float | None]:
        """The probabilities of the blank and each label over time.

        Args:
            sound: Samples of the model's own rate, or frames.

        Returns:
            `(steps, 1 + labels)`, and the seconds of a step, None of frames.
        """
        key = "frames" if self.sample_rate is None else "samples"
        scores = self._answer({key: sound[None]})["scores"][0].astype(np.float64)
        p = np.exp(scores - scores.max(axis=-1, keepdims=True))
        p /= p.sum(axis=-1, keepdims=True)
        if self.sample_rate is None:
            return p, None
        return p, len(sound) / self.sample_rate / len(p)


class SpeechRunner(Recogniser, Runner):
    """An exported speech recogniser."""

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        task = file.description["task"]
        self.labels = file.lines("labels.txt")
        self.transcripts = Transcripts(self.labels, task["separator"])
        self.sample_rate, self.features = task["sample_rate"], task["features"]
        self._hop, self._window = task["hop"], task["window"]
        self.hears_on = task["sample_rate"] is not None and "step" in signatures

    def _answer(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self(inputs)

    def stream(self) -> SpeechStream:
        """A function of the next chunk of sound, of which it tells the text.

        Raises:
            UserError: if the model reads both ways.
        """
        self._check_streams()
        return SpeechStream(
            self.step, self._hop, self._window, self.sample_rate, self.transcripts
        )
