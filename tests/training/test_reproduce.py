import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import reproduce
from keras_seqzoo.training.reproduce import find_recipe

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


def test_the_figure_decides(recipes, tmp_path):
    run = tmp_path / "run"
    result = reproduce(TAG, recipes=recipes(0.0), run_dir=run, verbose=0)
    assert result["passed"] and result["tag"] == TAG
    assert result["value"] >= 0 and (run / TAG / "README.md").exists()
    again = reproduce(TAG, recipes=recipes(100.0), run_dir=run, verbose=0)
    assert not again["passed"]
    assert again | {"passed": True, "expected": 0.0} == result  # not trained again


def test_a_recipe_without_a_figure(recipes):
    with pytest.raises(UserError, match="expected: is missing"):
        reproduce(TAG, recipes=recipes(None))


def test_recipes_that_are_not_there(recipes, tmp_path):
    with pytest.raises(UserError, match=f"tag must be one of {TAG}. Received: 'x.y'"):
        find_recipe("x.y", recipes(1.0))
    with pytest.raises(UserError, match="recipes must be the folder zoo_configs/"):
        find_recipe(TAG, tmp_path / "nowhere")
