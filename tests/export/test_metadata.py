"""What is known about a model is inside its file, where standard tools find it."""

import hashlib
import json
import zipfile

import keras
import onnx
import pytest

import keras_seqzoo
from keras_seqzoo.export import export
from keras_seqzoo.models import SlotTagger

QUICK = {"batches": (1,), "lengths": (5,)}


@pytest.fixture(scope="module")
def tagger():
    keras.utils.set_random_seed(0)
    tagger = SlotTagger(**SlotTagger.tiny(), bidirectional=False, cell="gru")
    tagger.architecture, tagger.tag, tagger.card = "gru_tagger", "test", "# Kissa 猫\n"
    return tagger


def texts_of(path):
    if path.suffix == ".tflite":
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            return {name: archive.read(name).decode() for name in archive.namelist()}
    model = onnx.load(path)
    onnx.checker.check_model(model)
    return {entry.key: entry.value for entry in model.metadata_props}


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_a_zoo_model(suffix, tagger, tmp_path):
    path = tmp_path / f"x.{suffix}"
    export(tagger, path, **QUICK)
    texts = texts_of(path)
    checksum = texts.pop("sha256")
    for key in ("vocabulary", "characters", "labels"):
        assert texts[f"{key}.txt"].splitlines() == tagger.config[key]
    assert texts["README.md"] == "# Kissa 猫\n"
    about = json.loads(texts["seqzoo.json"])
    assert about["keras_seqzoo"] == keras_seqzoo.__version__
    assert about["model"] == {
        "architecture": "gru_tagger",
        "tag": "test",
        "name": "slot_tagger",
        "parameters": tagger.count_params(),
    }
    assert about["task"] == {"kind": "slot_tagging", "word_length": 8}
    characters = {"dtype": "int32", "shape": ["batch", "length", 8]}
    scores = {"dtype": "float32", "shape": ["batch", "length", 4]}
    for signature in about["signatures"].values():
        assert signature["inputs"]["characters"] == characters
        assert signature["outputs"]["scores"] == scores
    state = {"dtype": "float32", "shape": ["batch", 8]}
    assert about["signatures"]["step"]["inputs"]["state_1"] == state
    assert about["signatures"]["step"]["outputs"]["next_state_1"] == state
    assert about["initial_states"][1] == state | {
        "name": "state_1",
        "next": "next_state_1",
        "layer": "layer_1",
        "value": 0,
    }
    assert about["time_axes"] == {"labels": 1, "scores": 1}

    # The checksum, as docs/export.md describes it.
    data = path.read_bytes()
    if suffix == "tflite":
        with zipfile.ZipFile(path) as archive:
            content = data[: archive.infolist()[0].header_offset]
    else:
        model = onnx.load(path)
        del model.metadata_props[:]
        content = model.SerializeToString(deterministic=True)
        assert data.startswith(content)
    for name, text in texts.items():
        content += f"{name}\0{text}\0".encode()
    assert checksum == hashlib.sha256(content).hexdigest()


def test_any_other_model(small, tmp_path):
    for path in (tmp_path / "x.tflite", tmp_path / "x.onnx"):
        export(small, path, streaming=False, **QUICK)
        texts = texts_of(path)
        assert set(texts) == {"seqzoo.json", "sha256"}
        about = json.loads(texts["seqzoo.json"])
        assert about["task"] is about["model"]["architecture"] is None
        assert set(about["signatures"]) == {"serve"} and about["initial_states"] == []


@pytest.mark.parametrize("suffix", ["tflite", "onnx"])
def test_bytes_are_the_same_each_time(suffix, small, tmp_path):
    found = []
    for path in (tmp_path / f"a.{suffix}", tmp_path / f"b.{suffix}"):
        export(small, path, **QUICK)
        found.append((path.read_bytes(), texts_of(path)))
    if suffix == "tflite":
        assert found[0] == found[1]
    for _, texts in found:  # tf2onnx's own order of nodes is not always the same
        del texts["sha256"]
    assert found[0][1] == found[1][1]
