import csv
import functools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys

import filelock
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo import registry, training
from keras_seqzoo.errors import UserError
from keras_seqzoo.training import checkpoint, evaluate, trainer
from keras_seqzoo.training.optimizer import make_optimizer
from keras_seqzoo.training.preparation import check_devices
from keras_seqzoo.training.recipe import Training, read_recipe

EPOCHS = {"training.epochs": 4}

# Sums differ in their last bits with the number of threads, so it is one everywhere.
train = functools.partial(training.train, threads=1, verbose=0)

# Kills itself as `kill -9` would: in the first epoch, while it writes the second
# checkpoint, or in the third epoch. Another moment never comes.
KILLED = """
import os, signal, sys
from keras_seqzoo.training import callbacks, checkpoint, train

moment, recipe, run, output = sys.argv[1:]

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

class Killed(callbacks.EpochKeeper):
    def on_train_batch_end(self, batch, logs=None):
        if batch == 4 and moment == f'epoch {self.progress.epochs}':
            kill()

def fsync(file):
    path = os.readlink(f'/proc/self/fd/{file}')
    if moment == 'checkpoint' and 'epoch-0002.tmp' in path:
        os.ftruncate(file, 1000)
        kill()

callbacks.EpochKeeper.on_train_batch_end = Killed.on_train_batch_end
checkpoint.os.fsync = fsync
train(
    recipe,
    run_dir=run,
    output=output,
    overrides={'training.epochs': 4},
    threads=1,
    verbose=0,
)
"""
MOMENTS = {"epoch 0": 0, "checkpoint": 1, "epoch 2": 2}  # -> epochs that are kept


def train_alone(recipe, run, output, moment="none"):
    """Trains in a process of its own, as a user's training would."""
    root = pathlib.Path(__file__).parents[2]
    words = [sys.executable, "-c", KILLED, moment, recipe, run, output]
    path = os.pathsep.join([str(root), *sys.path])
    return subprocess.run(
        list(map(str, words)),
        env=os.environ | {"PYTHONPATH": path},
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
    )


def weights(folder):
    return {v.path: v.numpy() for v in registry.load(folder).weights}


def last_checkpoint(run):
    """All variables at the end of a training: float32, the optimizer's too."""
    return checkpoint.latest(run / "checkpoints")[1]


@pytest.fixture(scope="module")
def finished(tmp_path_factory, recipe_text):
    """A finished training: recipe, run folder, preset and result."""
    folder = tmp_path_factory.mktemp("finished")
    recipe = folder / "bi_gru_tagger.tiny.yaml"
    recipe.write_text(recipe_text)
    preset = folder / "preset"
    run = folder / "run"
    done = train_alone(recipe, run, preset)
    assert done.returncode == 0, done.stderr
    return recipe, run, preset, json.loads((run / "result.json").read_text())


def test_loss_falls_and_history_tells(finished):
    _, run, _, _ = finished
    with open(run / "history.csv", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["epoch"] for row in rows] == ["1", "2", "3", "4"]
    losses = [float(row["loss"]) for row in rows]
    assert losses[-1] < 0.6 * losses[0]
    assert all(0 <= float(row["dev_slot_f1"]) <= 100 for row in rows)
    assert list((run / "tensorboard").rglob("events.out.tfevents.*"))


def test_preset_reaches_the_figure_it_states(finished):
    _, run, preset, result = finished
    assert json.loads((run / "result.json").read_text()) == result
    assert result["tag"] == "bi_gru_tagger.tiny"
    assert result["value"] > 0
    measured = evaluate(preset)
    assert measured["value"] == result["value"]
    assert (measured["dataset"], measured["examples"]) == ("train_tickets", 20)
    assert evaluate(preset, split="validation")["value"] == result["dev_value"]
    card = (preset / "README.md").read_text("utf-8")
    assert f"| {result['value']} |" in card
    # Its recipe is no recipe of the zoo, and its tag no shipped one.
    assert "`bi_gru_tagger.tiny.yaml`" in card and 'load("preset/")' in card
    assert "zoo_configs" not in card


def test_finished_training_is_not_repeated(finished, capfd):
    recipe, run, preset, result = finished
    stamp = (run / "result.json").stat().st_mtime_ns
    assert train(recipe, run_dir=run, output=preset, overrides=EPOCHS) == result
    assert "is finished" in capfd.readouterr().err
    assert (run / "result.json").stat().st_mtime_ns == stamp


def test_finished_training_takes_the_place_of_another_preset(finished, tmp_path, capfd):
    recipe, run, preset, result = finished
    other = registry.create("gru_tagger", labels=["O"], units=2, num_layers=1)
    other.save_to_preset(tmp_path / "other")
    output = tmp_path / "other"
    assert train(recipe, run_dir=run, output=output, overrides=EPOCHS) == result
    assert f"finished; its preset is written to {output}" in capfd.readouterr().err
    assert registry.load(output).architecture == "bi_gru_tagger"
    expected, found = weights(preset), weights(output)
    for path, value in expected.items():
        np.testing.assert_array_equal(found[path], value, err_msg=path)
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not a preset's"):
        train(recipe, run_dir=run, output=tmp_path / "papers", overrides=EPOCHS)


