"""Sound files of all kinds, other rates, pieces: against what was written."""

import io
import os
import struct
import threading
import time
import tracemalloc
import wave

import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.sound import (
    Resampler,
    at_rate,
    blocks_of,
    pieces,
    raw_blocks,
    read_wav,
    samples_of,
    whole_wav,
)

RNG = np.random.default_rng(0)


def write(path, samples, width, rate=8000):
    """Floats (samples, channels) as a WAV file of integers of `width` bytes."""
    scale = 2.0 ** (8 * width - 1)
    numbers = np.clip(np.round(samples * scale), -scale, scale - 1).astype(np.int64)
    if width == 1:
        numbers += 128
    content = b"".join(
        int(one).to_bytes(width, "little", signed=width > 1) for one in numbers.ravel()
    )
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(content)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_of_any_width_and_channels(tmp_path, width, channels):
    samples = RNG.uniform(-0.9, 0.9, (9000, channels))  # more than a block
    write(tmp_path / "a.wav", samples, width, 11025)
    rate, blocks = read_wav(tmp_path / "a.wav")
    blocks = list(blocks)
    found = np.concatenate(blocks)
    assert rate == 11025 and len(blocks) == 2 and found.dtype == np.float32
    np.testing.assert_allclose(
        found, samples.mean(axis=1), atol=2.0 ** (1 - 8 * width) + 1e-6
    )


def chunk(name, content):
    padding = b"\0" * (len(content) % 2)
    return name + struct.pack("<I", len(content)) + content + padding


def test_other_chunks_extensible_heads_and_files_cut_short(tmp_path):
    path = tmp_path / "a.wav"
    data = np.array([1000, -1000, 500], "<i2").tobytes()
    form = struct.pack("<HHIIHH", 0xFFFE, 1, 8000, 16000, 2, 16)
    form += struct.pack("<HHI", 22, 16, 4) + struct.pack("<H", 1) + bytes(14)
    body = b"WAVE" + chunk(b"odd ", b"abc") + chunk(b"fmt ", form)
    body += chunk(b"data", data) + chunk(b"LIST", b"what is no sound")
    path.write_bytes(b"RIFF" + struct.pack("<I", len(body)) + body)
    (found,) = read_wav(path)[1]
    np.testing.assert_allclose(found * 32768, [1000, -1000, 500])
    # A recorder that was stopped: no size, and half a sample.
    body = b"WAVE" + chunk(b"fmt ", form) + b"data\xff\xff\xff\xff" + data[:5]
    path.write_bytes(b"RIFF\0\0\0\0" + body)
    (found,) = read_wav(path)[1]
    np.testing.assert_allclose(found * 32768, [1000, -1000])


def test_a_file_cut_short_says_how_much_is_there(tmp_path, capsys):
    path = tmp_path / "a.wav"
    samples = RNG.integers(-32768, 32768, (9000, 2)).astype("<i2")
    whole = wav_with(channels=2, data=samples.tobytes())
    wanted = samples.mean(axis=1) / 32768
    for left, there in ((0, 9000), (2, 8999), (30_003, 1499), (36_000, 0)):
        path.write_bytes(whole[: len(whole) - left])
        found = np.concatenate([np.zeros(0), *read_wav(path)[1]])
        np.testing.assert_allclose(found, wanted[:there], atol=1e-6)
        line = f"{path}: cut short, {there} of 9000 samples are there\n"
        assert capsys.readouterr().err == (line if left else "")
    # What is written while the sound comes has no size, and nothing to say of it.
    for size in (0, 0x7FFFF000, 0x7FFFFF00, 0x80000000, 0xFFFFFFFF):
        head = whole[: -samples.nbytes - 4] + struct.pack("<I", size)
        path.write_bytes(head + samples.tobytes())
        assert sum(map(len, read_wav(path)[1])) == 9000
        assert capsys.readouterr().err == ""


