"""Two steps of the SCRN written out, and its bad values."""

from math import exp, log

import numpy as np
import pytest

from keras_seqzoo.cells import SCRNCell
from keras_seqzoo.layers import SCRN

each = pytest.mark.parametrize("made", [SCRNCell, SCRN])


def sigmoid(z):
    return 1 / (1 + exp(-z))


@pytest.mark.parametrize("learn_alpha", [False, True])
def test_two_steps_from_a_state(learn_alpha):
    cell = SCRNCell(1, context_units=1, alpha=0.75, learn_alpha=learn_alpha)
    cell.build((None, 1))
    b, a, p, r = 2.0, 0.5, -1.5, 0.25
    logit = [np.array([log(3.0)])] if learn_alpha else []  # σ(log 3) = 0.75
    cell.set_weights([np.array([[w]]) for w in (b, a, p, r)] + logit)
    # x = 1, h' = 0.5, s' = -1
    s = 0.25 * 2.0 - 0.75  # = -0.25
    h = sigmoid(0.375 + 0.5 + 0.125)  # = σ(1): h reads the new s
    output, states = cell(np.array([[1.0]]), [np.array([[0.5]]), np.array([[-1.0]])])
    np.testing.assert_allclose(output, [[h, s]], 0, 1e-6)
    np.testing.assert_allclose(states, [[[h]], [[s]]], 0, 1e-6)
    # x = -2
    s = 0.25 * -4.0 + 0.75 * -0.25
    h = sigmoid(-1.5 * s - 1.0 + 0.25 * h)
    output, states = cell(np.array([[-2.0]]), states)
    np.testing.assert_allclose(output, [[h, s]], 0, 1e-6)


def test_defaults_are_those_of_the_design():
    cell = SCRNCell(4)
    assert (cell.context_units, cell.alpha, cell.learn_alpha) == (40, 0.95, False)


@each
@pytest.mark.parametrize("alpha", [0, 1, -0.1, 1.5, float("nan"), None, "x"])
def test_alpha_must_be_between_0_and_1(made, alpha):
    with pytest.raises(ValueError, match=f"alpha={alpha!r}") as error:
        made(4, alpha=alpha)
    assert "(0, 1)" in str(error.value) and "\n" not in str(error.value)


@each
@pytest.mark.parametrize("context_units", [0, -3, 2.5])
def test_context_units_must_be_a_positive_integer(made, context_units):
    words = f"context_units={context_units}"
    with pytest.raises(ValueError, match=words) as error:
        made(4, context_units=context_units)
    assert "\n" not in str(error.value)


@each
def test_there_is_no_bias(made):
    with pytest.raises(TypeError, match="use_bias"):
        made(4, use_bias=True)
