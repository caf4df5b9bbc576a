"""The cards of the shipped presets are what the generator writes."""

import importlib.util
import pathlib
import re
import shutil

import pytest

from keras_seqzoo import registry
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
