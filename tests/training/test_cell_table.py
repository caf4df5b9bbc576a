import importlib.util
import json
import pathlib
import sys

import pytest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "cell_table.py"


@pytest.fixture(scope="module")
def cell_table():
    spec = importlib.util.spec_from_file_location("cell_table", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def result(tag, seed, value, dev_value=90.0):
    return {
        "tag": tag,
        "seed": seed,
        "value": value,
        "dev_value": dev_value,
        "parameters": 123456,
        "train_seconds": 61.4,
    }


def write(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def test_rows_come_from_presets_and_results(cell_table, tmp_path):
    presets, results = tmp_path / "presets", tmp_path / "results"
    write(
        presets / "g" / "config.json", {"metadata": result("bi_gru_tagger.atis", 1, 97)}
    )
    write(presets / "x" / "config.json", {"metadata": {}})  # Not from a training.
    for seed, value in [(1, 11.0), (2, 94.0), (3, 96.5)]:
        name = f"runs/{seed}/result.json"
        write(tmp_path / name, result("bi_gru_tagger.atis", seed, value))
    write(tmp_path / "runs/lstm/result.json", result("lstm_tagger.atis", 1, 91.0, None))
    cell_table.collect(tmp_path / "runs", results)
    found = cell_table.stored_results(presets, results)
    rows = cell_table.table(found, cell_table.shipped_presets(presets)).splitlines()
    assert rows[2:] == [
        "| LSTM | one | 91.00 | - | - | 123,456 | 61 | 1 |",
        "| GRU | both | 96.50 (median of 3; 94.00 to 97.00) | 97.00 "
        "| 90.00 (median of 3; 90.00 to 90.00) | 123,456 | 61 | 1, 2, 3 |",
    ]
    assert {row.count("|") for row in rows} == {9}


def test_the_readme_is_up_to_date(cell_table, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["cell_table.py", "--check"])
    assert cell_table.main() == 0, capsys.readouterr().out


def test_minutes_say_which_are_of_a_gpu(cell_table):
    runs = [{"train_seconds": seconds} for seconds in (60, 120, 600)]
    assert cell_table.minutes(runs) == "2.0"
    on_gpu = {"train_seconds": 0, "device": "x"}
    assert cell_table.minutes([*runs, on_gpu]) == "1.5 (GPU)"
