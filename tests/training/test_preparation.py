"""The data of a training that begins, and of one that goes on."""

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.training.preparation import prepare
from keras_seqzoo.training.recipe import read_recipe
from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition
from keras_seqzoo.training.tasks.utterances import Utterance

RECIPE = """
model:
  name: bi_peephole_speech
  overrides: {units: 2, num_layers: 1, features: 6, convolution_filters: 0}
data:
  dataset: fsdd
  validation: null
  batch_size: 4
  time_shift: 0.02
  signal_to_noise: [5, 20]
"""


@pytest.fixture
def prepared(tmp_path, monkeypatch):
    """A function of changes to the recipe: what is prepared for it."""
    rng = np.random.default_rng(0)
    rows = [
        Utterance(rng.normal(0.0, 3000.0, size).astype("int16"), text)
        for size in (1600, 2000)
        for text in ("one", "two", "six")
    ]
    monkeypatch.setattr(SpeechRecognition, "read", lambda *_: rows)
    path = tmp_path / "bi_peephole_speech.tiny.yaml"
    path.write_text(RECIPE)

    def of(**changes):
        devices = tf.distribute.get_strategy()
        return prepare(read_recipe(path, changes), path, None, devices)

    return of


def arrays(dataset):
    return [array.numpy() for batch in dataset for array in tf.nest.flatten(batch)]


def test_a_training_that_goes_on_sees_what_it_would_have_seen(prepared):
    whole = arrays(prepared().batches(0, 2))
    again = prepared()
    second = arrays(again.batches(1, 2))
    assert len(whole) == 2 * len(second) == 2 * 3 * again.plan.batches
    for one, other in zip(whole[len(second) :], second):
        np.testing.assert_array_equal(one, other)
    frames = [array for array in whole if array.ndim == 3]
    assert len({array.tobytes() for array in frames}) == len(frames)
    other_seed = arrays(prepared(**{"training.seed": 2}).batches(1, 2))
    assert other_seed[0].tobytes() not in {array.tobytes() for array in frames}


def test_shapes_are_static_where_they_must_be(prepared):
    some = prepared(**{"training.jit_compile": True, "data.bucket_boundaries": [20]})
    shapes = {inputs["frames"].shape for inputs, _, _ in some.batches(0, 1)}
    assert shapes == {(4, 19, 6), (4, 23, 6)}
