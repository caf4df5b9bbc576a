"""CTC against the enumeration of all alignments."""

import itertools
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.ctc import (
    CTC,
    CTCLoss,
    check_alignable,
    steps_needed,
    wrong_targets_as_error,
)

RNG = np.random.default_rng(0)


def collapse(path):
    """What a path of ids says: repeats, then blanks, go; a label is its id less 1."""
    return tuple(i - 1 for i, _ in itertools.groupby(path) if i)


def by_enumeration(logits, labels):
    """Minus the log of the summed probability of all paths that say the labels."""
    logits = logits.astype(np.float64)
    p = np.exp(logits) / np.exp(logits).sum(axis=-1, keepdims=True)
    steps, ids = p.shape
    total = sum(
        np.prod(p[np.arange(steps), path])
        for path in itertools.product(range(ids), repeat=steps)
        if collapse(path) == tuple(labels)
    )
    return -np.log(total)


def alignments(word, steps):
    """The paths of so many steps that say the word, as texts with - for blank."""
    letters = sorted(set(word))
    wanted = tuple(letters.index(letter) for letter in word)
    return [
        "".join("-" if i == 0 else letters[i - 1] for i in path)
        for path in itertools.product(range(len(letters) + 1), repeat=steps)
        if collapse(path) == wanted
    ]


def loss(logits, labels):
    return CTCLoss()(np.array(labels), logits)


def test_all_alignments_of_hi_over_four_frames_count():
    paths = alignments("HI", 4)
    assert len(paths) == 15
    assert {"HI--", "HHII", "-H-I", "HHHI"} <= set(paths)
    # All ids as likely as each other at each step: each path has (1/3)^4.
    found = loss(np.zeros((1, 4, 3), "float32"), [[0, 1]])
    assert float(found) == pytest.approx(-np.log(15 / 3**4), rel=1e-5)


@pytest.mark.parametrize(
    ("labels", "steps"), [((0, 1), 4), ((0, 0), 4), ((1,), 5), ((2, 0, 2), 5), ((), 3)]
)
def test_loss_is_that_of_the_enumeration(labels, steps):
    logits = RNG.normal(size=(1, steps, 4)).astype("float32")
    target = np.array([[*labels, -1, -1]])  # with padding behind
    found = CTCLoss().call(target, logits)
    expected = by_enumeration(logits[0], labels) if labels else 0.0
    assert found.shape == target.shape
    assert float(np.sum(found)) == pytest.approx(expected, rel=1e-4)
    assert len({round(float(x), 6) for x in found[0][: len(labels)]}) <= 1
    np.testing.assert_array_equal(found[0][len(labels) :], 0.0)


def test_silence_has_a_loss_of_its_own():
    logits = RNG.normal(size=(1, 4, 3)).astype("float32")
    found = CTCLoss().call(np.array([[-2, -1, -1]]), logits)
    assert float(found[0, 0]) == pytest.approx(by_enumeration(logits[0], ()), rel=1e-4)
    np.testing.assert_array_equal(found[0, 1:], 0.0)


def test_hello_keeps_both_l():
    # h e l l o: without a blank between them two l are one.
    hello = [1, 0, 2, 2, 3]
    assert steps_needed(hello) == 6
    paths = alignments("HELLO", 6)
    assert paths == ["HEL-LO"]
    logits = np.full((1, 6, 5), -40.0, "float32")
    for step, i in enumerate([2, 1, 3, 0, 3, 4]):  # h e l - l o
        logits[0, step, i] = 40.0
    assert float(loss(logits, [hello])) == pytest.approx(0.0, abs=1e-4)
    assert float(loss(logits, [[1, 0, 2, 3]])) > 20.0  # helo


def test_padded_steps_change_no_loss():
    layer = CTC(3)
    x = RNG.normal(size=(2, 5, 4)).astype("float32")
    mask = np.array([[True] * 5, [True] * 3 + [False] * 2])
    logits = layer(x, mask=mask)
    np.testing.assert_allclose(logits[1, 3:], [[0, -100, -100, -100]] * 2)
    together = CTCLoss().call(np.array([[0, 1], [2, -1]]), logits)
    alone = [
        by_enumeration(np.asarray(layer(x[:1])[0]), (0, 1)),
        by_enumeration(np.asarray(layer(x[1:, :3])[0]), (2,)),
    ]
    np.testing.assert_allclose(np.sum(together, axis=1), alone, rtol=1e-4)