def test_a_pipe_is_read_as_a_file(tmp_path):
    samples = RNG.integers(-32768, 32768, 9000).astype("<i2")
    form = struct.pack("<HHIIHH", 1, 1, 8000, 16_000, 2, 16)
    body = b"WAVE" + chunk(b"LIST", bytes(100_001)) + chunk(b"fmt ", form + bytes(99))
    body += chunk(b"odd ", b"abc") + chunk(b"data", samples.tobytes())
    os.mkfifo(tmp_path / "pipe.wav")
    content = b"RIFF" + struct.pack("<I", len(body)) + body
    write = threading.Thread(target=(tmp_path / "pipe.wav").write_bytes, args=[content])
    write.start()
    rate, blocks = read_wav(tmp_path / "pipe.wav")
    found = np.concatenate(list(blocks))
    write.join()
    assert rate == 8000
    np.testing.assert_array_equal(found * 32768, samples)


def wav_with(form=1, channels=1, rate=8000, bits=16, data=b"\0\0"):
    head = struct.pack("<HHIIHH", form, channels, rate, 0, 0, bits)
    return b"RIFF\0\0\0\0WAVE" + chunk(b"fmt ", head) + chunk(b"data", data)


@pytest.mark.parametrize("bits", [32, 64])
def test_a_file_of_floats(tmp_path, bits):
    samples, path = RNG.uniform(-1.2, 1.2, (9000, 2)), tmp_path / "a.wav"
    data = samples.astype(f"<f{bits // 8}").tobytes()
    path.write_bytes(wav_with(3, 2, bits=bits, data=data))
    found = np.concatenate(list(read_wav(path)[1]))
    np.testing.assert_allclose(found, samples.mean(axis=1), atol=1e-6)
    for wrong, message in ((np.nan, "must be finite"), (2000, "a peak of 2000")):
        data = np.full(10, wrong, f"<f{bits // 8}").tobytes()
        path.write_bytes(wav_with(3, bits=bits, data=data))
        with pytest.raises(UserError, match=rf"a\.wav: samples .*{message}"):
            list(read_wav(path)[1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "must be a WAV file. Received: no RIFF/WAVE head"),
        (b"ID3 an mp3 file, say", "must be a WAV file. Received: no RIFF/WAVE head"),
        (b"RIFF\0\0\0\0WAVE", "must be a WAV file. Received: one without data"),
        (
            b"RIFF\0\0\0\0WAVE" + chunk(b"data", b"\0\0"),
            "must be a WAV file. Received: one without a format",
        ),
        (wav_with(form=3, bits=16), "must be integers .* format 3, 16 bits"),
        (wav_with(form=6, bits=8), "must be integers .* format 6, 8 bits"),
        (wav_with(bits=12), "must be integers .* 12 bits"),
        (wav_with(channels=0), "must be integers .* 0 channels"),
        (wav_with(rate=0), "the sample rate must be from 1 to 768000 Hz. Received: 0"),
    ],
)
def test_what_is_no_such_file_is_named(tmp_path, content, message):
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(UserError, match=f"a.wav: {message}") as error:
        read_wav(path)
    assert "\n" not in str(error.value)


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.wav: there is no such file"):
        read_wav(tmp_path / "none.wav")
    with pytest.raises(UserError, match="cannot be read: Is a directory"):
        read_wav(tmp_path)


