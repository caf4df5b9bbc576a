"""The table of what quantisation costs."""

import importlib.util
import pathlib
import sys

import pytest

from keras_seqzoo import registry

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "quantization_table.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("quantization_table", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(tag, loss, metric="slot F1", limit=0.5):
    """Of a model whose int8 file has this loss."""
    kinds = ("float32", "float16", "int8", "int8_weights", "full_int8")
    files = {kind: {"loss": 0.0, "bytes": 2_000_000} for kind in kinds}
    return {
        "tag": tag,
        "metric": metric,
        "limit": limit,
        "keras": 90.0,
        "files": files | {"int8": {"loss": loss, "bytes": 5}},
    }


def test_losses_and_gains_are_signed_and_each_has_its_limit(tool):
    rows = [row("a.x", -0.25), row("b.x", 0.25), row("c.x", 0.06, "frame NLL", 0.05)]
    lines = tool.table(rows).splitlines()
    assert lines[0].split(" | ")[3:5] == ["`float16`", "`int8`"]
    assert "| a.x | slot F1 90.00 | 0; 2.00 MB | 0; 2.00 MB | −0.25; 0.00" in lines[2]
    assert "| +0.25; 0.00 MB |" in lines[3]
    assert lines[-1] == (
        "Largest loss allowed: slot F1 0.5, frame NLL 0.05: **missed** by c.x int8."
    )
    assert tool.table(rows[:2]).endswith("slot F1 0.5: reached by all.")


def test_a_pretrained_tag_without_a_row_is_named(tool, monkeypatch):
    tags = ["a.x", "b.x", "transformer.multi30k"]  # the last has its own table
    monkeypatch.setattr(registry, "list_models", lambda pretrained: tags)
    assert tool.without_row([row("a.x", 0.0)]) == ["b.x"]


def test_the_readme_is_up_to_date(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quantization_table.py", "--check"])
    assert tool.main() == 0, capsys.readouterr().out
