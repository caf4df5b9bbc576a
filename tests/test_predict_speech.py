"""`seqzoo predict` on sound: files, standard input, pictures, bad input."""

import io
import json
import sys
import tracemalloc
import wave

import numpy as np
import pytest
from resident import resident
from whistles import RATE, recogniser, whistled

import keras_seqzoo as seqzoo
from keras_seqzoo import cli
from keras_seqzoo.cli.speech import chart
from keras_seqzoo.models import SpeechRecogniser
from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition
from keras_seqzoo.training.tasks.utterances import Utterance

WORDS = ["low", "high", "high", "mid"]


@pytest.fixture(scope="module")
def tags(tmp_path_factory):
    """A preset that streams, one that reads both ways, one of frames, and a file."""
    folder = tmp_path_factory.mktemp("tags")
    recogniser().save_to_preset(folder / "stream")
    recogniser("bi_peephole_speech").save_to_preset(folder / "both")
    frames = SpeechRecogniser(labels=["a"], sample_rate=None, features=13, units=4)
    frames.architecture = "bi_peephole_speech"
    frames.save_to_preset(folder / "frames")
    sizes = {"batches": (1,), "lengths": (9,)}
    seqzoo.export(recogniser(), folder / "stream.tflite", **sizes)
    return folder


def write_wav(path, sound, rate, width=2, channels=1):
    values = np.repeat(sound[:, None], channels, axis=1)
    scale = 2.0 ** (8 * width - 1)
    numbers = np.round(values * scale).astype("<i4") + (128 if width == 1 else 0)
    content = numbers.reshape(-1, 1).view(np.uint8)[:, :width].tobytes()
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(content)
    return path


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    rng = np.random.default_rng(2)
    for name, rate, width, channels in (
        ("a.wav", RATE, 2, 1),
        ("stereo.wav", 11025, 2, 2),
        ("eight.wav", 4000, 1, 1),
        ("fine.wav", 16000, 3, 1),
    ):
        write_wav(folder / name, whistled(WORDS, rng, rate), rate, width, channels)
    write_wav(folder / "silence.wav", np.zeros(3 * RATE), RATE)
    write_wav(folder / "click.wav", np.full(10, 0.5), RATE)
    write_wav(folder / "nothing.wav", np.zeros(0), RATE)
    (folder / "song.mp3").write_bytes(b"ID3 a song")
    return folder


@pytest.fixture
def run(capsys, monkeypatch):
    """Runs a command in this process; gives its status, output and messages."""

    def run(*arguments, stdin=b""):
        capsys.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        status = cli.main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


@pytest.mark.parametrize("tag", ["stream", "both", "stream.tflite"])
@pytest.mark.parametrize("name", ["a.wav", "stereo.wav", "eight.wav", "fine.wav"])
def test_files_of_any_rate_width_and_channels(run, tags, sounds, tag, name):
    status, out, _ = run("predict", tags / tag, sounds / name)
    assert (status, out) == (0, " ".join(WORDS) + "\n")


@pytest.mark.parametrize("tag", ["stream", "both"])
@pytest.mark.parametrize("name", ["silence.wav", "click.wav", "nothing.wav"])
def test_silence_and_a_click_are_empty(run, tags, sounds, tag, name):
    assert run("predict", tags / tag, sounds / name)[:2] == (0, "\n")


def test_a_file_cut_short_is_a_line_of_warning(run, tags, sounds, tmp_path):
    content = (sounds / "a.wav").read_bytes()
    path = tmp_path / "cut.wav"
    path.write_bytes(content[:1000])
    status, _, err = run("predict", tags / "stream", path)
    total = (len(content) - 44) // 2
    assert status == 0
    assert err == f"{path}: cut short, 478 of {total} samples are there\n"


def test_several_files_and_json(run, tags, sounds):
    names = [str(sounds / one) for one in ("a.wav", "silence.wav")]
    status, out, _ = run("predict", tags / "both", *names)
    assert out.splitlines() == [f"{names[0]}  {' '.join(WORDS)}", f"{names[1]}  "]
    status, out, _ = run("predict", tags / "both", *names, "--json")
    assert status == 0 and json.loads(out) == [
        {"input": names[0], "text": " ".join(WORDS)},
        {"input": names[1], "text": ""},
    ]


