import errno

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import checkpoint
from keras_seqzoo.training.callbacks import EpochKeeper, full_disk_as_error


def small_model(optimizer):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dropout(0.5), keras.layers.Dense(1)]
    )
    model.compile(optimizer, loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


X = np.ones((8, 3), "float32")
Y = np.ones((8, 1), "float32")


def test_averaged_weights_are_scored_and_kept_and_training_goes_on_unaveraged(tmp_path):
    model = small_model(keras.optimizers.SGD(0.1, use_ema=True, ema_momentum=0.5))
    plain = small_model(keras.optimizers.SGD(0.1))
    scored = []

    def score():
        scored.append(model.get_weights())
        return float(len(scored))

    keeper = EpochKeeper(tmp_path, score)
    live = []
    record = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: live.append(model.get_weights())
    )
    for network, callbacks in [(model, [keeper, record]), (plain, [])]:
        network.fit(X, Y, epochs=3, shuffle=False, callbacks=callbacks, verbose=0)
    for averaged, kept in zip(scored[-1], keeper.best_weights, strict=True):
        np.testing.assert_array_equal(averaged, kept)
    assert not np.array_equal(scored[-1][0], live[-1][0])
    np.testing.assert_array_equal(live[-1][0], plain.get_weights()[0])


def test_best_epoch_is_put_back(tmp_path):
    model = small_model(keras.optimizers.SGD(0.1))
    values, kept = iter([1.0, 3.0, 2.0]), []

    def score():
        kept.append(model.get_weights())
        return next(values)

    keeper = EpochKeeper(tmp_path, score)
    model.fit(X, Y, epochs=3, callbacks=[keeper], verbose=0)
    assert (keeper.progress.best_epoch, keeper.progress.best_value) == (2, 3.0)
    keeper.use_best_weights()
    np.testing.assert_array_equal(model.get_weights()[0], kept[1][0])


def test_the_lowest_figure_is_the_best_where_lower_is_better(tmp_path):
    model = small_model(keras.optimizers.SGD(0.1))
    values = iter([3.0, 1.0, 2.0])
    keeper = EpochKeeper(
        tmp_path, lambda: next(values), "dev_nll", higher_is_better=False
    )
    model.fit(X, Y, epochs=3, callbacks=[keeper], verbose=0)
    assert (keeper.progress.best_epoch, keeper.progress.best_value) == (2, 1.0)
    assert [row["dev_nll"] for row in keeper.progress.history] == [3.0, 1.0, 2.0]


def test_restore_brings_back_every_variable_and_the_best(tmp_path):
    model = small_model(keras.optimizers.Adam(0.1))
    keeper = EpochKeeper(tmp_path, lambda: 1.0)
    model.fit(X, Y, epochs=2, callbacks=[keeper], verbose=0)
    after = [v.numpy() for v in [*model.variables, *model.optimizer.variables]]

    fresh = small_model(keras.optimizers.Adam(0.1))
    again = EpochKeeper(tmp_path, lambda: 1.0)
    again.set_model(fresh)
    assert again.restore()
    assert again.progress == keeper.progress
    variables = [*fresh.variables, *fresh.optimizer.variables]
    for variable, value in zip(variables, after, strict=True):
        np.testing.assert_array_equal(variable.numpy(), value, err_msg=variable.path)
    for ours, theirs in zip(again.best_weights, keeper.best_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def foreign_key(state, arrays):
    state["epoch"] = 2


def wrong_type(state, arrays):
    state["epochs"] = "two"


def missing_array(state, arrays):
    del arrays["optimizer/0"]


def wrong_shape(state, arrays):
    arrays["best/0"] = np.zeros((2, 2), "float32")


@pytest.mark.parametrize(
    "damage", [foreign_key, wrong_type, missing_array, wrong_shape]
)
def test_a_checkpoint_of_something_else_is_damaged(tmp_path, capsys, damage):
    model = small_model(keras.optimizers.Adam(0.1))
    keeper = EpochKeeper(tmp_path, None)
    model.fit(X, Y, epochs=2, callbacks=[keeper], verbose=0)
    state, arrays = checkpoint.latest(tmp_path / "checkpoints")
    damage(state, arrays)
    checkpoint.save(tmp_path / "checkpoints", 2, state, arrays)
    capsys.readouterr()
    assert keeper.restore()
    assert keeper.progress.epochs == 1
    said = capsys.readouterr().err
    assert "epoch-0002: damaged" in said and said.count("\n") == 1


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_infinite_loss_stops_and_names_the_checkpoint_if_there_is_one(tmp_path, loss):
    keeper = EpochKeeper(tmp_path, None)
    with pytest.raises(FloatingPointError, match=r"epoch 1, batch 4: no checkpoint is"):
        keeper.on_train_batch_end(3, {"loss": loss})
    keeper.progress.epochs, keeper.progress.best_epoch = 2, 1
    keeper.best_weights = []
    match = r"epoch 3, batch 4: the weights of epoch 1 are kept; .* another run folder"
    with pytest.raises(FloatingPointError, match=match):
        keeper.on_train_batch_end(3, {"loss": loss})


def test_full_disk_keeps_the_checkpoint_before(tmp_path, monkeypatch):
    model = small_model(keras.optimizers.SGD(0.1))
    keeper = EpochKeeper(tmp_path, None)
    model.fit(X, Y, epochs=1, callbacks=[keeper], verbose=0)

    def full(file, **arrays):
        file.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(UserError, match="No space left on device"):
        model.fit(X, Y, initial_epoch=1, epochs=2, callbacks=[keeper], verbose=0)
    again = EpochKeeper(tmp_path, None)
    again.set_model(model)
    assert again.restore()
    assert again.progress.epochs == 1


def test_a_full_disk_in_tensorflow_is_said_too(tmp_path):
    error = tf.errors.ResourceExhaustedError(
        None, None, f"{tmp_path}/events.v2; No space left on device"
    )
    full = pytest.raises(UserError, match=r"cannot be written \(No space left on dev")
    with full, full_disk_as_error(tmp_path):
        raise error
    memory = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")
    same = pytest.raises(tf.errors.ResourceExhaustedError, match="OOM")
    with same, full_disk_as_error(tmp_path):
        raise memory


def test_a_full_disk_before_the_first_checkpoint(tmp_path):
    error = OSError(errno.ENOSPC, "No space left on device")
    match = r"\(No space left on device\); no checkpoint is written yet: make room"
    with pytest.raises(UserError, match=match), full_disk_as_error(tmp_path):
        raise error
    (tmp_path / "checkpoints" / "epoch-0001").mkdir(parents=True)
    kept = pytest.raises(UserError, match="the last checkpoint is kept")
    with kept, full_disk_as_error(tmp_path):
        raise error
