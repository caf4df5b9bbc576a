"""The cards of the shipped presets are what the generator writes."""

import importlib.util
import pathlib
import re
import shutil

import numpy as np
import pytest

import keras_seqzoo
from keras_seqzoo import registry
from keras_seqzoo.models import ZooModel
from keras_seqzoo.presets import store

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "cards.py"


@pytest.fixture(scope="module")
def cards():
    spec = importlib.util.spec_from_file_location("cards", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_shipped_cards_are_up_to_date(cards, capsys):
    status = cards.main(["--check"])
    assert (status, capsys.readouterr().out) == (0, "up to date\n")


@pytest.mark.parametrize("tag", registry.list_models(pretrained=True))
def test_a_card_names_model_source_figure_and_licence(cards, tag):
    info = registry.info(tag)
    text = store.read(cards.PRESETS / tag).card
    source = re.search(r"\(.*\d{4}\)|Elman 1990", info.description).group()
    for part in (source, str(info.value), f"{info.parameters:,}", info.licence):
        assert part in text


# One of each kind of example, the smallest.
EXAMPLES = (
    "simple_rnn_tagger.atis",
    "bi_gru_series.japanese_vowels",
    "coupled_lstm_series.uci_har",
    "bi_peephole_sentiment.sst2",
    "lstm_show_and_tell.flickr8k",
    "lstm_character_model.folk_abc",
    "simple_rnn_word_model.ptb",
    "scrn_piano_roll.jsb",
    "bi_peephole_speech.an4",
    "coupled_lstm_speech.connected_digits",
    "lstm_luong_translator.multi30k",
    "transformer.tatoeba_en_zh",
)


def test_an_example_is_run_of_every_task():
    tasks = {registry.info(tag).metadata["dataset"] for tag in EXAMPLES}
    every = registry.list_models(pretrained=True)
    missed = {registry.info(tag).metadata["dataset"] for tag in every} - tasks
    assert missed == {"mr", "nottingham", "snips", "fsdd"}  # as another's


@pytest.mark.parametrize("tag", EXAMPLES)
def test_the_example_of_a_card_runs_as_printed(cards, tag, monkeypatch, capsys):
    """Up to the first batch of `fit`, and but for the export: others test these."""
    tuned, exported = [], []

    def fit(model, dataset, **_):
        inputs, targets, weights = next(iter(dataset))
        loss = model.compute_loss(inputs, targets, model(inputs), weights)
        assert np.isfinite(loss) and loss > 0
        tuned.append(model)

    monkeypatch.setattr(ZooModel, "fit", fit)
    monkeypatch.setattr(keras_seqzoo, "export", lambda *given: exported.append(given))
    card = store.read(cards.PRESETS / tag).card
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    names = {}
    exec(compile(code, f"{tag}/README.md", "exec"), names)
    assert exported == [(tuned[0], "model.tflite")]
    if "labels=" in code:  # what is tuned is the model with the new head
        assert len(tuned[0].labels) == 2
    assert names["model"] is tuned[0]


def test_an_old_card_is_found_and_written_anew(cards, tmp_path, capsys):
    name = "simple_rnn_tagger.atis"
    preset = tmp_path / name
    shutil.copytree(cards.PRESETS / name, preset)
    before = {file.name: file.read_bytes() for file in preset.iterdir()}
    cards.replace_card(preset, b"# Old\n")
    assert store.read(preset).card == "# Old\n"  # its checksum went with it
    assert cards.main(["--check"], tmp_path) == 1
    assert name in capsys.readouterr().out
    assert cards.main([], tmp_path) == 0
    assert {file.name: file.read_bytes() for file in preset.iterdir()} == before
