"""`seqzoo predict` on pictures: captions, the attention's picture, bad input."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_seqzoo import cli
from keras_seqzoo.models import ShowAndTell, ShowAttendAndTell


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """A tiny preset of each kind, whose captions have words."""
    folder = tmp_path_factory.mktemp("presets")
    rng = np.random.default_rng(1)
    for name, kind in (
        ("lstm_show_and_tell", ShowAndTell),
        ("lstm_show_attend_and_tell", ShowAttendAndTell),
    ):
        model = kind(**kind.tiny())
        model.architecture = name
        for weight in model.weights:
            weight.assign(rng.normal(0, 0.5, weight.shape))
        bias = np.array(model.parts["logits"].bias)
        model.parts["logits"].bias.assign(bias - 9.0 * (np.arange(len(bias)) == 0))
        model.save_to_preset(folder / name)
    return folder


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(2)
    shapes = {
        "rgb.jpg": (30, 40, 3),
        "grey.png": (30, 40),
        "rgba.png": (30, 40, 4),
        "dot.png": (1, 1, 3),
        "wide.png": (2, 10_000, 3),
    }
    for name, shape in shapes.items():
        pixels = rng.integers(0, 256, shape).astype("uint8")
        Image.fromarray(pixels).save(folder / name)
    (folder / "corrupt.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    return folder


@pytest.fixture
def seqzoo(capsys):
    """Runs a command in this process; gives its status, output and messages."""

    def run(*arguments):
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


def test_one_picture_one_line_and_several_with_their_names(seqzoo, presets, pictures):
    tag = presets / "lstm_show_and_tell"
    status, out, _ = seqzoo("predict", tag, pictures / "rgb.jpg")
    assert status == 0 and len(out.splitlines()) == 1 and len(out.split()) == 5
    names = ["rgb.jpg", "grey.png", "rgba.png", "dot.png", "wide.png"]
    status, several, _ = seqzoo("predict", tag, *[pictures / one for one in names])
    assert status == 0
    assert several.splitlines()[0] == f"{pictures / 'rgb.jpg'}  {out.strip()}"
    assert [line.split()[0] for line in several.splitlines()] == [
        str(pictures / one) for one in names
    ]


def test_json_has_each_words_attention(seqzoo, presets, pictures):
    tag = presets / "lstm_show_attend_and_tell"
    status, out, _ = seqzoo("predict", tag, pictures / "rgb.jpg", "--json")
    (row,) = json.loads(out)
    assert status == 0 and row["input"] == str(pictures / "rgb.jpg")
    assert row["caption"].split() == [one["word"] for one in row["words"]]
    for one in row["words"]:
        weights = np.array(one["attention"])
        assert weights.shape == (2, 2) and weights.sum() == pytest.approx(1, abs=1e-5)
    tag = presets / "lstm_show_and_tell"
    status, out, _ = seqzoo("predict", tag, pictures / "rgb.jpg", "--json")
    assert [*json.loads(out)[0]] == ["input", "caption"]


def test_the_attention_is_drawn(seqzoo, presets, pictures, tmp_path):
    tag, path = presets / "lstm_show_attend_and_tell", tmp_path / "seen.png"
    status, out, err = seqzoo("predict", tag, pictures / "rgb.jpg", "-o", path)
    assert status == 0 and len(out.split()) == 5 and f"Wrote {path}" in err
    with Image.open(path) as drawing:
        assert drawing.size == (1000, 460)  # the picture and five words, in two rows
        assert len(np.unique(np.asarray(drawing.convert("L")))) > 100


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("attend_and_tell", ["corrupt.jpg"], "corrupt.jpg: must be a JPEG, PNG"),
        ("attend_and_tell", ["none.jpg"], "must be a file that is there"),
        ("attend_and_tell", ["."], "must be a file. Received: the folder"),
        ("attend_and_tell", ["rgb.jpg", "none.jpg"], "must be a file that is there"),
        ("attend_and_tell", [], "INPUT must be picture files"),
        ("attend_and_tell", ["-"], "INPUT must be picture files"),
        ("attend_and_tell", ["rgb.jpg", "--plot"], "--plot needs a classifier of text"),
        ("attend_and_tell", ["rgb.jpg", "-o", "x.gif"], "--output must end in .png"),
        ("attend_and_tell", ["rgb.jpg", "-o", "no/x.png"], "--output must be in a fol"),
        (
            "attend_and_tell",
            ["rgb.jpg", "dot.png", "-o", "x.png"],
            "--output must be for one INPUT. Received: 2 pictures",
        ),
        ("and_tell", ["rgb.jpg", "-o", "x.png"], "--output must be left out"),
    ],
)
def test_bad_input_is_one_line(
    seqzoo, presets, pictures, monkeypatch, kind, arguments, message
):
    monkeypatch.chdir(pictures)
    status, out, err = seqzoo("predict", presets / f"lstm_show_{kind}", *arguments)
    assert (status, out) == (2, "")
    assert message in err and len(err.strip().splitlines()) == 1
    assert not (pictures / "x.png").exists()
