"""Sound in blocks, so that no more of it is in memory: WAV files, raw samples, rates.

A block is an array `(samples,)`, float32 in [-1, 1], of one channel.
"""

import contextlib
import math
import os
import struct
import sys
from collections.abc import Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError

BLOCK = 8000  # samples, of a file or a stream, that are read at a time
HIGHEST_RATE = 768_000  # Hz
MOST_CHANNELS = 64  # of a record: more are samples, on the wrong axis
HIGHEST_PEAK = 10.0  # of floats: too loud a record, and no integers taken for floats
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_BITS = {_PCM: (8, 16, 24, 32), _FLOAT: (32, 64)}
_ZERO_CROSSINGS = 16  # of the resampling filter, on either side
_NO_SIZE = 0x7FFFF000  # bytes: who cannot go back to the head writes so many, or more
_LARGEST_TABLE = 2**21  # numbers, of its filters that are kept


def read_wav(path: str | os.PathLike) -> tuple[int, Iterator[np.ndarray]]:
    """A WAV file's sample rate in Hz, and its sound block by block; a pipe's too.

    Of integers of 8, 16, 24 or 32 bits or floats of 32 or 64, any rate and number of
    channels, which are mixed. What a file that is cut short still has is read; a line
    on standard error says how much that is, unless its head has no size: 0, or 2 GiB
    or more, of a program that wrote while the sound came.

    Raises:
        UserError: There is no such file, it is no WAV file, or one of another kind; a
            block is no sound (see `samples_of`).
    """
    try:
        file = open(path, "rb")  # noqa: SIM115  closed where its blocks end
    except OSError as error:
        reason = (
            "there is no such file"
            if isinstance(error, FileNotFoundError)
            else f"cannot be read: {error.strerror}"
        )
        raise UserError(f"{path}: {reason}") from error
    with contextlib.ExitStack() as closing:
        closing.enter_context(file)
        rate, channels, form, width, size = _head(file, path)
        closing.pop_all()  # it is read on
    return rate, _blocks(file, path, channels, form, width, size)


def _head(file: BinaryIO, path: Any) -> tuple[int, int, int, int, int]:
    """(rate, channels, format, bytes a sample, bytes), and the file at its sound."""
    riff, _, kind = struct.unpack("<4sI4s", file.read(12).ljust(12, b"\0"))
    if (riff, kind) != (b"RIFF", b"WAVE"):
        raise UserError(f"{path}: must be a WAV file. Received: no RIFF/WAVE head")
    form = None
    while True:
        head = file.read(8)
        if len(head) < 8:
            raise UserError(f"{path}: must be a WAV file. Received: one without data")
        name, size = struct.unpack("<4sI", head)
        if name == b"data":
            break
        # (Chunks are of even length.) Of `fmt ` more than this is not needed.
        content = file.read(min(size, 64)) if name == b"fmt " else b""
        _skip(file, size + size % 2 - len(content))
        if name == b"fmt " and len(content) >= 16:
            form, channels, rate, _, _, bits = struct.unpack("<HHIIHH", content[:16])
            if form == _EXTENSIBLE and len(content) >= 26:
                (form,) = struct.unpack("<H", content[24:26])
    if form is None:
        raise UserError(f"{path}: must be a WAV file. Received: one without a format")
    if bits not in _BITS.get(form, ()) or not 1 <= channels <= MOST_CHANNELS:
        raise UserError(
            f"{path}: must be integers (PCM) of 8, 16, 24 or 32 bits, or floats of 32 "
            f"or 64. Received: format {form}, {bits} bits, {channels} channels"
        )
    if not 1 <= rate <= HIGHEST_RATE:
        raise UserError(
            f"{path}: the sample rate must be from 1 to {HIGHEST_RATE} Hz. "
            f"Received: {rate}"
        )
    return rate, channels, form, bits // 8, size


def _skip(file: BinaryIO, size: int) -> None:
    """Reads so many bytes, for in a pipe there is no seeking."""
    while size > 0 and (content := file.read(min(size, 65_536))):
        size -= len(content)


