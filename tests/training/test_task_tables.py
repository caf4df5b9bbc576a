"""README's tables of language models, sentiment and series, from stored figures."""

import importlib.util
import pathlib

import pytest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "task_tables.py"


@pytest.fixture(scope="module")
def task_tables():
    spec = importlib.util.spec_from_file_location("task_tables", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(dataset, value, split="test", **settings):
    settings = {"num_layers": 2, "units": 96, "dropout": 0.3, **settings}
    return {
        "dataset": dataset,
        "split": split,
        "metric": "accuracy",
        "value": value,
        "parameters": 1234,
        "train_seconds": 90.0,
        "recipe": {"model": {"overrides": settings}},
    }


def test_readme_is_up_to_date(task_tables, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["task_tables.py", "--check"])
    assert task_tables.main() == 0, capsys.readouterr().out


def test_a_section_that_is_old_names_the_tool(task_tables, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["task_tables.py", "--check"])
    monkeypatch.setattr(task_tables, "table", lambda found, spec: "another")
    assert task_tables.main() == 1
    assert "README.md: run tools/task_tables.py\n" in capsys.readouterr().out


def test_rows_are_of_the_sections_sets_in_their_order(task_tables):
    found = {
        "a.last": {1: run("last", 90.0)},
        "b.first": {n: run("first", 80.0 + n) for n in (1, 2, 3)},
        "c.other": {1: run("other", 70.0)},
    }
    spec = task_tables.Table(
        {"first/test": "First", "last/test": "Last"},
        (task_tables.Published("theirs", "First", "88.0", dropout="0"),),
    )
    assert task_tables.table(found, spec).splitlines() == [
        "| model | data | layers x units | dropout | accuracy (test) | parameters "
        "| training, min |",
        "|---|---|---|---|---|---|---|",
        "| b.first | First | 2 x 96 | 0.3 | 82.00 (median of 3; 81.00 to 83.00) "
        "| 1,234 | 1.5 |",
        "| a.last | Last | 2 x 96 | 0.3 | 90.00 | 1,234 | 1.5 |",
        "| theirs | First | - | 0 | 88.0 | - | - |",
    ]


def test_context_units_are_beside_the_others(task_tables):
    context = {"context_units": 40}
    found = {"a.x": {1: run("x", 90.0, num_layers=1, cell_arguments=context)}}
    rows = task_tables.table(found, task_tables.Table({"x/test": "X"}, ())).splitlines()
    assert "| 1 x 96 + 40 |" in rows[2]


def test_parts_of_a_set_have_names_of_their_own(task_tables):
    found = {
        "a.x": {1: run("x", 90.0)},
        "a.x_64": {1: run("x", 80.0, "test_64")},
        "a.x_32": {1: run("x", 70.0, "test_32")},
    }
    spec = task_tables.Table({"x/test": "Whole", "x/test_64": "Half"}, ())
    rows = task_tables.table(found, spec).splitlines()[2:]
    assert [row.split(" | ")[:2] for row in rows] == [
        ["| a.x", "Whole"],
        ["| a.x_64", "Half"],
    ]