def test_other_recipe_in_the_same_run_folder(finished):
    recipe, run, preset, _ = finished
    with pytest.raises(UserError, match="another recipe"):
        train(
            recipe, run_dir=run, output=preset, overrides=EPOCHS | {"training.seed": 2}
        )


def test_a_run_of_before_there_was_a_key_is_the_same(finished, tmp_path):
    recipe, run, preset, result = finished
    stored = json.loads((run / "recipe.json").read_text())
    assert stored["data"].pop("time_shift") == 0.0
    (tmp_path / "recipe.json").write_text(json.dumps(stored, indent=2))
    shutil.copy(run / "result.json", tmp_path)
    again = train(recipe, run_dir=tmp_path, output=preset, overrides=EPOCHS)
    assert again == result
    stored = (tmp_path / "recipe.json").read_text()
    assert stored == (run / "recipe.json").read_text()
    (tmp_path / "recipe.json").write_text('{"data": 3}')
    with pytest.raises(UserError, match="another recipe"):
        train(recipe, run_dir=tmp_path, overrides=EPOCHS)


def test_other_recipe_where_only_the_result_is_left(finished, tmp_path):
    recipe, run, *_ = finished
    for name in ("recipe.json", "result.json"):
        shutil.copy(run / name, tmp_path / name)
    with pytest.raises(UserError, match="another recipe"):
        train(recipe, run_dir=tmp_path, overrides=EPOCHS | {"training.seed": 2})


def test_a_damaged_result_is_made_anew(finished, tmp_path, capfd):
    recipe, run, _, result = finished
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "result.json").write_text('{"tag": ')
    again = train(
        recipe, run_dir=tmp_path / "run", output=tmp_path / "p", overrides=EPOCHS
    )
    assert again == result
    assert "result.json: damaged, made anew" in capfd.readouterr().err
    assert json.loads((tmp_path / "run" / "result.json").read_text()) == result


def test_sums_of_more_batches_than_there_are(recipe_file, tmp_path):
    overrides = EPOCHS | {"training.gradient_accumulation_steps": 1000}
    with pytest.raises(UserError, match=r"must be at most the \d+ batches .*: 1000"):
        train(recipe_file, run_dir=tmp_path / "run", overrides=overrides)


class TwoDevices:
    num_replicas_in_sync = 2


def test_sums_of_gradients_are_of_one_device(recipe_file):
    overrides = {"training.gradient_accumulation_steps": 2}
    recipe = read_recipe(recipe_file, overrides)
    with pytest.raises(UserError, match=r"steps: must be 1 on several .*Received: 2"):
        check_devices(recipe, TwoDevices(), recipe_file)


def test_a_training_killed_three_times_ends_with_the_same_weights(finished, tmp_path):
    recipe, uninterrupted, preset, expected = finished
    run = tmp_path / "run"
    for moment, kept in MOMENTS.items():
        child = train_alone(recipe, run, tmp_path / "preset", moment)
        assert child.returncode == -signal.SIGKILL
        assert len(list((run / "checkpoints").glob("epoch-*[0-9]"))) == kept
    child = train_alone(recipe, run, tmp_path / "preset")
    assert child.returncode == 0 and "going on after epoch 2" in child.stderr
    result = json.loads((run / "result.json").read_text())
    assert result | {"train_seconds": 0} == expected | {"train_seconds": 0}
    for found, expected in (
        (last_checkpoint(run), last_checkpoint(uninterrupted)),
        (weights(tmp_path / "preset"), weights(preset)),
    ):
        for path, value in expected.items():
            np.testing.assert_array_equal(found[path], value, err_msg=path)
    assert steps_of_tensorboard(run) == [0, 1, 2, 3]


def steps_of_tensorboard(run):
    return [
        event.step
        for file in sorted((run / "tensorboard").rglob("events.out.tfevents.*"))
        for event in tf.compat.v1.train.summary_iterator(str(file))
        for value in event.summary.value
        if value.tag == "epoch_loss"
    ]


def test_an_epoch_that_is_trained_again_is_logged_once(finished, tmp_path, capfd):
    recipe, uninterrupted, _, _ = finished
    run = shutil.copytree(uninterrupted, tmp_path / "run")
    (run / "result.json").unlink()
    (run / "checkpoints" / "epoch-0004" / "arrays.npz").write_bytes(b"")
    train(recipe, run_dir=run, output=tmp_path / "preset", overrides=EPOCHS)
    assert "going on after epoch 3" in capfd.readouterr().err
    assert steps_of_tensorboard(run) == [0, 1, 2, 3]
    assert (run / "history.csv").read_text() == (
        uninterrupted / "history.csv"
    ).read_text()


