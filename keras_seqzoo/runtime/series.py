"""Series of measurements: what a classifier takes, and its runner."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.arrays import real_array, shape_of
from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.runner import Runner


def checked_series(series: Any, channels: Sequence[str]) -> list[np.ndarray]:
    """The series as float32 arrays `(time, channels)`.

    Raises:
        UserError: One is no such array, has no step, or holds what is no number.
    """
    if not isinstance(series, (list, tuple, np.ndarray)):
        raise UserError(
            f"`series` must be a list of arrays. Received: series={series!r}"
        )
    if isinstance(series, np.ndarray) and series.ndim < 3 and series.dtype != object:
        raise UserError(
            f"`series` must be a list of arrays (time, {len(channels)}) of "
            f"{', '.join(channels)}, not one of them. {shape_of(series)}"
        )
    return [
        checked_values(one, channels, f"series[{row}]")
        for row, one in enumerate(series)
    ]


def checked_values(
    values: Any, channels: Sequence[str], name: str, or_else: str = ""
) -> np.ndarray:
    """One series as a float32 array `(time, channels)`.

    Args:
        values: A user's.
        channels: Their names.
        name: Of the values, for the message.
        or_else: What they might be besides, likewise.

    Raises:
        UserError: It is none, has no step, or holds what is no number.
    """
    array = real_array(values, name)
    if array.ndim != 2 or array.shape[1] != len(channels) or not len(array):
        raise UserError(
            f"{name} must be an array (time, {len(channels)}){or_else} of "
            f"{', '.join(channels)}. {shape_of(values)}"
        )
    if not np.isfinite(array).all():
        step = int(np.argmax(~np.isfinite(array).all(axis=1)))
        raise UserError(
            f"{name} must be finite numbers. "
            f"Received: {array[step].tolist()} at step {step}"
        )
    return array


def checked_chunk(chunk: Any, channels: Sequence[str]) -> np.ndarray:
    """The next steps of a series, or one alone, as `(time, channels)`, float32.

    Raises:
        UserError: As `checked_values`.
    """
    count = len(channels)
    array = real_array(chunk, "chunk")
    values = array[None] if array.shape == (count,) else chunk
    return checked_values(values, channels, "chunk", f" or one sample ({count},)")


class SeriesStream:
    """A series as its samples come: the class by now, and its probability.

    Call: the next steps, an array `(time, channels)`, or one sample `(channels,)`.
    Returns (label, probability). `reset()` starts a new series.

    Args:
        step: `(inputs, states) -> answer, states`, with states None to start.
        labels: The classes' names, in the order of their ids.
        channels: The channels' names, in the order of their columns.
    """

    def __init__(
        self, step: Callable, labels: Sequence[str], channels: Sequence[str]
    ) -> None:
        self._step = step
        self._labels = labels
        self._channels = channels
        self._states = None

    def __call__(self, chunk: np.ndarray) -> tuple[str, float]:
        array = checked_chunk(chunk, self._channels)
        answer, self._states = self._step({"series": array[None]}, self._states)
        label = self._labels[int(answer["labels"][0])]
        return label, float(np.max(answer["probabilities"][0]))

    def reset(self) -> None:
        """Forget the series so far."""
        self._states = None


class SeriesClassifierRunner(Runner):
    """An exported `SeriesClassifier`.

    Attributes:
        channels: the channels' names, in the order of their columns.
        labels: the classes' names, in the order of their ids.
        sample_rate: steps in a second, in Hz, or None.
    """

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        self.channels = file.lines("channels.txt")
        self.labels = file.lines("labels.txt")
        self.sample_rate = file.description["task"]["sample_rate"]

    def predict_series(self, series: Sequence[np.ndarray]) -> list[tuple[str, float]]:
        """Classify series, as `SeriesClassifier.predict_series` does.

        Raises:
            UserError: One is no array `(time, channels)` of finite numbers.
        """
        found = []
        for array in checked_series(series, self.channels):
            answer = self({"series": array[None]})
            label = self.labels[int(answer["labels"][0])]
            found.append((label, float(np.max(answer["probabilities"][0]))))
        return found

    def stream(self) -> SeriesStream:
        """The series as its samples come, one or several at a time: the class by now.

        Raises:
            UserError: if the classifier reads both ways.
        """
        self._check_streams()
        return SeriesStream(self.step, self.labels, self.channels)
