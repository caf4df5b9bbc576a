"""Wrong shapes in a call are named, and one initial state serves all rows."""

import numpy as np
import pytest
import tensorflow as tf
from cell_cases import CASES, FEATURES, UNITS, inputs

BATCH, LENGTH = 3, 5
X = inputs(BATCH, LENGTH)
H = np.zeros((BATCH, UNITS), "float32")


def masked(*shape):
    return {"mask": np.ones(shape, bool)}


@pytest.mark.parametrize(
    ("x", "arguments", "words"),
    [
        (X, {"initial_state": [H]}, r"list of 2 tensors.*: 1, of shapes \[\(3, 4\)\]"),
        (X, {"initial_state": H}, "list of 2 tensors.*Received: 1"),
        (X, {"initial_state": [H, H[:2]]}, r"\(3, 4\)\]. Received: 2.*, \(2, 4\)\]"),
        (X, {"initial_state": [H, H[:, :3]]}, r"Received: 2.*, \(3, 3\)\]"),
        (X, {"initial_state": [H, H[0]]}, r"Received: 2.*, \(4,\)\]"),
        (X, masked(BATCH, LENGTH - 1), r"shape \(3, 5\). Received: shape \(3, 4\)"),
        (X, masked(BATCH + 1, LENGTH), r"`mask` must .*Received: shape \(4, 5\)"),
        (X, masked(LENGTH), r"`mask` must .*Received: shape \(5,\)"),
        (X[:, :0], {}, r"must have one step or more. Received: .*shape \(3, 0, 3\)"),
        (X[..., :2], {}, r"expected axis -1 .* to have value 3.* shape \(3, 5, 2\)"),
    ],
)
def test_a_wrong_shape_is_named(x, arguments, words):
    layer, _ = CASES["peephole_lstm"].filled(False)
    for call in (layer, tf.function(lambda x: layer(x, **arguments))):
        given = arguments if call is layer else {}
        with pytest.raises(ValueError, match=words):
            call(x, **given)


@pytest.mark.parametrize("name", CASES)
def test_no_layer_takes_an_empty_sequence(name):
    with pytest.raises(ValueError, match="one step or more"):
        CASES[name].make(False)(X[:, :0])


@pytest.mark.parametrize("name", CASES)
def test_one_state_serves_all_rows(name):
    case = CASES[name]
    layer, _ = case.filled(False)
    states = [state[:1] for state in case.random_states(BATCH)]
    repeated = [np.repeat(state, BATCH, axis=0) for state in states]
    expected = layer(X, initial_state=repeated)
    for one, other in zip(layer(X, initial_state=states), expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_rows_of_the_states_are_those_of_the_sequences():
    """Also where neither is known before the graph runs."""
    layer, _ = CASES["peephole_lstm"].filled(False)
    free = tf.TensorSpec((None, LENGTH, FEATURES)), tf.TensorSpec((None, UNITS))

    @tf.function(input_signature=free)
    def call(x, state):
        return layer(x, initial_state=[state, state])[0]

    expected = layer(X, initial_state=[H, H])[0]
    for rows in (1, BATCH):
        np.testing.assert_allclose(call(X, H[:rows]), expected, rtol=0, atol=1e-6)
    with pytest.raises(tf.errors.InvalidArgumentError):
        call(X, np.zeros((BATCH + 8, UNITS), "float32"))
