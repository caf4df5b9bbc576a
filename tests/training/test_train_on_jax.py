"""Training elsewhere: what is packed is what the pipeline has, and comes back."""

import json
import types

import numpy as np
import pytest
import train_on_jax

from keras_seqzoo import training
from keras_seqzoo.datasets.pipeline import IGNORED
from keras_seqzoo.training.preparation import prepare
from keras_seqzoo.training.recipe import read_recipe
from keras_seqzoo.training.strategy import make_strategy

RECIPE = """
model:
  name: gru_tagger
  overrides: {units: 8, num_layers: 1, embedding_size: 8, dropout: 0.2}
data: {dataset: train_tickets, tokens_per_batch: 60, bucket_boundaries: [8, 11]}
training: {epochs: 2, learning_rate: 0.01}
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "gru_tagger.tickets.yaml"
    path.write_text(RECIPE)
    return path


@pytest.fixture
def packed(recipe, tmp_path):
    train_on_jax.pack(recipe, None, tmp_path / "job")
    return tmp_path / "job"


def test_the_packed_batches_are_the_pipelines(recipe, packed):
    prepared = prepare(read_recipe(recipe), recipe, None, make_strategy("none"))
    with np.load(packed / "arrays.npz") as stored:
        arrays = dict(stored)
    for epoch in range(2):
        theirs = list(prepared.batches(epoch, epoch + 1).as_numpy_iterator())
        ours = list(train_on_jax._batches(arrays, "train", epoch))
        assert len(ours) == len(theirs) > 3
        for (x, y, w), (inputs, targets, weights) in zip(ours, theirs):
            rows, length = targets.shape
            assert x.keys() == inputs.keys()
            for name, values in inputs.items():
                np.testing.assert_array_equal(x[name][:rows, :length], values)
                assert not x[name][rows:].any() and not x[name][:, length:].any()
            np.testing.assert_array_equal(y[:rows, :length], targets)
            assert (y[rows:] == IGNORED).all() and (y[:, length:] == IGNORED).all()
            np.testing.assert_allclose(w[:rows, :length], weights, rtol=1e-6)
            np.testing.assert_allclose(w.sum(), 1.0, rtol=1e-6)


def test_what_comes_back_is_a_training_at_its_end(recipe, packed, tmp_path):
    model = prepare(read_recipe(recipe), recipe, None, make_strategy("none")).model
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=w.shape).astype("float16") for w in model.weights]
    result, run = tmp_path / "done" / "tickets", tmp_path / "run"
    result.parent.mkdir()
    np.savez(result.with_suffix(".npz"), *weights)
    history = [{"epoch": 1, "loss": 2.0, "dev_loss": 1.5}]
    state = {"epochs": 1, "best_epoch": 1, "seconds": 4.0, "history": history}
    state["device"] = "a GPU"
    result.with_suffix(".json").write_text(json.dumps(state))
    train_on_jax.unpack(recipe, None, result, run)
    found = training.train(recipe, run_dir=run, output=tmp_path / "preset", verbose=0)
    assert (found["epochs"], found["train_seconds"], found["device"]) == (1, 4, "a GPU")
    stored = training.evaluate(tmp_path / "preset", split="validation")
    assert found["dev_value"] == pytest.approx(stored["value"], abs=0.01)
    assert "a GPU" in (tmp_path / "preset" / "README.md").read_text()


def test_packages_that_are_absent_stand_in_for_themselves():
    absent = train_on_jax._AbsentPackages()
    assert absent.find_spec("tensorflow.data") and not absent.find_spec("numpy")
    tf = absent.create_module(types.SimpleNamespace(name="tensorflow"))

    @tf.function(input_signature=[tf.TensorSpec(None, tf.int32)])
    def kept():
        return 3

    assert kept() == 3
