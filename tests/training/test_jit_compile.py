"""XLA where the recipe asks for it."""

import keras
import numpy as np
import pytest
from tensorflow.python.framework import config

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import checkpoint, train
from keras_seqzoo.training.tasks.series_classification import (
    Series,
    SeriesClassification,
)

RECIPE = """
model:
  name: bi_gru_series
  overrides: {units: 4, num_layers: 1, dropout: 0.3}
data:
  dataset: japanese_vowels
  validation: null
  batch_size: 4
training:
  epochs: 3
  ema: 0.9
  jit_compile: true
"""
RNG = np.random.default_rng(0)
ROWS = [Series(RNG.normal(size=(n, 12)).astype("float32"), str(n)) for n in (7, 9)] * 8


class Interrupt(keras.callbacks.Callback):
    """Says whether XLA is at work, and stops in the second epoch."""

    found = None

    def on_epoch_begin(self, epoch, logs=None):
        self.found, self.epoch = self.model.jit_compile, epoch

    def on_train_batch_end(self, batch, logs=None):
        if (self.epoch, batch) == (1, 1):
            raise KeyboardInterrupt


def test_it_is_compiled_and_resumes_with_the_same_bits(tmp_path, monkeypatch):
    monkeypatch.setattr(SeriesClassification, "read", lambda *_: ROWS)
    path, interrupt = tmp_path / "bi_gru_series.tiny.yaml", Interrupt()
    path.write_text(RECIPE)
    config.enable_op_determinism()  # as a training before it in this process did
    train(path, run_dir=tmp_path / "whole", threads=1, verbose=0)
    with pytest.raises(KeyboardInterrupt):
        train(
            path,
            run_dir=tmp_path / "cut",
            threads=1,
            verbose=0,
            callbacks=[interrupt],
        )
    assert interrupt.found is True
    train(path, run_dir=tmp_path / "cut", threads=1, verbose=0)
    _, expected = checkpoint.latest(tmp_path / "whole" / "checkpoints")
    _, found = checkpoint.latest(tmp_path / "cut" / "checkpoints")
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_a_model_that_xla_cannot_compile_is_one_line(recipe_file, tmp_path, recwarn):
    match = r"training.jit_compile: must be false .*its StringLookup. Received: True"
    with pytest.raises(UserError, match=match):
        train(
            recipe_file,
            run_dir=tmp_path / "run",
            overrides={"training.jit_compile": True},
            verbose=0,
        )
    assert not [w for w in recwarn if "jit_compile" in str(w.message)]