@pytest.mark.parametrize("tag", ["stream", "both", "stream.tflite"])
def test_standard_input_is_raw_samples(run, tags, tag):
    for rate, more in ((RATE, ()), (4000, ("--sample-rate", 4000))):
        sound = whistled(WORDS, np.random.default_rng(4), rate)
        raw = (sound * 32767).astype("<i2").tobytes()
        status, out, _ = run("predict", tags / tag, "-", *more, stdin=raw)
        assert (status, out) == (0, " ".join(WORDS) + "\n")
    assert run("predict", tags / tag)[:2] == (0, "\n")  # of no sample


class Endless(io.RawIOBase):
    """Ten minutes of raw sound that is made while it is read."""

    def __init__(self, sound, times):
        self.part = (sound * 32767).astype("<i2").tobytes()
        self.left, self.at = times, 0
        self.memory, self.resident = [], []  # bytes, after each part

    def readable(self):
        return True

    def readinto(self, buffer):
        if self.at == len(self.part):
            self.left, self.at = self.left - 1, 0
            self.memory.append(tracemalloc.get_traced_memory()[0])
            self.resident.append(resident())
        if not self.left:
            return 0
        some = self.part[self.at :][: len(buffer)]
        buffer[: len(some)] = some
        self.at += len(some)
        return len(some)


@pytest.mark.parametrize("tag", ["stream", "stream.tflite"])
def test_ten_minutes_of_standard_input_in_constant_memory(
    tags, tag, capsys, monkeypatch
):
    sound = whistled(WORDS, np.random.default_rng(4))
    sound = np.pad(sound, (0, 10 * RATE - len(sound)))
    said = []
    source = Endless(sound, 60)
    reader = io.BufferedReader(source)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(reader))
    # As it hears: what is printed is there before the stream ends.
    write = sys.stdout.write
    monkeypatch.setattr(
        sys.stdout, "write", lambda text: (said.append(source.left), write(text))[1]
    )
    tracemalloc.start()
    status = cli.main(["predict", str(tags / tag), "-"])
    tracemalloc.stop()
    assert status == 0
    assert capsys.readouterr().out == " ".join(WORDS * 60) + "\n"
    assert len(set(said)) >= 59
    early, late = source.memory[5], source.memory[-1]
    assert late - early < 200_000  # bytes; the text itself is 1,000
    # Of TensorFlow's or LiteRT's memory too, after the first minute.
    assert max(source.resident) - max(source.resident[:6]) < 5_000_000


def test_the_labels_over_time_in_the_terminal_and_in_a_picture(
    run, tags, sounds, tmp_path
):
    status, out, _ = run("predict", tags / "both", sounds / "a.wav", "--plot")
    text, *lines = out.splitlines()
    assert status == 0 and text == " ".join(WORDS)
    rows = {line.split("|")[0].strip(): line.split("|")[1] for line in lines[:-1]}
    assert [*rows] == ["low", "mid", "high", "blank"]
    first = [rows[name].replace(" ", ".").find("@") for name in ("low", "high", "mid")]
    assert first == sorted(first) and min(first) >= 0
    path = tmp_path / "labels.png"
    status, out, err = run("predict", tags / "stream", sounds / "a.wav", "-o", path)
    assert status == 0 and f"Wrote {path}" in err
    from PIL import Image

    with Image.open(path) as drawing:
        assert drawing.size == (1000, 350)
        assert len(np.unique(np.asarray(drawing.convert("L")))) > 20


def test_a_chart_has_the_largest_of_each_column():
    p = np.zeros((250, 3))
    p[:, 0], p[7, 2], p[7, 0] = 1.0, 0.9, 0.1
    label, blank, axis = chart(p, 0.01, ["a", "b"]).splitlines()
    assert label.startswith("    b |") and label.count("%") == 1
    assert label.index("%") - len("    b |") == 2  # 100 columns of 250 steps
    assert blank.startswith("blank |@@@") and axis.endswith("2.5 s")
    assert chart(p[:5], None, ["a", "b"]).splitlines()[-1].endswith("5 steps")


def test_beams_are_those_of_the_option(run, tags, sounds):
    status, out, _ = run("predict", tags / "both", sounds / "a.wav", "--beams", 4)
    assert (status, out) == (0, " ".join(WORDS) + "\n")


