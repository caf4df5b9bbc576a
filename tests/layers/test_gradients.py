"""Gradients against finite differences, in float64."""

import numpy as np
import pytest
import tensorflow as tf
from cell_cases import CASES, LOWER_BLOCKS, inputs

STEP = 1e-6
MASK = np.array([[1, 0, 1, 1, 0], [1, 1, 1, 0, 0]], bool)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("by_cell", [False, True], ids=["layer", "cell"])
@pytest.mark.parametrize("start", ["zero", "carried"])
@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
def test_gradients_are_finite_differences(name, by_cell, start, masked):
    case = CASES[name]
    layer, weights = case.filled(by_cell, dtype="float64")
    mask = MASK if masked else None
    x = inputs(2, 5).astype("float64")
    states = [s.astype("float64") for s in case.random_states(2)]
    states = states if start == "carried" else []
    rng = np.random.default_rng(0)
    factors = rng.normal(size=(2, 5, case.output_size))
    state_factors = [rng.normal(size=(2, n)) for n in case.states]
    if name == "clockwork_rnn":
        state_factors[1][:] = 0.0  # t is a count

    with tf.GradientTape() as tape:
        given = [tf.constant(x), *(tf.constant(s) for s in states)]
        tape.watch(given)
        outputs, *final = layer(given[0], mask=mask, initial_state=given[1:] or None)
        assert {t.dtype for t in (outputs, *final)} == {tf.float64}
        total = tf.reduce_sum(outputs * factors)
        for state, factor in zip(final, state_factors, strict=True):
            total += tf.reduce_sum(state * factor)
    variables = [v.value for v in layer.trainable_weights]
    gradients = tape.gradient(total, variables + given)

    def loss(weights, x, states):
        outputs, final = case.reference(weights, x, states, mask=mask)
        return sum(
            (a * b).sum() for a, b in zip([outputs, *final], [factors, *state_factors])
        )

    def differences(part, evaluate):
        result = np.zeros(part.shape)
        for at in np.ndindex(part.shape):
            value = part[at]
            part[at] = value + STEP
            above = evaluate()
            part[at] = value - STEP
            result[at] = (above - evaluate()) / (2 * STEP)
            part[at] = value
        return result

    begin = states or [s.astype("float64") for s in case.zero_states(2)]
    parts = {**weights, "x": x}
    if states:
        parts |= {f"state_{i}": state for i, state in enumerate(begin)}
    if name == "clockwork_rnn":
        parts.pop("state_1", None)
    for (part, value), gradient in zip(parts.items(), gradients):
        expected = differences(value, lambda: loss(weights, x, begin))
        actual = tf.convert_to_tensor(gradient).numpy()
        np.testing.assert_allclose(actual, expected, 1e-5, 1e-7, err_msg=part)
        if name == "clockwork_rnn" and part == "recurrent_kernel":
            assert (actual[~LOWER_BLOCKS] == 0).all()