def test_a_label_longer_than_its_input_is_named():
    logits = np.zeros((2, 4, 3), "float32")
    with pytest.raises(UserError, match="example 1 .*3 labels must have 5 steps"):
        loss(logits, [[0, 1, -1], [1, 1, 1]])
    padded = np.array(logits)
    padded[0, 1:] = [0.0, -100.0, -100.0]
    with pytest.raises(UserError, match="example 0 .*2 labels .*Received: 1 steps"):
        loss(padded, [[0, 1, -1], [1, -1, -1]])
    with pytest.raises(UserError, match=r"a\.wav: 2 labels must have 3 steps"):
        check_alignable("ll", 2, "a.wav")
    check_alignable("lo", 2, "a.wav")
    check_alignable("", 0, "a.wav")


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ([[0, -1], [0, 5]], "example 1 .*from 0 to 1, the last .* Received: 5"),
        ([[0, -1, 1]], r"example 0 .*below 0 ends the labels. Received: \[0, -1, 1\]"),
        ([[-2, 0, 1]], "example 0 .*below 0 ends the labels"),
        ([0, 1], r"must be \(batch, labels\).*shapes \(2,\) and"),
    ],
)
def test_wrong_targets_are_named(labels, message):
    logits = np.zeros((len(labels), 4, 3), "float32")
    with pytest.raises(ValueError, match=message):
        loss(logits, labels)


WRONG = {
    "too long": [[0, 1, -1], [1, 1, 1], [1, 1, 1]],
    "longer than what is not padding": [[-2, -1, -1], [-1, -1, -1], [0, 1, -1]],
    "unknown": [[0, 1, -1], [0, 2, -1], [-1, -1, -1]],
    "behind a -1": [[0, 1, -1], [0, -1, 1], [0, 5, 0]],
    "behind silence": [[-2, 1, 1], [1, 1, 1], [0, 1, -1]],
}


def padded_logits():
    """Of three rows of four steps; the last has one that is not padding."""
    logits = RNG.normal(size=(3, 4, 3)).astype("float32")
    logits[2, 1:] = [0.0, -100.0, -100.0]
    return logits


@pytest.mark.parametrize("what", WRONG)
def test_a_graph_stops_with_the_error_of_values(what):
    targets, logits = np.array(WRONG[what]), padded_logits()
    with pytest.raises(UserError) as expected:
        CTCLoss().call(targets, logits)
    step = tf.function(CTCLoss().call)
    with pytest.raises(tf.errors.InvalidArgumentError) as found:
        step(tf.constant(targets), tf.constant(logits))
    assert f"[{expected.value}]" in found.value.message.splitlines()[-2]
    with pytest.raises(UserError) as found, wrong_targets_as_error():
        step(tf.constant(targets), tf.constant(logits))
    assert str(found.value) == str(expected.value)
    right = tf.constant([[0, 1, -1], [1, 1, -1], [1, -1, -1]])
    assert np.isfinite(step(right, tf.constant(logits))).all()


def test_fit_names_a_target_that_is_too_long():
    model = keras.Sequential([keras.Input((None, 5)), CTC(2)])
    model.compile("adam", CTCLoss(), jit_compile=False)
    x = np.ones((2, 4, 5))
    model.fit(x, np.array([[0, 1, -1], [1, 0, 1]]), verbose=0)
    message = r"example \d .*labels \[1, 1, 1\]: .*must have 5 steps.*Received: 4 steps"
    for call in (model.fit, model.evaluate):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            call(x, np.array([[0, 1, -1], [1, 1, 1]]), verbose=0)


def test_other_errors_stay_what_they_are():
    mine = pytest.raises(tf.errors.InvalidArgumentError, match="mine")
    with mine, wrong_targets_as_error():
        tf.debugging.Assert(False, ["mine"])


