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


def test_another_figure_makes_another_page(results, monkeypatch, tmp_path, capsys):
    measured = json.loads(results.MEASURED.read_text("utf-8"))
    measured["tags"]["gru_tagger.atis"]["ONNX"]["bytes"] += 10**6
    (tmp_path / "tags.json").write_text(json.dumps(measured))
    monkeypatch.setattr(results, "MEASURED", tmp_path / "tags.json")
    monkeypatch.setattr(sys, "argv", ["results.py", "--check"])
    assert results.main() == 1
    assert capsys.readouterr().out == "RESULTS.md: run tools/results.py\n"
