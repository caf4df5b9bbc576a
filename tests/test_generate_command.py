"""`seqzoo generate`, and `predict` of a classifier."""

import json

import keras
import mido
import numpy as np
import pytest

from keras_seqzoo import cli, registry
from keras_seqzoo.cli.media import Expected
from keras_seqzoo.cli.predict import show_expected
from keras_seqzoo.datasets.text_drawing import note_name
from keras_seqzoo.models import (
    CharacterModel,
    PianoRollModel,
    SentenceClassifier,
    SeriesClassifier,
)
from keras_seqzoo.preprocessing.midi import read_midi, write_midi
from keras_seqzoo.runtime.expectation import expected_notes, expected_tokens


@pytest.fixture
def seqzoo(capsys):
    def run(*arguments):
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def composer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "composer"
    arguments = PianoRollModel.tiny() | {"num_keys": 88, "step_beats": 0.5}
    registry.create("gru_piano_roll", **arguments).save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def critic(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "critic"
    model = registry.create("bi_gru_sentiment", **SentenceClassifier.tiny())
    model.save_to_preset(folder)
    return folder


@pytest.fixture(scope="module")
def writer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "writer"
    arguments = CharacterModel.tiny() | {"num_layers": 1}
    keras.utils.set_random_seed(1)  # an empty line would end its text
    registry.create("simple_rnn_character_model", **arguments).save_to_preset(folder)
    return folder


def test_the_files_hold_the_music(seqzoo, composer, tmp_path):
    midi, picture = tmp_path / "tune.mid", tmp_path / "tune.png"
    options = ["--steps", 12, "--seed", 3, "--temperature", 0.9, "-o", midi]
    status, out, err = seqzoo("generate", composer, *options, "-o", picture, "--json")
    assert status == 0 and picture.read_bytes().startswith(b"\x89PNG")
    said = json.loads(out)
    assert len(said["pitches"]) == 12 and said["files"] == [str(midi), str(picture)]
    roll = registry.load(composer).generate(12, seed=3, temperature=0.9)
    assert said["pitches"] == [[int(p) + 21 for p in np.flatnonzero(r)] for r in roll]
    again = read_midi(midi, step_beats=0.5)  # silence at the end is not in a file
    np.testing.assert_array_equal(again, roll[: len(again)])
    assert not roll[len(again) :].any()


def test_a_primer_comes_first(seqzoo, composer, tmp_path):
    primer = np.zeros((5, 88), np.uint8)
    primer[[0, 1, 2, 3, 4], [40, 42, 44, 45, 47]] = 1
    write_midi(tmp_path / "primer.mid", primer, step_beats=0.5)
    options = ["--primer", tmp_path / "primer.mid", "--steps", 4, "--json"]
    status, out, _ = seqzoo("generate", composer, *options)
    pitches = json.loads(out)["pitches"]
    assert status == 0 and len(pitches) == 9
    assert pitches[:5] == [[61], [63], [65], [66], [68]]


def test_without_a_file_the_roll_is_drawn(seqzoo, composer):
    status, out, _ = seqzoo("generate", composer, "--steps", 6)
    assert status == 0 and len(out.splitlines()) > 3


def test_bad_options_are_one_line(seqzoo, composer, critic, tmp_path):
    (tmp_path / "no.mid").write_bytes(b"MThd and no more")
    track = mido.MidiTrack([mido.Message("note_on", note=12, time=0)])
    mido.MidiFile(tracks=[track]).save(tmp_path / "low.mid")
    for options, message in [
        (["-o", "x.wav"], "--output must end in .mid or .png. Received: x.wav"),
        (["-o", "nowhere/x.mid"], "must be in a folder that can be written"),
        (["--temperature", "-1"], "temperature must be a number from 0 on"),
        (["--top-p", "1.5"], "1.5 is not in the range 0<x<=1"),
        (["--top-p", "nan"], "top_p must be above 0 and at most 1"),
        (["--top-k", "0"], "0 is not in the range x>=1"),
        (["--steps", "0"], "0 is not in the range"),
        (["--primer", tmp_path / "no.mid"], "no.mid: "),
        (["--primer", tmp_path / "low.mid"], "pitches must be from 21 to 108"),
        (["--primer", tmp_path / "none.mid"], "there is no such file"),
    ]:
        status, out, err = seqzoo("generate", composer, *options)
        assert (status, out) == (2, "") and message in err, options
        assert len(err.splitlines()) == 1
    status, _, err = seqzoo("generate", critic)
    assert status == 2 and "must be a model that makes music" in err


def test_greedy_is_the_same_for_any_seed(seqzoo, composer):
    found = {
        seqzoo("generate", composer, "--temperature", 0, "--seed", seed, "--json")[1]
        for seed in (1, 2)
    }
    assert len(found) == 1


def test_predict_says_how_likely_music_is(seqzoo, composer, tmp_path):
    roll = np.zeros((5, 88), np.uint8)
    roll[[0, 1, 2, 3, 4], [40, 42, 44, 45, 47]] = 1
    write_midi(tmp_path / "mine.mid", roll, step_beats=0.5)
    status, out, _ = seqzoo("predict", composer, tmp_path / "mine.mid", "--json")
    expected = expected_notes(registry.load(composer), roll)
    (said,) = json.loads(out)
    assert status == 0 and said["steps"] == 5
    assert said["frame_nll"] == pytest.approx(expected.nats, abs=1e-5)
    key, chance = expected.next[0]
    assert said["next"][0] == {
        "name": note_name(key + 21),
        "probability": pytest.approx(chance, abs=1e-5),
    }
    status, out, _ = seqzoo("predict", composer, tmp_path / "mine.mid")
    first = f"{note_name(key + 21)} {chance:.3f}"
    assert status == 0 and f"frame_nll {expected.nats:.2f}\n  next: {first}" in out


def test_predict_says_how_likely_a_text_is(seqzoo, writer, tmp_path):
    (tmp_path / "mine.abc").write_text("X: 2\nK:G\n")
    expected = expected_tokens(registry.load(writer), "X: 2\nK:G\n")
    for item in (tmp_path / "mine.abc", "X: 2\nK:G\n"):
        status, out, _ = seqzoo("predict", writer, item, "--json")
        (said,) = json.loads(out)
        assert status == 0 and said["characters"] == 9
        bits = pytest.approx(expected.nats / np.log(2), abs=1e-5)
        assert said["bits_per_character"] == bits


@pytest.mark.parametrize(
    ("item", "steps", "first"),
    [
        ("the", 1, "the: 1 word, perplexity 2.50"),
        ("the N\nfell", 4, "the N: 4 words, perplexity 2.50"),
        ("", 0, "(nothing): 0 words"),
    ],
)
def test_words_are_counted_and_names_quoted_at_need(capsys, item, steps, first):
    names = [("C5", 0.5), ("'s", 0.25), (" ", 0.125), ("\n", 0.125)]
    value = 2.5 if steps else None
    show_expected([(item, Expected(steps, "words", "perplexity", value, names))], False)
    likely = "C5 0.500  's 0.250  ' ' 0.125  '\\n' 0.125"
    assert capsys.readouterr().out == f"{first}\n  next: {likely}\n"


def test_predict_refuses_what_is_no_piece(seqzoo, composer, writer, tmp_path):
    (tmp_path / "no.mid").write_bytes(b"MThd and no more")
    for model, options, message in [
        (composer, [tmp_path / "no.mid"], "no.mid: "),
        (composer, ["none.mid"], "none.mid: there is no such file"),
        (composer, ["-"], "INPUT must be a MIDI file. Received: standard input"),
        (composer, ["--plot", "none.mid"], "--plot needs a classifier of text"),
        (writer, ["X: 9"], "must be of the model's 14 characters. Received: '9'"),
    ]:
        status, out, err = seqzoo("predict", model, *options)
        assert (status, out) == (2, "") and message in err, options
        assert len(err.splitlines()) == 1


def test_a_text_goes_on(seqzoo, writer, tmp_path):
    (tmp_path / "primer.abc").write_text("X: 2\nK:G\n")
    expected = registry.load(writer).generate(20, seed=3, primer="X: 2\nK:G\n")
    assert expected.startswith("X: 2\nK:G\n") and len(expected) > 11
    options = ["--steps", 20, "--seed", 3]
    status, out, _ = seqzoo("generate", writer, *options, "--primer", "X: 2\nK:G\n")
    assert (status, out) == (0, expected.removesuffix("\n") + "\n")
    file = tmp_path / "tune.abc"
    options += ["--primer", tmp_path / "primer.abc", "-o", file]
    status, out, _ = seqzoo("generate", writer, *options, "--json")
    said = json.loads(out)
    assert said == {"tag": str(writer), "text": expected, "files": [str(file)]}
    assert file.read_text() == expected.removesuffix("\n") + "\n"


def test_bad_options_of_a_text_are_one_line(seqzoo, writer, tmp_path):
    (tmp_path / "latin1.txt").write_bytes(b"\xe9")
    for options, message in [
        (["-o", "x.mid"], "--output must end in .txt or .abc. Received: x.mid"),
        (["--primer", "X: 9"], "must be of the model's 14 characters. Received: '9'"),
        (["--primer", "éöüßñåç"], "'ß', 'å', 'ç', 'é', 'ñ', ..."),
        (["--primer", "none.abc"], "none.abc: there is no such file"),
        (["--primer", tmp_path / "latin1.txt"], "latin1.txt: not a UTF-8 text file"),
        (["--primer", "é" * 300], "Received: 'é'"),
        (["--temperature", "-1"], "temperature must be a number from 0 on"),
    ]:
        status, out, err = seqzoo("generate", writer, *options)
        assert (status, out) == (2, "") and message in err, options
        assert len(err.splitlines()) == 1


def test_classes_of_sentences(seqzoo, critic):
    status, out, _ = seqzoo("predict", critic, "apple bag", "--json")
    (first,) = json.loads(out)
    assert status == 0 and first["label"] in ("bad", "good")
    assert [w["word"] for w in first["words"]] == ["apple", "bag"]
    assert sum(w["weight"] for w in first["words"]) == pytest.approx(1.0)
    status, out, _ = seqzoo("predict", critic, "apple bag")
    assert out == f"{first['label']}  {first['probability']:.3f}\n"
    status, out, _ = seqzoo("predict", critic, "apple bag", "--plot")
    heaviest = max(first["words"], key=lambda w: w["weight"])["word"]
    assert f"\x1b[48;2;230;159;0m{heaviest}\x1b[0m" in out


def test_an_empty_review_has_no_class(seqzoo, critic):
    status, out, err = seqzoo("predict", critic, "apple", " ")
    assert (status, out) == (2, "")
    assert err == "Error: INPUT must have a word or more. Received: ' '\n"


def test_colours_are_of_a_classifier(seqzoo):
    status, _, err = seqzoo("predict", "gru_tagger.atis", "--plot", "hello")
    assert status == 2 and "--plot needs a classifier" in err


@pytest.fixture(scope="module")
def mover(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mover") / "preset"
    registry.create("bi_gru_series", **SeriesClassifier.tiny()).save_to_preset(folder)
    return str(folder)


def test_a_csv_file_is_classified(seqzoo, mover, tmp_path):
    (tmp_path / "a.csv").write_text("t,y,x\n0,1,2\n1,3,4\n")
    status, out, _ = seqzoo("predict", mover, str(tmp_path / "a.csv"), "--json")
    (found,) = json.loads(out)
    model = registry.load(mover)
    ((label, chance),) = model.predict_series([np.array([[2.0, 1.0], [4.0, 3.0]])])
    assert (status, found["label"]) == (0, label)
    assert found["probability"] == pytest.approx(chance)
    status, out, _ = seqzoo("predict", mover, str(tmp_path / "a.csv"))
    assert (status, out) == (0, f"{label}  {chance:.3f}\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("x\n1\n", "must have a column 'y'. Received: x"),
        ("x,y\n1,fast\n", "line 2, column y: must be a finite number"),
    ],
)
def test_a_csv_file_that_is_none(seqzoo, mover, tmp_path, content, message):
    (tmp_path / "a.csv").write_text(content)
    status, out, err = seqzoo("predict", mover, str(tmp_path / "a.csv"))
    assert (status, out) == (2, "") and message in err and err.count("\n") == 1
    status, _, err = seqzoo("predict", mover, str(tmp_path / "none.csv"))
    assert status == 2 and "none.csv: cannot be read" in err
