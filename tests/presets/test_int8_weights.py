"""Int8 weights: their error, their size, and presets of them."""

import numpy as np
import pytest

import keras_seqzoo as seqzoo
from keras_seqzoo.errors import PresetError
from keras_seqzoo.presets import store
from keras_seqzoo.presets.int8_weights import packed, unpacked

RNG = np.random.default_rng(0)


def test_a_number_moves_by_half_a_step_of_its_row_at_most():
    weights = {
        "matrix": RNG.normal(0, 1, (80, 64)).astype("float32"),
        "filters": RNG.normal(0, 1, (3, 40, 40)).astype("float32"),
        "small": RNG.normal(0, 1, (4, 4)).astype("float32"),
        "bias": RNG.normal(0, 1, 5000).astype("float32"),
    }
    weights["matrix"][7] = 0
    weights["matrix"][8] *= 1000
    kept = packed(weights)
    assert {name: str(a.dtype) for name, a in kept.items()} == {
        "matrix": "int8",
        "matrix#scale": "float32",
        "filters": "int8",
        "filters#scale": "float32",
        "small": "float16",
        "bias": "float16",
    }
    found = unpacked(kept)
    assert set(found) == set(weights)
    for name in ("matrix", "filters"):
        step = np.abs(weights[name]).max(axis=-1, keepdims=True) / 127
        assert (np.abs(found[name] - weights[name]) <= step * 0.5001).all()
    np.testing.assert_array_equal(found["bias"], weights["bias"].astype("float16"))


def test_a_preset_of_int8_is_half_the_size_and_says_nearly_the_same(tmp_path):
    model = seqzoo.create(
        "lstm_word_model", vocabulary=[f"w{i}" for i in range(300)], units=64
    )
    inputs = model.example_inputs(2, 9)
    sizes, answers = {}, {}
    for dtype in ("float16", "int8"):
        folder = tmp_path / dtype
        model.save_to_preset(folder, dtype=dtype)
        sizes[dtype] = (folder / store.WEIGHTS).stat().st_size
        answers[dtype] = np.asarray(seqzoo.load(folder)(inputs))
    assert sizes["int8"] < 0.6 * sizes["float16"]
    spread = answers["float16"].std()
    error = np.abs(answers["int8"] - answers["float16"]).max()
    assert 0 < error < 0.1 * spread


def test_a_scale_without_its_weight_is_foreign(tmp_path):
    model = seqzoo.create("lstm_tagger", num_classes=3, vocabulary=["a"], units=2)
    model.save_to_preset(tmp_path / "x")
    preset = store.read(tmp_path / "x")
    weights = {**preset.weights, "nothing#scale": np.ones((1, 1), "float32")}
    store.write(tmp_path / "x", preset.config, weights, preset.assets, "card")
    with pytest.raises(PresetError, match="nothing#scale"):
        seqzoo.load(tmp_path / "x")
