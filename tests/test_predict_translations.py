"""`seqzoo predict` on sentences to translate: text, JSON, the heat map, bad input."""

import io
import json

import numpy as np
import pytest
from PIL import Image

import keras_seqzoo as seqzoo_package
from keras_seqzoo import cli
from keras_seqzoo.registry import architectures


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    for name in ("gru_luong_translator", "lstm_seq2seq"):
        kind = architectures()[name].model_class
        model = seqzoo_package.create(name, **kind.tiny())
        rng = np.random.default_rng(1)
        for weight in model.weights:
            weight.assign(rng.normal(0, 0.7, weight.shape))
        bias = np.array(model.parts["logits"].bias)
        model.parts["logits"].bias.assign(bias - 9.0 * (np.arange(len(bias)) == 0))
        model.save_to_preset(folder / name)
    return folder


@pytest.fixture
def seqzoo(capsys):
    """Runs a command in this process; gives its status, output and messages."""

    def run(*arguments):
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        return status, *capsys.readouterr()

    return run


def test_a_line_a_sentence_from_arguments_and_standard_input(
    seqzoo, presets, monkeypatch
):
    tag = presets / "lstm_seq2seq"
    status, out, _ = seqzoo("predict", tag, "a dog.", "", "dogs")
    lines = out.split("\n")
    assert status == 0 and len(lines) == 4 and lines[1] == "" and all(lines[::2][:2])
    stdin = io.TextIOWrapper(io.BytesIO(b"a dog.\n\ndogs\n"))
    monkeypatch.setattr("sys.stdin", stdin)
    assert seqzoo("predict", tag)[1] == out


def test_json_has_each_words_attention(seqzoo, presets):
    status, out, _ = seqzoo(
        "predict", presets / "gru_luong_translator", "a dog.", "", "--json"
    )
    row, empty = json.loads(out)
    assert status == 0
    assert row["input"] == "a dog." and row["source_words"] == [
        "a",
        "dog",
        ".",
        "(end)",
    ]
    assert "".join(one["word"] for one in row["words"]) == "".join(
        row["translation"].split()
    )
    for one in row["words"]:
        assert sum(one["attention"]) == pytest.approx(1, abs=1e-5)
    assert empty == {"input": "", "translation": "", "source_words": [], "words": []}
    status, out, _ = seqzoo("predict", presets / "lstm_seq2seq", "a dog.", "--json")
    assert [*json.loads(out)[0]] == ["input", "translation"]


def test_the_heat_map_is_drawn(seqzoo, presets, tmp_path):
    path = tmp_path / "seen.png"
    status, out, err = seqzoo(
        "predict", presets / "gru_luong_translator", "a dog.", "-o", path
    )
    assert status == 0 and out.strip() and f"Wrote {path}" in err
    with Image.open(path) as drawing:
        assert min(drawing.size) > 100
        assert (
            len(np.unique(np.asarray(drawing.convert("RGB")).reshape(-1, 3), axis=0))
            > 9
        )


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        ("lstm_seq2seq", ["a", "-o", "x.png"], "--output must be left out: the model"),
        ("gru_luong_translator", ["a", "-o", "x.gif"], "--output must end in .png"),
        ("gru_luong_translator", ["a", "b", "-o", "x.png"], "Received: 2 sentences"),
        ("gru_luong_translator", ["", "-o", "x.png"], "with a word or more"),
        (
            "gru_luong_translator",
            ["a", "--plot"],
            "each word saw is drawn with -o FILE",
        ),
    ],
)
def test_bad_input_is_one_line(seqzoo, presets, monkeypatch, name, arguments, message):
    monkeypatch.chdir(presets)
    status, out, err = seqzoo("predict", presets / name, *arguments)
    assert (status, out) == (2, "")
    assert message in err and len(err.strip().splitlines()) == 1
    assert not (presets / "x.png").exists()