def _blocks(
    file: BinaryIO, path: Any, channels: int, form: int, width: int, size: int
) -> Iterator[np.ndarray]:
    step = channels * width
    left = math.inf if size in (0, 0xFFFFFFFF) else size
    with file:
        while left and (content := file.read(min(BLOCK * step, left))):
            left -= len(content)
            content = content[: len(content) // step * step]
            if content:
                if form == _FLOAT:
                    samples = np.frombuffer(content, f"<f{width}")
                else:
                    samples = _floats(content, width)
                yield _named(path, samples.reshape(-1, channels))
    if left and size and size < _NO_SIZE:
        there, of = (size - left) // step, size // step
        print(f"{path}: cut short, {there} of {of} samples are there", file=sys.stderr)


def _named(path: Any, samples: np.ndarray) -> np.ndarray:
    """`samples_of` a file, whose errors name it."""
    try:
        return samples_of(samples)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _floats(content: bytes, width: int) -> np.ndarray:
    """Little-endian integers as floats in [-1, 1)."""
    if width == 1:  # the only ones without a sign
        return (np.frombuffer(content, np.uint8).astype(np.float32) - 128.0) / 128.0
    if width == 3:
        parts = np.frombuffer(content, np.uint8).reshape(-1, 3).astype(np.int32)
        value = parts[:, 0] | parts[:, 1] << 8 | parts[:, 2] << 16
        value = value - ((value & 0x800000) << 1)
        return (value / 2.0**23).astype(np.float32)
    value = np.frombuffer(content, f"<i{width}")
    return (value / 2.0 ** (8 * width - 1)).astype(np.float32)


def raw_blocks(file: BinaryIO, block: int = 800) -> Iterator[np.ndarray]:
    """16-bit little-endian samples of one channel from a stream, as they come.

    Args:
        file: Read until its end; what comes is handed on at once.
        block: Samples at most.
    """
    read = getattr(file, "read1", file.read)  # does not wait until all is there
    left = b""
    while content := read(2 * block):
        content = left + content
        whole = len(content) // 2 * 2
        left = content[whole:]
        if whole:
            yield _floats(content[:whole], 2)


def samples_of(value: Any) -> np.ndarray:
    """One channel of float32 samples of an array.

    Args:
        value: Samples `(samples,)` or `(samples, channels)`, floats in [-1, 1], or
            integers of 8 (without a sign), 16 or 32 bits.

    Raises:
        UserError: It is no such array, has more than 64 channels, as one with the
            channels first would, or holds NaN, infinity or floats that are far beyond
            [-1, 1].
    """
    return _mixed(_samples_array(value))


def blocks_of(value: Any) -> Iterator[np.ndarray]:
    """`samples_of` block by block, so that no copy of a long sound is made.

    Of no samples there is one block, of none.

    Raises:
        UserError: As of `samples_of`; of a wrong value where its block begins.
    """
    array = _samples_array(value)
    for start in range(0, max(1, len(array)), BLOCK):
        yield _mixed(array[start : start + BLOCK])


def _samples_array(value: Any) -> np.ndarray:
    """Samples, or a UserError that says of which types and shapes they may be."""
    try:
        array = np.asarray(value)
    except ValueError:  # of rows of several lengths
        array = np.empty(0, object)
    if array.ndim not in (1, 2) or array.dtype.name not in _SCALES:
        raise UserError(
            "samples must be an array (samples,) or (samples, channels) of "
            f"{', '.join(_SCALES)}. Received: {array.dtype} {array.shape}"
        )
    if array.ndim == 2 and array.shape[1] > MOST_CHANNELS:
        raise UserError(
            f"samples must be an array (samples,) or (samples, channels) of at most "
            f"{MOST_CHANNELS} channels. Received: shape {array.shape}"
        )
    return array


def _mixed(array: np.ndarray) -> np.ndarray:
    """Samples of one channel, float32, or a UserError of their values."""
    scale, middle = _SCALES[array.dtype.name]
    array = (array.astype(np.float64) - middle) / scale
    if array.ndim == 2:
        array = array.mean(axis=1) if array.shape[1] else array[:, :0].sum(axis=1)
    if not np.isfinite(array).all():
        raise UserError("samples must be finite numbers. Received: NaN or infinity")
    peak = np.abs(array).max(initial=0.0)
    if peak > HIGHEST_PEAK:
        raise UserError(
            "samples that are floats must be in [-1, 1], and integers of an integer "
            f"type. Received: a peak of {peak:g}"
        )
    return array.astype(np.float32)


_SCALES = {  # of a type: what is 1, what is 0
    "float32": (1.0, 0.0),
    "float64": (1.0, 0.0),
    "float16": (1.0, 0.0),
    "int16": (2.0**15, 0.0),
    "int32": (2.0**31, 0.0),
    "uint8": (2.0**7, 2.0**7),
}


def whole_wav(path: str | os.PathLike, rate: int) -> np.ndarray:
    """All samples of a WAV file, at a rate in Hz; see `read_wav`."""
    file_rate, blocks = read_wav(path)
    none = np.zeros(0, np.float32)
    return np.concatenate([none, *at_rate(blocks, file_rate, rate)])


class Resampler:
    """Sound of one rate as that of another, block by block.

    A low-pass filter (a sinc through a Hann window) at the place of each new sample,
    cut off at the lower of the two rates' halves. Blocks give together what the whole
    gives. The filters are made once, but for rates with very many of them.

    Args:
        rate: Of what comes, in Hz.
        wanted: Of what goes, in Hz.

    Call: the next block. `end()` gives the last samples.

    Source: Smith & Gossett 1984, A Flexible Sampling-Rate Conversion Method.
    """

    def __init__(self, rate: int, wanted: int) -> None:
        rate = positive_integer("rate", rate, HIGHEST_RATE)
        wanted = positive_integer("wanted", wanted, HIGHEST_RATE)
        common = math.gcd(rate, wanted)
        # The place of new sample n is n * step / phases, in samples that come.
        self._step, self._phases = rate // common, wanted // common
        # (A little under the half, where the filter is not steep.)
        self._cut = 0.95 * min(1.0, wanted / rate)  # of half the rate of what comes
        self._reach = math.ceil(_ZERO_CROSSINGS / self._cut)
        self._table = None  # the filters, made once
        if self._phases * 2 * self._reach <= _LARGEST_TABLE:
            parts = np.array_split(np.arange(self._phases), 1 + self._phases // 1024)
            self._table = np.concatenate([self._filter(part) for part in parts])
        self._left = np.zeros(self._reach - 1, np.float32)  # before the first sample
        self._place = 0  # of the next new sample, in 1 / phases, from _left's start
        self._new = self._old = 0  # samples that went and came

    def __call__(self, block: np.ndarray) -> np.ndarray:
        self._old += len(block)
        if self._step == self._phases:
            self._new += len(block)
            return np.asarray(block, np.float32)
        x = np.concatenate([self._left, np.asarray(block, np.float32)])
        taps = 2 * self._reach
        # New samples whose taps, x[whole : whole + taps], are all there.
        room = len(x) - taps + 1
        count = max(0, -(-(room * self._phases - self._place) // self._step))
        found = np.empty(count, np.float32)
        for start in range(0, count, 1024):
            numbers = np.arange(start, min(start + 1024, count))
            places = self._place + self._step * numbers
            whole, phase = np.divmod(places, self._phases)
            filters = self._filter(phase) if self._table is None else self._table[phase]
            # (Not a product of matrices: BLAS would do that in threads, which for so
            # few numbers wait for each other.)
            seen = sliding_window_view(x, taps)[whole]
            found[numbers] = np.einsum("nt,nt->n", seen, filters)
        self._place += self._step * count
        used, self._place = divmod(self._place, self._phases)
        self._left = x[used:]
        self._new += count
        return found

    def end(self) -> np.ndarray:
        """The samples that wait for what comes after the last block: silence."""
        missing = -(-self._old * self._phases // self._step) - self._new
        if self._step == self._phases or missing <= 0:
            return np.zeros(0, np.float32)
        return self(np.zeros(2 * self._reach, np.float32))[:missing]

    def _filter(self, phase: np.ndarray) -> np.ndarray:
        """The taps of new samples this far, in 1 / phases, behind tap reach - 1."""
        taps = np.arange(2 * self._reach) - (self._reach - 1)
        distance = taps - (phase / self._phases)[:, None]  # in samples
        hann = np.cos(np.clip(distance / self._reach, -1.0, 1.0) * (np.pi / 2)) ** 2
        return (self._cut * np.sinc(self._cut * distance) * hann).astype(np.float32)


def at_rate(
    blocks: Iterable[np.ndarray], rate: int, wanted: int
) -> Iterator[np.ndarray]:
    """Blocks of one rate as blocks of another; those without a sample are left out.

    Long ones are cut, so that what is made of them is no longer than `BLOCK` or so.
    """
    resampler = Resampler(rate, wanted)
    most = max(1, BLOCK * rate // max(rate, wanted))
    for block in blocks:
        for start in range(0, len(block), most):
            found = resampler(block[start : start + most])
            if len(found):
                yield found
    found = resampler.end()
    if len(found):
        yield found


def pieces(blocks: Iterable[np.ndarray], rate: int) -> Iterator[np.ndarray]:
    """Sound cut into pieces of some seconds where it is quietest.

    For models that hear a whole before they say a word: a long recording is too much
    for the memory. A piece has 20 seconds at most, and 10 at least but for the last.

    Args:
        blocks: The sound.
        rate: In Hz.
    """
    least, most = 10 * rate, 20 * rate
    frame = max(1, rate // 50)
    kept = np.zeros(0, np.float32)
    for block in blocks:
        for part in np.array_split(block, 1 + len(block) // most):
            kept = np.concatenate([kept, part])
            while len(kept) >= most:
                end = _quietest(kept[least:most], frame) + least
                yield kept[:end]
                kept = kept[end:]
    if len(kept):
        yield kept


def _quietest(samples: np.ndarray, frame: int) -> int:
    """The middle of the quietest fifth of a second, in samples."""
    count = len(samples) // frame
    if count < 10:
        return len(samples) // 2
    power = np.square(samples[: count * frame]).reshape(count, frame).sum(axis=1)
    around = np.convolve(power, np.ones(10), mode="valid")
    return (int(np.argmin(around)) + 5) * frame
