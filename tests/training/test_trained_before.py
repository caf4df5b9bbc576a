"""A recipe that starts from the weights of another."""

import numpy as np
import pytest

from keras_seqzoo import registry
from keras_seqzoo.errors import UserError
from keras_seqzoo.training import trainer
from keras_seqzoo.training.preparation import prepare
from keras_seqzoo.training.recipe import check_before, read_recipe
from keras_seqzoo.training.strategy import make_strategy
from keras_seqzoo.training.tasks import task_of


@pytest.fixture
def job(tmp_path, recipe_text):
    """Of a recipe that goes on after another."""
    path = tmp_path / "bi_gru_tagger.second.yaml"
    path.write_text(f"{recipe_text}  after: bi_gru_tagger.first.yaml\n")
    devices = make_strategy("none", None)
    return trainer._Job(read_recipe(path), path, None, tmp_path / "run", devices, (), 0)


@pytest.fixture
def trained(monkeypatch, job):
    """What stands for the training before: the calls, and the weights it saves."""
    calls, weights = [], {}

    def train(recipe_path, *, output, run_dir, **arguments):
        calls.append((recipe_path, run_dir, arguments["data_dir"]))
        model = {**job.recipe.model.overrides, **weights.pop("model", {})}
        task = task_of(job.recipe.model.name)
        rows = task.read("train_tickets", "train", None)
        assets = task.assets(rows, job.recipe.data)
        model = registry.create(job.recipe.model.name, **assets, **model)
        rng = np.random.default_rng(0)
        for name, weight in model.named_weights().items():
            weight.assign(rng.normal(size=weight.shape))
            weights[name] = np.array(weight)
        model.save_to_preset(output)

    monkeypatch.setattr(trainer, "train", train)
    return calls, weights


def prepared(job, first):
    return prepare(job.recipe, job.recipe_path, None, job.devices, first)


def test_it_starts_from_the_weights_of_the_first(job, trained):
    calls, weights = trained
    found = prepared(job, trainer._trained_before(job))
    folder = job.recipe_path.parent
    assert calls == [(folder / "bi_gru_tagger.first.yaml", job.run / "before", None)]
    assert found.model is found.whole
    for name, weight in found.whole.named_weights().items():
        np.testing.assert_array_equal(weight, weights[name])


def test_another_size_is_one_line(job, trained):
    trained[1]["model"] = {"units": 8}
    with pytest.raises(UserError, match="training.after: must train a model of the sa"):
        prepared(job, trainer._trained_before(job))


@pytest.mark.parametrize("name", ["bi_gru_tagger.second.yaml", "circle.yaml"])
def test_a_circle_is_one_line_before_anything_is_made(job, recipe_text, name):
    folder = job.recipe_path.parent
    (folder / "circle.yaml").write_text(f"{recipe_text}  after: {job.recipe_path.name}")
    job.recipe_path.write_text(f"{recipe_text}  after: {name}\n")
    with pytest.raises(UserError, match="training.after: .* leads back to this file$"):
        trainer.train(job.recipe_path, run_dir=job.run)
    assert not job.run.exists()


def test_a_recipe_may_go_on_after_itself_as_the_file_has_it(job, recipe_text):
    job.recipe_path.write_text(recipe_text)
    recipe = read_recipe(job.recipe_path, {"training.after": job.recipe_path.name})
    check_before(job.recipe_path, recipe)


def test_most_recipes_start_from_nothing(job):
    training = job.recipe.training.model_copy(update={"after": None})
    recipe = job.recipe.model_copy(update={"training": training})
    assert trainer._trained_before(job._replace(recipe=recipe)) is None
