"""`seqzoo export` and `seqzoo predict` on what it wrote."""

import json

import keras
import pytest

from keras_seqzoo.cli import main
from keras_seqzoo.models import SlotTagger


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    keras.utils.set_random_seed(0)
    tagger = SlotTagger(**SlotTagger.tiny(), bidirectional=False, cell="lstm")
    tagger.architecture = "lstm_tagger"
    folder = tmp_path_factory.mktemp("preset") / "tiny"
    tagger.save_to_preset(folder)
    return str(folder)


def test_an_exported_file_predicts_as_its_preset(preset, tmp_path, capfd):
    path = str(tmp_path / "x.tflite")
    assert main(["export", preset, path, "--streaming", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["signatures"] == ["serve", "step"]
    answers = []
    for tag in (preset, path):
        assert main(["predict", tag, "A cat, a bag", "--json"]) == 0
        answers.append(json.loads(capfd.readouterr().out))
    assert answers[0] == answers[1] and len(answers[0][0]) == 4

    assert main(["export", preset, path]) == 2
    out, err = capfd.readouterr()
    assert not out and "exists already" in err and len(err.splitlines()) == 1
    assert main(["export", preset, path, "--overwrite", "--no-streaming"]) == 0
    assert "none: streaming=False" in capfd.readouterr().out


def test_predict_of_a_damaged_file(tmp_path, capfd):
    (tmp_path / "x.onnx").write_bytes(b"not a model")
    assert main(["predict", str(tmp_path / "x.onnx"), "a cat"]) == 2
    out, err = capfd.readouterr()
    assert not out and "x.onnx is damaged" in err and len(err.splitlines()) == 1