def test_raw_samples_as_they_come():
    class Slow(io.BytesIO):
        """Gives three bytes at a time, so that samples are cut in two."""

        def read1(self, size):
            return self.read(min(3, size))

    samples = RNG.integers(-32768, 32768, 1001).astype("<i2")
    blocks = list(raw_blocks(Slow(samples.tobytes() + b"x")))
    assert len(blocks) > 600
    np.testing.assert_allclose(np.concatenate(blocks) * 32768, samples)


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [(44_100, 8000), (8000, 16_000), (11_025, 8000), (48_000, 8000), (7999, 8000)],
)
def test_another_rate_is_the_same_sound(rate, wanted):
    time = np.arange(rate) / rate
    tone = np.sin(2 * np.pi * 440 * time).astype("float32")
    whole = np.concatenate(list(at_rate([tone], rate, wanted)))
    assert len(whole) == wanted
    expected = np.sin(2 * np.pi * 440 * np.arange(wanted) / wanted)
    np.testing.assert_allclose(whole[200:-200], expected[200:-200], atol=1e-4)
    # In blocks of any length, of none too.
    cuts = np.sort(RNG.integers(0, rate, 20))
    parts = np.concatenate(list(at_rate(np.split(tone, cuts), rate, wanted)))
    np.testing.assert_allclose(parts, whole, atol=1e-6)


