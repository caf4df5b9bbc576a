import numpy as np
import pytest

import keras_seqzoo as seqzoo
from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.models import SlotTagger
from keras_seqzoo.presets import store


@pytest.fixture(scope="module")
def tagger():
    return seqzoo.create("bi_gru_tagger", **SlotTagger.tiny())


@pytest.fixture(scope="module")
def preset(tagger, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "mine"
    tagger.save_to_preset(folder)
    return folder


def test_weights_that_do_not_fit_are_named(tagger, tmp_path):
    config = tagger.get_config()
    assets = {key: config.pop(key) for key in tagger.asset_keys}
    weights = {name: np.array(w) for name, w in tagger.named_weights().items()}
    lost = weights.pop("head/bias")
    whole = {"architecture": "bi_gru_tagger", "config": config}
    store.write(tmp_path / "lacks", whole, weights, assets, "")
    weights["tail/kernel"] = weights["tail/bias"] = lost
    store.write(tmp_path / "lacks", whole, weights, assets, "")
    with pytest.raises(PresetError, match="head/bias.*tail/bias, tail/kernel"):
        seqzoo.load(tmp_path / "lacks")
    del weights["tail/kernel"], weights["tail/bias"]
    weights["head/bias"] = lost[:1]
    store.write(tmp_path / "shape", whole, weights, assets, "")
    with pytest.raises(PresetError, match=r"head/bias.*shape"):
        seqzoo.load(tmp_path / "shape")


@pytest.mark.parametrize("head", [{"num_classes": 9}, {"labels": ["O", "B-x"]}])
def test_a_new_head_keeps_the_body(tagger, preset, head):
    mine = seqzoo.load(preset, **head)
    old, new = tagger.named_weights(), mine.named_weights()
    for name in new:
        if not name.startswith("head/"):
            np.testing.assert_array_equal(np.array(new[name]), np.array(old[name]))
    assert len(mine.labels) == head.get("num_classes", 2)


def test_dropout_may_change_on_load_and_the_body_may_not(preset):
    assert seqzoo.load(preset, dropout=0.1).config["dropout"] == 0.1
    with pytest.raises(UserError, match=r"units.*body"):
        seqzoo.load(preset, units=12)
    with pytest.raises(UserError, match=r"body"):
        seqzoo.load(preset, cell="lstm")
    with pytest.raises(UserError, match="'classes'"):
        seqzoo.load(preset, classes=3)


@pytest.mark.parametrize(
    "override",
    [
        {"vocabulary": ["a", "b", "c", "d", "e"]},
        {"cell_arguments": {"activation": "relu"}},
    ],
)
def test_a_body_of_the_same_shapes_that_computes_otherwise(preset, override):
    with pytest.raises(UserError, match=r"body.*create\(\)"):
        seqzoo.load(preset, **override)


def test_dropout_alone_keeps_the_trained_head(tagger, preset):
    mine = seqzoo.load(preset, dropout=0.5, cell_arguments={"recurrent_dropout": 0.1})
    inputs = tagger.example_inputs(2, 5)
    np.testing.assert_allclose(mine(inputs), tagger(inputs), atol=1e-6)
