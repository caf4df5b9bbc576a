"""Steps of the clockwork RNN written out, and its bad values."""

from math import tanh

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from keras_seqzoo.cells import ClockworkRNNCell
from keras_seqzoo.layers import ClockworkRNN

each = pytest.mark.parametrize("made", [ClockworkRNNCell, ClockworkRNN])


def test_steps_from_a_state():
    cell = ClockworkRNNCell(2, periods=(1, 2))
    cell.build((None, 1))
    # Row = sender, column = receiver: the fast unit hears both, the slow one itself;
    # the 99 (fast to slow) does not act.
    cell.set_weights(
        [
            np.array([[0.5, -0.5]]),
            np.array([[0.25, 99.0], [0.75, -0.25]]),
            np.array([0.125, 0.0625]),
        ]
    )
    # t = 3, x = 1, h' = (0.5, -1): only the fast unit computes.
    fast = tanh(0.5 + 0.25 * 0.5 - 0.75 + 0.125)  # = tanh(0)
    output, states = cell(
        np.array([[1.0]]), [np.array([[0.5, -1.0]]), np.array([[3.0]])]
    )
    np.testing.assert_allclose(output, [[fast, -1.0]], 0, 1e-6)
    # t = 4, x = 2: both do, from the values before.
    slow = tanh(-1.0 + 0.25 + 0.0625)
    fast = tanh(1.0 + 0.25 * fast - 0.75 + 0.125)
    output, states = cell(np.array([[2.0]]), states)
    np.testing.assert_allclose(output, [[fast, slow]], 0, 1e-6)
    # t = 5, x = 0: the slow unit keeps its value.
    fast = tanh(0.25 * fast + 0.75 * slow + 0.125)
    output, states = cell(np.array([[0.0]]), states)
    np.testing.assert_allclose(output, [[fast, slow]], 0, 1e-6)
    np.testing.assert_array_equal(states[0], output)


def test_default_periods():
    assert list(ClockworkRNNCell(8).periods) == [1, 2, 4, 8]


@each
@pytest.mark.parametrize("units, periods", [(6, (1, 2, 4, 8)), (3, (1, 2))])
def test_units_must_be_divisible_by_the_modules(made, units, periods):
    with pytest.raises(ValueError, match=f"units={units}") as error:
        made(units, periods=periods)
    assert "\n" not in str(error.value) and str(len(periods)) in str(error.value)


@each
@pytest.mark.parametrize(
    "periods, words",
    [
        ((0, 1), r"positive integers.*periods=\(0, 1\)"),
        ((-2, 1), r"periods=\(-2, 1\)"),
        ([1, 2.5], r"periods=\[1, 2.5\]"),
        ((), r"periods=\(\)"),
        ((4, 2), r"periods=\(4, 2\)"),
        (3, "periods=3"),
        ("12", "periods='12'"),
        (None, "periods=None"),
        (range(0), r"periods=range\(0, 0\)"),
        (np.array([[1, 2]]), r"positive integers.*periods=array\(\[\[1, 2\]\]\)"),
        (np.array([1.0, 2.0]), r"periods=array\(\[1., 2.\]\)"),
    ],
)
def test_bad_periods(made, periods, words):
    with pytest.raises((ValueError, TypeError), match=words) as error:
        made(4, periods=periods)
    assert "\n" not in str(error.value)


@each
@pytest.mark.parametrize("periods", [range(1, 5), np.arange(1, 5), [1, 2, 3, 4]])
def test_periods_in_any_sequence(made, periods):
    config = made(8, periods=periods).get_config()
    assert config["periods"] == [1, 2, 3, 4]
    assert {type(period) for period in config["periods"]} == {int}


def cumulative(z):
    return ops.cumsum(z, axis=-1)


def halves(z):
    return z[:, : z.shape[-1] // 2]


@each
@pytest.mark.parametrize("activation", ["softmax", cumulative, halves])
def test_an_activation_of_several_units_is_refused(made, activation):
    words = "`activation` must act on each unit by itself.*Received: activation="
    with pytest.raises(ValueError, match=words) as error:
        made(8, activation=activation)
    assert "\n" not in str(error.value)


@each
@pytest.mark.parametrize("activation", ["elu", keras.layers.PReLU(), abs, None])
def test_an_activation_of_each_unit_is_taken(made, activation):
    for units in (1, 2, 501):
        made(units, periods=(1,), activation="hard_silu")
    assert made(8, activation=activation).get_config()["units"] == 8


def test_in_a_graph_no_activation_can_be_tried():
    made = []

    @tf.function
    def make():
        if not made:
            made.append(ClockworkRNNCell(4, activation="softmax"))

    make()
    assert made[0].units == 4


def test_float16_cannot_count_a_long_cycle():
    """t is exact, or the layer says so: float16 holds integers to 2048."""
    with pytest.raises(ValueError, match=r"\(1, 2049\)"):
        ClockworkRNN(4, periods=(1, 2049), dtype="mixed_float16")
    ClockworkRNN(4, periods=(1, 2048), dtype="mixed_float16")


def test_time_never_loses_count():
    cell = ClockworkRNNCell(2, periods=(1, 3))
    cell.build((None, 1))
    h, t = np.zeros((1, 2), "float32"), np.array([[2.0]], "float32")
    for expected in (0.0, 1.0, 2.0, 0.0):
        _, (h, t) = cell(np.ones((1, 1), "float32"), [h, t])
        np.testing.assert_array_equal(t, [[expected]])
