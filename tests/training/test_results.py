"""RESULTS.md is what the tool writes from the stored figures."""

import importlib.util
import json
import pathlib
import sys

import pytest

from keras_seqzoo import registry

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "results.py"


@pytest.fixture(scope="module")
def results():
    spec = importlib.util.spec_from_file_location("results", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_up_to_date(results, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["results.py", "--check"])
    assert results.main() == 0, capsys.readouterr().out


def test_every_tag_has_its_stored_figures(results):
    measured = json.loads(results.MEASURED.read_text("utf-8"))
    page = results.text(measured)
    for tag in registry.list_models(pretrained=True):
        info = registry.info(tag)
        first, second = (row for row in page.splitlines() if f"`{tag}`" in row)
        assert f"| {info.value:.2f} |" in first and f"{info.parameters:,}" in first
        for file in measured["tags"][tag].values():
            assert (
                f"{file['bytes'] / 1e6:.2f} MB, {file['latency_ms']:.2f} ms" in second
            )


def row_of(page, tag):
    return next(row for row in page.splitlines() if f"`{tag}`" in row)


def test_several_seeds_have_a_median_and_their_span(results, monkeypatch, tmp_path):
    measured = json.loads(results.MEASURED.read_text("utf-8"))
    stored = registry.info("gru_piano_roll.nottingham").metadata
    for seed, value in ((2, 3.0), (3, 3.5)):
        run = {**stored, "seed": seed, "value": value}
        (tmp_path / f"{seed}.json").write_text(json.dumps(run))
    monkeypatch.setattr(results, "SEEDS", tmp_path)
    page = results.text(measured)
    row = row_of(page, "gru_piano_roll.nottingham")
    assert "| 3.35 | 3.35 (median of 3; 3.00 to 3.50) | " in row
    assert "| 8.17 | - | " in row_of(page, "lstm_piano_roll.jsb")


@pytest.mark.parametrize(
    ("tag", "published"),
    [
        ("simple_rnn_piano_roll.nottingham", "4.05 (RNN (Bai et al. 2018))"),
        ("gru_piano_roll.nottingham", "3.46 (GRU (Bai et al. 2018))"),
        ("peephole_lstm_piano_roll.jsb", "8.45 (LSTM (Bai et al. 2018))"),
    ],
)
def test_music_is_beside_the_same_cells_figure(results, tag, published):
    measured = json.loads(results.MEASURED.read_text("utf-8"))
    assert f"| {published} |" in row_of(results.text(measured), tag)


def test_the_page_says_how_high_the_pictures_are(results):
    measured = json.loads(results.MEASURED.read_text("utf-8"))
    for tag, files in measured["tags"].items():
        if "show_" in tag:
            files["TFLite"]["shape"] = [1, 160]
    assert "one picture 160 pixels high" in results.text(measured)


def test_another_figure_makes_another_page(results, monkeypatch, tmp_path, capsys):
    measured = json.loads(results.MEASURED.read_text("utf-8"))
    measured["tags"]["gru_tagger.atis"]["ONNX"]["bytes"] += 10**6
    (tmp_path / "tags.json").write_text(json.dumps(measured))
    monkeypatch.setattr(results, "MEASURED", tmp_path / "tags.json")
    monkeypatch.setattr(sys, "argv", ["results.py", "--check"])
    assert results.main() == 1
    assert capsys.readouterr().out == "RESULTS.md: run tools/results.py\n"
