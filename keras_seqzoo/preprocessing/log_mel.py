"""Sound as log-mel spectra, in operators that every backend and file format has."""

import math
import numbers
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class LogMel(keras.layers.Layer):
    """Samples to log-mel spectra: how loud a sound is in each band, frame by frame.

    Frame t of the samples x, seen through a Hann window w of `window` samples:

        X[t, k] = sum_n w[n] x[t hop + n] exp(-2 pi i k n / size)
        y[t, b] = ln(sum_k mel[k, b] |X[t, k]|^2 + floor)

    where `size` is the next power of two, and `mel` has a triangle for each band, the
    bands as wide as each other on the mel scale. The transform is a convolution with
    the windowed cosines and sines, so that it needs no operator that files lack.
    There are no weights, and a file of int8 weights rounds neither waves nor sound.

    Source: the HTK Book (Young et al. 2006), section 5.4, of power; with the window
    and the bands of `tf.signal.stft` and `tf.signal.linear_to_mel_weight_matrix`.

    Args:
        sample_rate: Samples a second, in Hz.
        bands: Number of bands.
        window_ms: Length of a frame's window in milliseconds.
        hop_ms: From one frame's start to the next one's in milliseconds.
        lowest_hz: Where the lowest band begins.
        highest_hz: Where the highest band ends; None for half of the sample rate.
        floor: What silence has in place of power 0.
        dtype: Of the computation and the result, whatever the global policy is: half
            precision is too coarse for powers.
        **kwargs: Arguments of `keras.layers.Layer`.

    Attributes:
        window: Samples in a frame.
        hop: Samples from a frame's start to the next one's.

    Raises:
        UserError: An argument is wrong, or bands are so narrow that one lies between
            two frequencies of the transform and would be silent for ever.

    Call: samples `(batch, samples)`, floats in [-1, 1] or int16. Returns
    `(batch, frames, bands)`, float32, frames as `frame_count` says. Samples after the
    last whole frame are left out, but what is shorter than a window is filled up with
    zeros.
    """

    def __init__(
        self,
        sample_rate: int,
        bands: int = 40,
        window_ms: float = 25.0,
        hop_ms: float = 10.0,
        lowest_hz: float = 60.0,
        highest_hz: float | None = None,
        floor: float = 1e-6,
        dtype: Any = "float32",
        **kwargs: Any,
    ) -> None:
        super().__init__(dtype=dtype, **kwargs)
        self.sample_rate = positive_integer("sample_rate", sample_rate)
        self.bands = positive_integer("bands", bands)
        self.window_ms = _positive_number("window_ms", window_ms)
        self.hop_ms = _positive_number("hop_ms", hop_ms)
        self.floor = _positive_number("floor", floor)
        self.window = round(self.sample_rate * self.window_ms / 1000)
        self.hop = round(self.sample_rate * self.hop_ms / 1000)
        if self.window < 2:
            raise UserError(
                "`window_ms` must be two samples or more. "
                f"Received: window_ms={window_ms}, sample_rate={sample_rate}"
            )
        if not 1 <= self.hop <= self.window:
            raise UserError(
                "`hop_ms` must be a sample or more, and at most `window_ms`. Received: "
                f"hop_ms={hop_ms}, window_ms={window_ms}, sample_rate={sample_rate}"
            )
        if highest_hz is None:
            highest_hz = self.sample_rate / 2
        self.lowest_hz, self.highest_hz = _range(lowest_hz, highest_hz, sample_rate)
        self.input_spec = keras.layers.InputSpec(ndim=2)

        size = 2 ** math.ceil(math.log2(self.window))
        hertz = (
            np.arange(1, size // 2 + 1) * self.sample_rate / size
        )  # no constant part
        mel = mel_bands(hertz, self.bands, self.lowest_hz, self.highest_hz)
        if not mel.any(axis=0).all():
            raise UserError(
                "`bands` must be so few, or `window_ms` so long, that each band has a "
                f"frequency of the transform. Received: bands={bands}, "
                f"window_ms={window_ms}"
            )
        heard = mel.any(axis=1)
        self._mel = mel[heard]  # (frequencies, bands)
        self._waves = _windowed_waves(self.window, hertz[heard] / self.sample_rate)

    def call(self, samples: Any) -> Any:
        samples = self._filled_up(self._floats(samples))
        waves = self._exact(self._waves, samples)
        parts = ops.conv(
            ops.expand_dims(samples, -1),
            waves,
            strides=self.hop,
            padding="valid",
            data_format="channels_last",
        )  # (batch, frames, 2 * frequencies)
        real, imaginary = ops.split(parts, 2, axis=-1)
        power = ops.square(real) + ops.square(imaginary)
        mel = self._exact(self._mel, samples)
        return ops.log(ops.matmul(power, mel) + self.floor)  # (batch, frames, bands)

    def frame_count(self, samples: Any) -> Any:
        """The number of frames that so many samples give, 1 at least.

        Args:
            samples: An integer, or a tensor or array of integers.

        Returns:
            An `int`, or a tensor of the same shape.
        """
        if isinstance(samples, numbers.Integral):
            return 1 + max(0, int(samples) - self.window) // self.hop
        return 1 + ops.maximum(samples - self.window, 0) // self.hop

    def stream(self, samples: Any, kept: Any = None) -> tuple[Any, Any]:
        """The frames of a stream's next samples: those of all chunks are the whole's.

        Args:
            samples: `(batch, samples)`, of any length.
            kept: What the call before returned; None at the stream's start.

        Returns:
            `(frames, kept)`: the frames that are complete now, `(batch, frames,
            bands)`, none perhaps; and the samples that later frames need, as they
            came, `(batch, kept)`, less than a window.
        """
        samples = ops.convert_to_tensor(samples)
        if kept is not None:
            samples = ops.concatenate([kept, samples], axis=1)
        count = max(0, 1 + (samples.shape[1] - self.window) // self.hop)
        return self(samples)[:, :count], samples[:, count * self.hop :]

    def _exact(self, constant: np.ndarray, samples: Any) -> Any:
        """A constant that is none for the exporter, which would round it to int8.

        With it the sound would be rounded, and quiet bands be lost.
        """
        constant = ops.convert_to_tensor(constant, self.compute_dtype)
        return constant + ops.sum(ops.minimum(ops.abs(samples[:1, :1]), 0.0))  # 0

    def _floats(self, samples: Any) -> Any:
        """The samples as floats in [-1, 1]."""
        dtype = keras.backend.standardize_dtype(samples.dtype)
        if dtype == "int16":
            return ops.cast(samples, self.compute_dtype) / 32768
        if "float" not in dtype:
            raise UserError(f"samples must be floats or int16. Received: dtype={dtype}")
        return samples

    def _filled_up(self, samples: Any) -> Any:
        """The samples, with zeros after them if they are less than a window."""
        length = ops.shape(samples)[1]
        if not isinstance(length, int):  # a free length in a graph
            missing = ops.maximum(self.window - length, 0)
        elif length >= self.window:
            return samples
        else:
            missing = self.window - length
        return ops.pad(samples, [[0, 0], [0, missing]])

    def compute_output_shape(self, samples_shape: tuple) -> tuple:
        batch, samples = samples_shape
        frames = None if samples is None else self.frame_count(samples)
        return batch, frames, self.bands

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "sample_rate": self.sample_rate,
            "bands": self.bands,
            "window_ms": self.window_ms,
            "hop_ms": self.hop_ms,
            "lowest_hz": self.lowest_hz,
            "highest_hz": self.highest_hz,
            "floor": self.floor,
        }


def mel_bands(
    hertz: np.ndarray, bands: int, lowest_hz: float, highest_hz: float
) -> np.ndarray:
    """How much of each frequency each band hears: a triangle on the mel scale.

    Args:
        hertz: The frequencies, (frequencies,).
        bands: Number of bands.
        lowest_hz, highest_hz: Where the first begins and the last ends. Each of the
            others begins in the middle of the one before it.

    Returns:
        (frequencies, bands), float64 in [0, 1].
    """
    edges = np.linspace(_mel(lowest_hz), _mel(highest_hz), bands + 2)
    lower, middle, upper = edges[:-2], edges[1:-1], edges[2:]
    mel = _mel(hertz)[:, None]
    rising, falling = (mel - lower) / (middle - lower), (upper - mel) / (upper - middle)
    return np.maximum(0, np.minimum(rising, falling))


def _mel(hertz: Any) -> Any:
    return 1127.0 * np.log(1 + np.asarray(hertz) / 700.0)


def _windowed_waves(window: int, frequencies: np.ndarray) -> np.ndarray:
    """Cosines, then sines, through a Hann window: (window, 1, 2 * frequencies).

    Frequencies are in cycles a sample.
    """
    n = np.arange(window)
    # Of odd length it is symmetric, not periodic, as `tf.signal.hann_window` is.
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * n / (window - window % 2))
    phases = 2 * np.pi * np.outer(n, frequencies)
    waves = np.concatenate([np.cos(phases), np.sin(phases)], axis=1)
    return (hann[:, None] * waves)[:, None]


def _positive_number(name: str, value: Any) -> float:
    number = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not number or not 0 < value < math.inf:
        raise UserError(
            f"`{name}` must be a positive number. Received: {name}={value!r}"
        )
    return float(value)


def _range(lowest: Any, highest: Any, sample_rate: int) -> tuple[float, float]:
    real = isinstance(lowest, numbers.Real) and isinstance(highest, numbers.Real)
    if not real or not 0 <= lowest < highest <= sample_rate / 2:
        raise UserError(
            "`lowest_hz` must be under `highest_hz`, both from 0 to half of "
            f"`sample_rate`. Received: lowest_hz={lowest!r}, highest_hz={highest!r}, "
            f"sample_rate={sample_rate}"
        )
    return float(lowest), float(highest)
