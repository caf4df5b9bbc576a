"""README's table of the cells on music is what the tool writes from stored figures."""

import importlib.util
import pathlib

import numpy as np
import pytest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "music_table.py"


@pytest.fixture(scope="module")
def music_table():
    spec = importlib.util.spec_from_file_location("music_table", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_readme_is_up_to_date(music_table, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["music_table.py", "--check"])
    assert music_table.main() == 0, capsys.readouterr().out


def test_the_floor_on_a_case_worked_by_hand(music_table):
    # From silence the key sounds once in two steps, from sound never in one:
    # (1 + 1) / (2 + 2) = 1/2 and (0 + 1) / (1 + 2) = 1/3.
    train = [np.array([[0], [0], [1], [0]])]
    test = [np.array([[1], [1], [0], [1]])]
    # sound to sound 1/3, to silence 2/3, silence to sound 1/2
    expected = -np.log([1 / 3, 2 / 3, 1 / 2]).sum() / 3
    assert music_table.floor(train, test) == pytest.approx(expected)


def test_the_floor_of_the_real_set(music_table, data_dir):
    floors = music_table.measure_floors(data_dir)
    assert floors["jsb_chorales"] == pytest.approx(10.49, abs=0.005)


def run(value, parameters=1234, units=200):
    recipe = {"model": {"overrides": {"units": units}}}
    return {
        "value": value,
        "parameters": parameters,
        "train_seconds": 60.0,
        "recipe": recipe,
    }


FLOORS = {"jsb_chorales": 10.49, "nottingham": 5.15}


def test_a_row_is_the_median_of_its_seeds(music_table):
    found = {"gru_piano_roll.jsb": {1: run(8.3), 2: run(8.1), 3: run(8.2)}}
    rows = music_table.table(found, FLOORS).splitlines()
    assert rows[2] == (
        "| GRU | 8.20 (median of 3; 8.10 to 8.30) | - | 200 / - | 1,234 / - | 1.0 / - |"
    )
    assert rows[-3].startswith("| each key depends on itself") and "10.49" in rows[-3]


def test_each_set_has_its_own_size(music_table):
    found = {
        "gru_piano_roll.jsb": {1: run(8.3)},
        "gru_piano_roll.nottingham": {n: run(3.1, 5678, 400) for n in (1, 2)},
    }
    rows = music_table.table(found, FLOORS).splitlines()
    assert rows[2] == (
        "| GRU | 8.30 | 3.10 (median of 2; 3.10 to 3.10) | 200 / 400 | 1,234 / 5,678 "
        "| 1.0 / 1.0 |"
    )


def test_a_wide_model_has_a_row_of_its_own(music_table):
    found = {
        "gru_piano_roll.jsb": {1: run(8.3)},
        "gru_piano_roll.jsb_wide": {1: run(8.1, 9999, 600)},
    }
    rows = music_table.table(found, FLOORS).splitlines()
    assert rows[2] == "| GRU | 8.30 | - | 200 / - | 1,234 / - | 1.0 / - |"
    assert rows[3] == "| GRU, wide | 8.10 | - | 600 / - | 9,999 / - | 1.0 / - |"


def test_the_aim_is_for_the_best_median_of_three_seeds(music_table):
    found = {
        "gru_piano_roll.jsb": dict(enumerate(map(run, (8.1, 8.2, 8.3)))),
        "lstm_piano_roll.jsb": {n: run(8.25) for n in range(3)},
        "scrn_piano_roll.jsb": {1: run(8.0)},
        "lstm_piano_roll.nottingham": {n: run(3.05, units=400) for n in range(3)},
    }
    said = music_table.table(found, FLOORS).splitlines()[-1]
    assert "8.10 as an aim, by `gru_piano_roll.jsb`: not reached, 0.10 above" in said
    assert "3.07 as an aim, by `lstm_piano_roll.nottingham`: reached" in said
