import sys

import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import reproduce
from keras_seqzoo.training.recipe import Recipe
from keras_seqzoo.training.reproduce import find_recipe
from keras_seqzoo.training.trainer import reaches, shortfall

TAG = "bi_gru_tagger.tiny"


@pytest.fixture
def recipes(tmp_path, recipe_text):
    """A folder of recipes; `(expected figure) -> its path`."""

    def make(value):
        folder = tmp_path / "recipes" / "synced"
        folder.mkdir(parents=True, exist_ok=True)
        expected = (
            ""
            if value is None
            else f"  metric: slot_f1\n  value: {value}\n  tolerance: 0.5\n"
        )
        text = recipe_text.replace("epochs: 2", "epochs: 1")
        text += f"expected:\n{expected}" if expected else ""
        (folder / f"{TAG}.yaml").write_text(text)
        return tmp_path / "recipes"

    return make


def test_the_figure_decides(recipes, tmp_path, capfd):
    run = tmp_path / "run"
    result = reproduce(TAG, recipes=recipes(0.0), run_dir=run, verbose=0)
    assert result["passed"] and result["tag"] == TAG
    assert result["value"] >= 0 and (run / TAG / "README.md").exists()
    again = reproduce(TAG, recipes=recipes(100.0), run_dir=run, verbose=0)
    assert not again["passed"]
    assert again | {"passed": True, "expected": 0.0} == result  # not trained again
    assert "is below" not in capfd.readouterr().err  # the caller says it, once


def test_a_seed_has_a_run_folder_of_its_own(recipes, monkeypatch):
    calls = []

    def train(path, **options):
        calls.append(options)
        raise UserError("not now")

    module = sys.modules["keras_seqzoo.training.reproduce"]  # not the function
    monkeypatch.setattr(module, "train", train)
    for seed in (None, 3):
        with pytest.raises(UserError, match="not now"):
            reproduce(TAG, recipes=recipes(1.0), seed=seed)
    assert [call["run_dir"].name for call in calls] == [TAG, f"{TAG}.seed3"]
    assert calls[1]["overrides"]["training.seed"] == 3


def test_a_recipe_without_a_figure(recipes):
    with pytest.raises(UserError, match="expected: is missing"):
        reproduce(TAG, recipes=recipes(None))


def test_recipes_that_are_not_there(recipes, tmp_path):
    with pytest.raises(UserError, match=f"tag must be one of {TAG}. Received: 'x.y'"):
        find_recipe("x.y", recipes(1.0))
    with pytest.raises(UserError, match="recipes must be the folder zoo_configs/"):
        find_recipe(TAG, tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="of <pattern>/<tag>.yaml.*empty has none"):
        find_recipe(TAG, tmp_path / "empty")


@pytest.mark.parametrize(
    ("name", "metric", "dataset", "right", "wrong"),
    [
        ("gru_tagger", "slot_f1", "atis", [95.0, 94.5, 99.0], [94.4, 0.0]),
        ("gru_piano_roll", "frame_nll", "jsb_chorales", [95.0, 95.5, 8.0], [95.6]),
    ],
)
def test_reached_within_the_tolerance(name, metric, dataset, right, wrong):
    expected = {"metric": metric, "value": 95.0, "tolerance": 0.5}
    sections = {"model": {"name": name}, "data": {"dataset": dataset}}
    recipe = Recipe.model_validate(sections | {"expected": expected})
    assert all(reaches(recipe, value) for value in right)
    assert not any(reaches(recipe, value) for value in wrong)
    worse = "below the recipe's 95.0 - 0.5" if name == "gru_tagger" else "above the "
    assert worse in shortfall(recipe, wrong[0])