def test_what_does_not_fit_in_memory_is_one_line(recipe_file, tmp_path):
    class Full(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise tf.errors.ResourceExhaustedError(None, None, "OOM when\nallocating")

    with pytest.raises(UserError, match="does not fit in memory: lower data.b") as full:
        train(recipe_file, run_dir=tmp_path / "run", callbacks=[Full()])
    assert str(full.value).startswith(f"{recipe_file}: the training")
    assert "\n" not in str(full.value)


def test_half_precision_and_sums_of_gradients_resume_exactly(recipe_file, tmp_path):
    changes = {
        "training.precision": "mixed_float16",
        "training.gradient_accumulation_steps": 4,  # 9 batches an epoch: some are left
        "training.epochs": 2,
    }

    class Interrupt(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if batch == 5 and self.epoch == 1:
                raise KeyboardInterrupt

        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

    whole, cut = tmp_path / "whole", tmp_path / "cut"
    train(recipe_file, run_dir=whole, overrides=changes)
    with pytest.raises(KeyboardInterrupt):
        train(recipe_file, run_dir=cut, overrides=changes, callbacks=[Interrupt()])
    train(recipe_file, run_dir=cut, overrides=changes)
    found, expected = last_checkpoint(cut), last_checkpoint(whole)
    assert {value.dtype.name for value in expected.values()} >= {"float32"}
    for path, value in expected.items():
        np.testing.assert_array_equal(value, found[path], err_msg=path)
    with open(whole / "history.csv", encoding="utf-8") as file:
        losses = [float(row["loss"]) for row in csv.DictReader(file)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize(
    ("file", "tag"),
    [("gru_tagger.x.yaml", "bi_gru_tagger.x"), ("mine.yaml", "bi_gru_tagger.mine")],
)
def test_the_tag_begins_with_the_architecture_whatever_the_file(
    recipe_text, tmp_path, monkeypatch, file, tag
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / file).write_text(recipe_text)
    monkeypatch.setattr(trainer, "_train", lambda job, tag, output: {"tag": tag})
    assert train(file) == {"tag": tag}
    assert (tmp_path / "runs" / f"{tag}.seed1" / "result.json").exists()


def test_early_stopping_keeps_the_best_epoch(recipe_file, tmp_path):
    overrides = {"training.learning_rate": 1e-9, "training.patience": 1}
    result = train(recipe_file, run_dir=tmp_path / "run", overrides=overrides)
    # Nothing is learnt: the first epoch stays the best and the second is the last.
    assert (result["best_epoch"], result["epochs"]) == (1, 2)


def test_training_on_everything_has_no_dev_figure(recipe_file, tmp_path, monkeypatch):
    task = training.task_of("gru_tagger")
    measured = classmethod(lambda cls, model, rows: {"of_test_rows": len(rows)})
    monkeypatch.setattr(task, "further_figures", measured)
    overrides = {
        "data.train": ["train", "validation"],
        "data.validation": None,
        "training.epochs": 1,
    }
    result = train(recipe_file, run_dir=tmp_path / "run", overrides=overrides)
    assert result["dev_value"] is None
    test_rows = task.read(result["dataset"], "test", None)
    preset = registry.info(tmp_path / "run" / result["tag"])
    assert preset.metadata["of_test_rows"] == len(test_rows) == result["of_test_rows"]
    assert result["best_epoch"] == 1
    assert "No part was held out" in (
        tmp_path / "run" / result["tag"] / "README.md"
    ).read_text("utf-8")


def test_diverging_loss_stops_with_a_message(recipe_file, tmp_path):
    overrides = {"training.learning_rate": 1e38, "training.clip_norm": None}
    with pytest.raises(FloatingPointError, match=r"lower training.learning_rate"):
        train(recipe_file, run_dir=tmp_path / "run", overrides=overrides)


class Diverge(keras.callbacks.Callback):
    """Spoils the weights in the second epoch, when its bar is begun."""

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_begin(self, batch, logs=None):
        if (self.epoch, batch) == (1, 3):
            nan = [np.full_like(value, np.nan) for value in self.model.get_weights()]
            self.model.set_weights(nan)


def test_the_best_weights_before_a_diverging_loss_are_a_preset(
    recipe_file, tmp_path, capsys
):
    run = tmp_path / "run"
    match = rf"epoch 2, batch 4: the weights of epoch 1 .* preset {run}/last_good; "
    with pytest.raises(FloatingPointError, match=match):
        train(recipe_file, run_dir=run, callbacks=[Diverge()], verbose=1)
    assert capsys.readouterr().out.endswith("\n")  # the error begins a line
    _, arrays = checkpoint.latest(run / "checkpoints")
    model = registry.load(run / "last_good")
    for i, value in enumerate(model.get_weights()):
        expected = arrays[f"best/{i}"]
        if value.dtype.kind == "f":
            expected = expected.astype("float16")
        np.testing.assert_array_equal(value, expected)


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"model.name": "bi_gru_tager"}, "model.name: .*bi_gru_tagger"),
        ({"model.name": "gru_tagger.atis"}, "model.name: .*'gru_tagger.atis'"),
        (
            {"model.overrides": {"unit": 3}},
            "model.overrides.unit: .*no argument 'unit'. Allowed: .*units",
        ),
        (
            {"model.overrides": {"units": -3}},
            "model.overrides.units: .*must be a positive integer.*-3",
        ),
        ({"model.overrides": {"cell": "gruu"}}, "model.overrides.cell: .*gruu"),
        (
            {"model.overrides": {"bidirectional": "no"}},
            "model.overrides.bidirectional: .*True or False.*'no'",
        ),
        (
            {"model.overrides": {"cell_arguments": {"dropout": "x"}}},
            "model.overrides.cell_arguments.dropout: ",
        ),
        (
            {"model.overrides": {"labels": ["O"]}},
            "model.overrides.labels: must be left",
        ),
        (
            {"model.overrides": {"vocabulary": ["a"]}},
            "model.overrides.vocabulary: must be left out: .*the training set",
        ),
        ({"model.overrides": {"characters": []}}, "model.overrides.characters: must"),
        ({"model.overrides": {"name": "x"}}, "comes from model.name"),
    ],
)
def test_bad_model_is_one_line(recipe_file, tmp_path, overrides, message):
    with pytest.raises(UserError, match=message) as caught:
        train(recipe_file, run_dir=tmp_path / "run", overrides=overrides)
    assert str(caught.value).startswith(f"{recipe_file}: model")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["recipe_path", "run_dir", "output"])