def test_what_a_search_finds_is_measured_and_exported(run, tmp_path, monkeypatch):
    model = SpeechRecogniser(labels=["a"], sample_rate=None, features=13, units=4)
    model.architecture = "bi_peephole_speech"
    # At both steps no label has 0.55 and "a" 0.45; over both "" has 0.30, "a" 0.70.
    head = model.get_layer("head")
    head.kernel.assign(np.zeros(head.kernel.shape))
    head.bias.assign(np.log([0.55, 0.45]))
    model.save_to_preset(tmp_path / "preset")
    rows = [Utterance(np.ones((2, 13), "float32"), "a")]
    monkeypatch.setattr(SpeechRecognition, "read", lambda *_: rows)
    options = ("--dataset", "an4_mfcc", "--json")

    def measured(tag, *beams):
        status, out, _ = run("evaluate", tmp_path / tag, *beams, *options)
        found = json.loads(out)
        assert status == 0 and found.get("beams") == (beams[1] if beams else None)
        return found["value"]

    assert measured("preset") == measured("preset", "--beams", 1) == 100.0
    assert measured("preset", "--beams", 3) == 0.0
    file = tmp_path / "x.tflite"
    status, out, _ = run("export", tmp_path / "preset", file, "--beams", 3, *options)
    assert status == 0 and json.loads(out)["keras_metric"] == 0.0
    assert measured("x.tflite") == 0.0
    status, _, err = run("evaluate", file, "--beams", 3, *options)
    assert status == 2 and "a file has its search in it" in err
    for command, *path in (("evaluate",), ("export", tmp_path / "y"), ("predict",)):
        status, _, err = run(command, "gru_tagger.atis", *path, "--beams", 3)
        assert status == 2 and len(err.splitlines()) == 1
        assert "--beams must be left out of gru_tagger.atis" in err


def test_frames_in_files(run, tags, tmp_path):
    frames = np.random.default_rng(0).normal(size=(30, 13)).astype("float32")
    np.save(tmp_path / "a.npy", frames)
    content = np.array(frames.size, ">i4").tobytes() + frames.astype(">f4").tobytes()
    (tmp_path / "a.mfc").write_bytes(content)
    answers = [
        run("predict", tags / "frames", tmp_path / f"a.{x}")[:2] for x in ("npy", "mfc")
    ]
    assert answers[0] == answers[1] and answers[0][0] == 0
    status, out, _ = run("predict", tags / "frames", tmp_path / "a.npy", "--plot")
    assert status == 0 and out.splitlines()[-1].endswith("30 steps")


@pytest.mark.parametrize(
    ("tag", "arguments", "message"),
    [
        ("both", ["song.mp3"], "song.mp3: must be a WAV file. Received: no RIFF"),
        ("stream", ["none.wav"], "none.wav: there is no such file"),
        ("stream", ["."], "cannot be read: Is a directory"),
        ("stream", ["a.wav", "-o", "x.gif"], "--output must end in .png"),
        ("stream", ["-", "-o", "x.png"], "--plot and --output need files"),
        ("stream", ["a.wav", "a.wav", "-o", "x.png"], "must be for one INPUT"),
        ("stream", ["nothing.wav", "--plot"], "must have sound to be drawn"),
        ("stream", ["a.wav", "--sample-rate", "9"], "--sample-rate is of standard"),
        ("stream", ["-", "--sample-rate", "-1"], "`sample_rate` must be a positive"),
        ("stream", ["-", "--sample-rate", "0"], "`sample_rate` must be a positive"),
        ("stream", ["a.wav", "--beams", "0"], "`beams` must be a positive integer"),
        ("both", ["a.wav", "--beams", "100000"], "of at most 256. Received: beams=100"),
        ("stream.tflite", ["a.wav", "--beams", "2"], "--beams must be left out"),
        ("frames", ["a.wav"], "must be frames of 13 features"),
        ("frames", ["-"], "INPUT must be files of frames of 13 features"),
    ],
)
def test_bad_input_is_one_line(run, tags, sounds, monkeypatch, tag, arguments, message):
    monkeypatch.chdir(sounds)
    status, _, err = run("predict", tags / tag, *arguments)
    assert status == 2 and message in err
    assert len(err.strip().splitlines()) == 1 and err.startswith("Error: ")
