import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.training.optimizer import make_optimizer
from keras_seqzoo.training.recipe import Training


def stepped(optimizer, gradients, value=0.0):
    weight = keras.Variable(np.full((3, 1), value, "float32"))
    optimizer.build([weight])
    for gradient in gradients:
        optimizer.apply([gradient], [weight])
    return weight.numpy()


def test_the_norm_is_that_of_the_summed_rows():
    # A word that comes twice: its gradients cancel, and there is nothing to clip.
    twice = tf.IndexedSlices(
        tf.constant([[5.0], [-5.0], [0.5]]), tf.constant([0, 0, 2]), (3, 1)
    )
    sgd = make_optimizer(Training(optimizer="sgd", learning_rate=1.0), 10)
    np.testing.assert_allclose(stepped(sgd, [twice]), [[0.0], [0.0], [-0.5]])


def test_a_long_gradient_is_clipped():
    sgd = make_optimizer(Training(optimizer="sgd", learning_rate=1.0, clip_norm=2.0), 9)
    moved = stepped(sgd, [tf.constant([[3.0], [4.0], [0.0]])])
    np.testing.assert_allclose(moved, [[-1.2], [-1.6], [0.0]], rtol=1e-6)


def test_accumulated_gradients_are_applied_as_their_mean():
    training = Training(
        optimizer="sgd",
        learning_rate=1.0,
        clip_norm=None,
        gradient_accumulation_steps=2,
    )
    ones = tf.ones((3, 1))
    np.testing.assert_allclose(stepped(make_optimizer(training, 9), [ones]), 0.0)
    two = [ones, 3 * ones]
    np.testing.assert_allclose(stepped(make_optimizer(training, 9), two), -2.0)


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
@pytest.mark.parametrize("accumulated", [1, 4])
def test_a_schedule_ends_with_the_last_epoch(accumulated, schedule):
    training = Training(
        epochs=3,
        optimizer="sgd",
        learning_rate=1.0,
        schedule=schedule,
        final_learning_rate=0.1,
        gradient_accumulation_steps=accumulated,
    )
    optimizer = make_optimizer(training, 8)
    weight = keras.Variable(np.zeros(1, "float32"))
    optimizer.build([weight])
    rates = []
    for _ in range(3 * 8):  # as `fit` calls it, once a batch
        rates.append(float(optimizer.learning_rate))
        optimizer.apply([tf.zeros(1)], [weight])
    assert rates[0] == 1.0 and rates[12] == pytest.approx(0.55)
    assert rates[-1] > 0.1
    assert float(optimizer.learning_rate) == pytest.approx(0.1)


def test_adamw_has_a_decay_of_its_own():
    assert make_optimizer(Training(optimizer="adamw"), 8).weight_decay == 0.004
    mine = Training(optimizer="adamw", weight_decay=0.5)
    assert make_optimizer(mine, 8).weight_decay == 0.5
