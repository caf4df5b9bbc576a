import types

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.models import PianoRollModel
from keras_seqzoo.training.losses import NoteLoss
from keras_seqzoo.training.tasks.polyphonic_music import PolyphonicMusic, shifted

RNG = np.random.default_rng(0)
ROWS = [(RNG.random((n, 12)) < 0.2).astype("uint8") for n in (5, 9, 3)]


@pytest.fixture(scope="module")
def model():
    return PianoRollModel(**PianoRollModel.tiny())


def nll(scores, notes):
    """Of steps, in nats, by the definition."""
    p = 1.0 / (1.0 + np.exp(-scores.astype("float64")))
    return -(notes * np.log(p) + (1 - notes) * np.log(1 - p)).sum(axis=-1)


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_figure_pools_all_steps_but_the_first(model, batch_size):
    total, steps = 0.0, 0
    for row in ROWS:
        scores = np.asarray(model({"roll": shifted(row)[None].astype("float32")}))[0]
        total += nll(scores, row)[1:].sum()
        steps += len(row) - 1
    found = PolyphonicMusic.scorer(model, ROWS, batch_size)()
    assert found == pytest.approx(total / steps, rel=1e-5)


def test_the_model_sees_the_step_before_and_never_its_own():
    roll = np.eye(4, 12)
    assert not shifted(roll)[0].any()
    np.testing.assert_array_equal(shifted(roll)[1:], roll[:-1])


def test_the_loss_is_the_figure_of_what_is_there(model):
    examples = PolyphonicMusic.encode(ROWS, model)
    targets = examples.targets.to_tensor(-1)
    scores = RNG.normal(size=targets.shape).astype("float32")
    there = (targets.numpy() >= 0).all(axis=-1)
    weights = (there / there.sum()).astype("float32")
    expected = (nll(scores, np.maximum(targets, 0)) * there).sum() / there.sum()
    assert float(NoteLoss()(targets, scores, weights)) == pytest.approx(expected, 1e-5)
    soft = nll(scores, 0.9 * np.maximum(targets, 0) + 0.05)
    found = float(NoteLoss(0.1)(targets, scores, weights))
    assert found == pytest.approx((soft * there).sum() / there.sum(), 1e-5)


def test_input_and_target_are_transposed_together(model):
    augment = PolyphonicMusic.augment(types.SimpleNamespace(transpose=3))
    row = np.zeros((6, 12), "float32")
    row[:, 5] = row[2:, 7] = 1
    moves = set()
    for number in range(40):
        seed = tf.constant([number, 1], tf.int64)
        before = tf.constant(shifted(row))
        inputs, targets = augment({"roll": before}, tf.constant(row, tf.int8), seed)
        by = int(np.flatnonzero(targets.numpy()[0])[0]) - 5
        np.testing.assert_array_equal(targets.numpy(), np.roll(row, by, axis=1))
        np.testing.assert_array_equal(
            inputs["roll"].numpy(), np.roll(shifted(row), by, axis=1)
        )
        moves.add(by)
    assert moves == {-3, -2, -1, 0, 1, 2, 3}
    assert PolyphonicMusic.augment(types.SimpleNamespace(transpose=0)) is None