def filtered(x, rate, wanted):
    """Each new sample by itself: the sum over a windowed sinc at its place."""
    cut = 0.95 * min(1.0, wanted / rate)
    reach = np.ceil(16 / cut)
    found = []
    for n in range(-(-len(x) * wanted // rate)):
        distance = np.arange(len(x)) - n * rate / wanted
        hann = np.where(abs(distance) < reach, np.cos(np.pi / 2 * distance / reach), 0)
        found.append(np.sum(x * cut * np.sinc(cut * distance) * hann**2))
    return np.array(found)


@pytest.mark.parametrize(
    ("rate", "wanted"),
    [
        (44_100, 8000),
        (48_000, 8000),
        (16_000, 8000),
        (8000, 11_025),
        (44_101, 8000),  # a filter for each of 8000 new samples
        (44_101, 16_001),  # too many to keep
        (8000, 8001),
        (50, 8000),
    ],
)
def test_each_new_sample_is_that_of_the_filter_at_its_place(rate, wanted):
    x = RNG.uniform(-1, 1, -(-1000 * rate // max(rate, wanted))).astype("float32")
    expected = filtered(x, rate, wanted)
    for size in (len(x), 317, 7, 1):
        blocks = [x[start : start + size] for start in range(0, len(x), size)]
        found = np.concatenate(list(at_rate(blocks, rate, wanted)))
        assert found.dtype == np.float32 and len(found) == len(expected)
        np.testing.assert_allclose(found, expected, atol=2e-6)


@pytest.mark.parametrize("size", [800, 8000])
def test_another_rate_is_little_work(size):
    x = RNG.uniform(-1, 1, 88_200).astype("float32")  # two seconds
    blocks = [x[start : start + size] for start in range(0, len(x), size)]
    work = []
    for _ in range(5):
        began = time.process_time()
        list(at_rate(blocks, 44_100, 8000))
        work.append((time.process_time() - began) / 2)
    assert min(work) < 0.02  # seconds for a second of sound


def test_a_long_block_at_another_rate_needs_no_memory():
    for rate, wanted, size in ((44_100, 8000, 5_000_000), (1, 8000, 600)):
        x = np.zeros(size, "float32")
        tracemalloc.start()
        assert sum(map(len, at_rate([x], rate, wanted))) == -(-size * wanted // rate)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 8_000_000  # bytes: what comes has, or what goes, 20 million


def test_a_whole_file_at_another_rate(tmp_path):
    samples = np.sin(np.arange(20_000) / 30)[:, None] / 2  # more than a block
    write(tmp_path / "a.wav", samples, 2, 16_000)
    found = whole_wav(tmp_path / "a.wav", 8000)
    assert found.shape == (10_000,) and found.dtype == np.float32
    np.testing.assert_allclose(found[50:-50], samples[100:-100:2, 0], atol=1e-3)
    write(tmp_path / "none.wav", samples[:0], 2, 16_000)
    assert whole_wav(tmp_path / "none.wav", 8000).shape == (0,)


def test_what_the_lower_rate_cannot_have_is_silent():
    tone = np.sin(2 * np.pi * 5000 * np.arange(44_100) / 44_100).astype("float32")
    found = np.concatenate(list(at_rate([tone], 44_100, 8000)))
    assert np.abs(found[200:-200]).max() < 1e-3
    resampler = Resampler(8000, 8000)
    np.testing.assert_array_equal(resampler(tone), tone)
    assert len(resampler.end()) == 0
    with pytest.raises(UserError, match="`rate` must be a positive integer"):
        Resampler(0, 8000)


def test_one_sample_and_none():
    assert [len(x) for x in at_rate([np.ones(1, "float32")], 8000, 16_000)] == [2]
    assert list(at_rate([], 44_100, 8000)) == []


def test_pieces_are_cut_where_it_is_quiet():
    rate = 100
    sound = RNG.uniform(0.5, 1.0, 6000).astype("float32")  # a minute
    sound[1400:1440] = sound[3100:3140] = 0.001
    found = list(pieces(np.array_split(sound, 37), rate))
    np.testing.assert_array_equal(np.concatenate(found), sound)
    assert 1400 < len(found[0]) < 1440 and 3100 < len(found[0]) + len(found[1]) < 3140
    assert max(map(len, found)) <= 2000 and min(map(len, found[:-1])) >= 1000
    assert [len(x) for x in pieces([sound], rate)] == [len(x) for x in found]
    assert list(pieces([], rate)) == []


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "int32", "uint8"])
def test_arrays_of_samples(dtype):
    wanted = np.array([[0.5, 0.25], [-0.5, -0.25]])
    scale = {"int16": 2**15, "int32": 2**31, "uint8": 128}.get(dtype, 1)
    array = (wanted * scale + (128 if dtype == "uint8" else 0)).astype(dtype)
    np.testing.assert_allclose(samples_of(array), [0.375, -0.375])
    np.testing.assert_allclose(samples_of(array[:, 0]), [0.5, -0.5])
    assert len(samples_of(array[:0])) == 0
    assert len(samples_of(np.zeros((1, 64), "float32"))) == 1  # a block of a stream


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.zeros((1, 1, 1), "float32"), r"must be an array .* float32 \(1, 1, 1\)"),
        ("sound.wav", "must be an array"),
        ([[0.1], [0.1, 0.2]], "must be an array"),
        (np.array([0.0, np.nan]), "must be finite numbers"),
        (np.array([0.0, -1000.0]), r"must be in \[-1, 1\].*Received: a peak of 1000"),
        (np.zeros(3, "int64"), "must be an array .* int64"),
        (np.zeros((1, 4000), "float32"), r"\(samples, channels\).*shape \(1, 4000\)"),
        (np.zeros((2, 4000), "int16"), r"\(samples, channels\).*shape \(2, 4000\)"),
    ],
)
def test_what_is_no_sound(value, message):
    with pytest.raises(UserError, match=message):
        samples_of(value)


def test_blocks_of_an_array_are_its_samples():
    array = RNG.integers(-32768, 32768, (20_001, 2)).astype("int16")
    blocks = list(blocks_of(array))
    assert [len(block) for block in blocks] == [8000, 8000, 4001]
    np.testing.assert_array_equal(np.concatenate(blocks), samples_of(array))
    assert [block.shape for block in blocks_of(array[:0])] == [(0,)]
    assert [list(block) for block in blocks_of([0.5, -0.5])] == [[0.5, -0.5]]
    for wrong, message in (
        (np.zeros((9000, 2, 2), "int16"), r"int16 \(9000, 2, 2\)"),
        (np.zeros((9000, 65), "int16"), r"shape \(9000, 65\)"),
        (np.float32(0.5), r"float32 \(\)"),
        (np.append(np.zeros(9000), np.nan), "must be finite numbers"),
    ):
        with pytest.raises(UserError, match=message):
            list(blocks_of(wrong))


def test_blocks_of_an_array_need_no_memory():
    array = np.zeros((1_000_000, 2), "int16")
    tracemalloc.start()
    assert sum(map(len, blocks_of(array))) == 1_000_000
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000  # bytes; one copy as float64 has 16 million