def test_what_is_no_path_is_named(recipe_file, tmp_path, name):
    paths = {"recipe_path": recipe_file, "run_dir": tmp_path / "run", name: 3}
    with pytest.raises(UserError, match=f"`{name}` must be a path.*{name}=3"):
        train(**paths)


def test_run_folder_that_cannot_be_made(recipe_file, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be written"):
        train(recipe_file, run_dir=tmp_path / "file" / "run")


def test_output_that_cannot_be_written_is_found_before_training(
    recipe_file, tmp_path, monkeypatch
):
    def untimely(*arguments):
        raise AssertionError("trained before the output was checked")

    monkeypatch.setattr(trainer, "_train", untimely)
    (tmp_path / "file").write_text("")
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "thesis.txt").write_text("years of work")
    for output, message in [
        ("file/preset", "cannot be written"),
        ("papers", "not a preset's.*thesis"),
        ("run", "not a preset's"),
    ]:
        with pytest.raises(UserError, match=message):
            train(recipe_file, run_dir=tmp_path / "run", output=tmp_path / output)
    with pytest.raises(AssertionError):
        train(recipe_file, run_dir=tmp_path / "run", output=tmp_path / "new" / "preset")
    assert not any((tmp_path / "new").iterdir())


def rate_at(optimizer, step):
    optimizer.iterations.assign(step)
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))


def test_optimizer_follows_the_recipe():
    constant = make_optimizer(Training(weight_decay=0.01, ema=0.5), steps=10)
    assert rate_at(constant, 300) == pytest.approx(0.001)
    assert constant.global_clipnorm == 1.0
    assert constant.weight_decay == 0.01
    assert (constant.use_ema, constant.ema_momentum) == (True, 0.5)
    linear = make_optimizer(
        Training(
            epochs=4, schedule="linear", final_learning_rate=1e-4, optimizer="sgd"
        ),
        steps=10,
    )
    assert isinstance(linear, keras.optimizers.SGD)
    assert rate_at(linear, 0) == pytest.approx(1e-3)
    assert rate_at(linear, 20) == pytest.approx(5.5e-4)
    assert rate_at(linear, 40) == pytest.approx(1e-4)
    cosine = make_optimizer(
        Training(epochs=4, schedule="cosine", warmup_epochs=1.0), steps=10
    )
    assert rate_at(cosine, 5) == pytest.approx(5e-4)
    assert rate_at(cosine, 10) == pytest.approx(1e-3)
    assert rate_at(cosine, 25) == pytest.approx(5e-4)
    assert rate_at(cosine, 40) == pytest.approx(0.0, abs=1e-9)


def test_a_second_training_in_the_folder_is_refused(recipe_file, tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    with (
        filelock.FileLock(run / ".lock"),
        pytest.raises(UserError, match="another training"),
    ):
        train(recipe_file, run_dir=run)
