"""The table of what quantisation costs."""

import importlib.util
import pathlib
import sys

import pytest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "quantization_table.py"


@pytest.fixture
def tool():
    spec = importlib.util.spec_from_file_location("quantization_table", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(tag, f1):
    """Of a model with F1 90 in Keras and `f1` as int8."""
    kinds = ("float32", "float16", "int8", "int8_weights", "full_int8")
    files = {kind: {"f1": 90.0, "bytes": 2_000_000} for kind in kinds}
    return {
        "tag": tag,
        "keras": 90.0,
        "files": files | {"int8": {"f1": f1, "bytes": 5}},
    }


def test_losses_and_gains_are_signed_and_the_worst_decides(tool):
    lines = tool.table([row("a.x", 90.25), row("b.x", 89.25)]).splitlines()
    assert lines[0].split(" | ")[3:5] == ["`float16`", "`int8`"]
    assert "| a.x | 90.00 | 0; 2.00 MB | 0; 2.00 MB | +0.25; 0.00 MB |" in lines[2]
    assert "| −0.75; 0.00 MB |" in lines[3]
    assert lines[4].split(" | ")[2:4] == ["0: reached", "−0.75: **missed**"]


def test_the_readme_is_up_to_date(tool, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["quantization_table.py", "--check"])
    assert tool.main() == 0, capsys.readouterr().out