def test_under_xla_a_wrong_target_shows_in_its_loss():
    targets = tf.constant([[0, 5, -1], [0, -1, 1], [0, 1, -1]])
    logits = tf.constant(RNG.normal(size=(3, 4, 3)).astype("float32"))
    found = tf.function(CTCLoss().call, jit_compile=True)(targets, logits)
    assert np.isnan(np.sum(found, axis=1)).tolist() == [True, True, False]


def test_neither_nan_nor_what_is_very_unlikely_is_padding():
    logits = np.full((1, 4, 3), -101.0, "float32")
    logits[..., 0] = 0.0
    assert float(loss(logits, [[0, 1]])) == pytest.approx(202 - np.log(6), rel=1e-4)
    assert np.isnan(loss(np.full((1, 4, 3), np.nan, "float32"), [[0, 1]]))


def test_the_loss_is_kept(tmp_path):
    config = CTCLoss(reduction="none", name="spoken", dtype="float32").get_config()
    assert CTCLoss.from_config(config).get_config() == config
    logits = RNG.normal(size=(2, 4, 3)).astype("float32")
    targets = np.array([[0, 1], [1, -1]])
    each = CTCLoss(reduction="none")(targets, logits)
    assert float(CTCLoss()(targets, logits)) == pytest.approx(float(np.sum(each)))
    model = keras.Sequential([keras.Input((None, 5)), CTC(2)])
    model.compile("adam", CTCLoss())
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again.loss, CTCLoss)
    assert np.isfinite(again.evaluate(np.ones((2, 4, 5)), targets, verbose=0))


@pytest.mark.parametrize("jit", [False, True])
def test_a_compiled_step_has_the_same_loss_and_never_nan(jit):
    logits = tf.constant(RNG.normal(size=(3, 4, 3)).astype("float32"))
    second = [1, 1, 1] if jit else [1, 1, -1]  # the former: too long
    targets = tf.constant([[0, 1, -1], second, [-1, -1, -1]])

    @tf.function(jit_compile=jit)
    def both(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = CTCLoss().call(targets, logits)
        return losses, tape.gradient(losses, logits)

    losses, gradient = both(logits)
    assert np.isfinite(losses).all() and np.isfinite(gradient).all()
    expected = by_enumeration(logits[0].numpy(), (0, 1))
    assert float(np.sum(losses[0])) == pytest.approx(expected, rel=1e-4)
    assert np.abs(gradient[0]).max() > 0.01


def test_gradient_is_that_of_differences():
    logits = RNG.normal(size=(1, 4, 3)).astype("float32")
    x = tf.constant(logits)
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = CTCLoss()(np.array([[0, 0]]), x)
    gradient = tape.gradient(total, x).numpy()
    for place in [(0, 0, 0), (0, 1, 2), (0, 3, 1)]:
        step = np.zeros_like(logits, dtype=np.float64)
        step[place] = 1e-4
        high, low = (by_enumeration((logits + s * step)[0], (0, 0)) for s in (1, -1))
        assert gradient[place] == pytest.approx((high - low) / 2e-4, abs=1e-3)


JAX = """
import os
os.environ["KERAS_BACKEND"] = "jax"
import jax, numpy as np
from keras_seqzoo.layers.ctc import CTCLoss
logits = np.random.default_rng(3).normal(size=(2, 4, 3)).astype("float32")
targets = np.array([[0, 1, -1], [1, 1, 1]])
losses = lambda x: CTCLoss().call(targets, x)
value = jax.jit(losses)(logits)
gradient = jax.jit(jax.grad(lambda x: losses(x).sum()))(logits)
print(float(value[0].sum()), bool(np.isfinite(value).all()),
      bool(np.isfinite(gradient).all()))
"""


def test_jax_has_the_same_loss():
    run = subprocess.run([sys.executable, "-c", JAX], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    value, *finite = run.stdout.split()
    logits = np.random.default_rng(3).normal(size=(2, 4, 3)).astype("float32")
    assert float(value) == pytest.approx(by_enumeration(logits[0], (0, 1)), rel=1e-4)
    assert finite == ["True", "True"]


def test_the_layer_is_kept():
    layer = CTC(3, name="head")
    again = CTC.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    assert layer.compute_output_shape((2, 7, 5)) == (2, 7, 4)
    with pytest.raises(UserError, match="`num_labels` must be a positive integer"):
        CTC(0)
