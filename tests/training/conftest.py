"""A tiny recipe on the set that the package ships."""

import pathlib

import pytest

RECIPE = """
model:
  name: bi_gru_tagger
  overrides:
    units: 16
    num_layers: 1
    embedding_size: 16
    character_size: 8
    character_filters: 8
    dropout: 0.1
data:
  dataset: train_tickets
  batch_size: 8
  word_dropout: 0.2
training:
  epochs: 2
  learning_rate: 0.01
  ema: 0.9
"""


@pytest.fixture(scope="session")
def recipe_text() -> str:
    return RECIPE


@pytest.fixture
def recipe_file(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "bi_gru_tagger.tiny.yaml"
    path.write_text(RECIPE)
    return path
