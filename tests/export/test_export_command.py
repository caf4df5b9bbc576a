"""`seqzoo export` and `seqzoo predict` on what it wrote."""

import json

import keras
import pytest

from keras_seqzoo import registry, training
from keras_seqzoo.cli import main
from keras_seqzoo.errors import UserError
from keras_seqzoo.export import export
from keras_seqzoo.layers import PeepholeLSTM
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


RECIPE = """
model:
  name: gru_tagger
  overrides: {units: 24, num_layers: 1, embedding_size: 24, character_size: 4,
    character_filters: 4, dropout: 0.0}
data: {dataset: train_tickets, batch_size: 8}
training: {epochs: 12, learning_rate: 0.03, ema: 0.5}
"""


def test_a_data_set_measures_a_quantised_file(tmp_path, capfd):
    recipe = tmp_path / "gru_tagger.tickets.yaml"
    recipe.write_text(RECIPE)
    tag, path = str(tmp_path / "preset"), str(tmp_path / "x.tflite")
    training.train(recipe, output=tag, run_dir=tmp_path / "run")
    capfd.readouterr()
    data = ["--dataset", "train_tickets", "--split", "validation"]
    quantize = ["--quantize", "full_int8", "--no-streaming"]
    allowed = ["--max-loss", "20", "--json"]
    assert main(["export", tag, path, *quantize, *data, *allowed]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["max_loss"] == 20
    for name, figure in ((tag, "keras_metric"), (path, "metric")):
        assert main(["evaluate", name, *data, "--json"]) == 0
        value = json.loads(capfd.readouterr().out)["value"]
        assert value > 20 and value == pytest.approx(report[figure], abs=0.006)


def test_full_int8_without_data(preset, tmp_path, capfd):
    arguments = [
        "export",
        preset,
        str(tmp_path / "x.tflite"),
        "--quantize",
        "full_int8",
    ]
    assert main(arguments) == 2
    assert (
        "--quantize full_int8 needs --dataset or --data-dir" in capfd.readouterr().err
    )


def test_an_exported_file_names_its_data_set(tmp_path):
    path = tmp_path / "x.onnx"
    export(registry.load("simple_rnn_tagger.atis"), path, streaming=False)
    with pytest.raises(UserError, match="data_dir|atis"):
        training.evaluate(path, data_dir=str(tmp_path))


def test_evaluate_of_a_file_that_is_no_tagger(exported):
    with pytest.raises(
        UserError, match=r"small.tflite must be the file of a model of the zoo"
    ):
        training.evaluate(exported["small.tflite"].path, dataset="train_tickets")


def test_any_model_in_a_keras_file(tmp_path, capfd):
    path, written = tmp_path / "mine.keras", tmp_path / "mine.onnx"
    x = keras.Input((None, 3))
    keras.Model(x, PeepholeLSTM(4)(keras.layers.GRU(5, return_sequences=True)(x))).save(
        path
    )
    assert main(["export", str(path), str(written), "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["max_difference"] < 1e-5
    path.write_bytes(path.read_bytes()[:200])
    for file, words, message in (
        (path, [], "mine.keras: cannot be loaded: "),
        (tmp_path / "none.keras", [], "must be a file that is there"),
        (path, ["--dataset", "atis"], "are for models of the zoo"),
    ):
        assert main(["export", str(file), str(tmp_path / "x.onnx"), *words]) == 2
        out, err = capfd.readouterr()
        assert not out and message in err and err.count("\n") == 1
