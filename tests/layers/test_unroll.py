"""`unroll` writes every step out: the same result, and no loop in the graph."""

import numpy as np
import pytest
import tensorflow as tf
from cell_cases import CASES, FEATURES, inputs

MASK = np.array([[0, 1, 1, 0, 1], [1, 1, 0, 0, 0], [0, 0, 0, 0, 0]], bool)


def loops(function):
    graph = function.get_concrete_function().graph.as_graph_def()
    bodies = [graph.node, *(called.node_def for called in graph.library.function)]
    return [node.name for body in bodies for node in body if "While" in node.op]


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("carried", [False, True], ids=["zero", "carried"])
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forward", "backward"])
def test_unrolled_result_is_the_reference(name, carried, go_backwards):
    case, x = CASES[name], inputs(3, 5)
    states = case.random_states(3) if carried else None
    for mask in (None, MASK):
        run = {"go_backwards": go_backwards, "unroll": True}
        layer, weights = case.filled(False, run)
        outputs, *final = layer(x, mask=mask, initial_state=states)
        expected, expected_final = case.reference(
            weights,
            x,
            states or case.zero_states(3),
            mask=mask,
            go_backwards=go_backwards,
        )
        np.testing.assert_allclose(outputs, expected, 0, 1e-6)
        for state, reference in zip(final, expected_final, strict=True):
            np.testing.assert_allclose(state, reference, 0, 1e-6)


@pytest.mark.parametrize("name", CASES)
def test_unrolled_backwards_with_zeros_at_masked_steps(name):
    run = {"go_backwards": True, "zero_output_for_mask": True}
    found = []
    for unroll in (False, True):
        layer, _ = CASES[name].filled(False, run | {"unroll": unroll})
        found.append(layer(inputs(3, 5), mask=MASK)[0])
    np.testing.assert_allclose(*found, 0, 1e-6)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("carried", [False, True], ids=["zero", "carried"])
def test_only_an_unrolled_graph_has_no_loop(name, carried):
    case, x = CASES[name], inputs(2, 3)
    states = case.random_states(2) if carried else None
    for unroll in (False, True):
        layer, _ = case.filled(False, {"unroll": unroll})
        traced = tf.function(lambda layer=layer: layer(x, initial_state=states))
        assert bool(loops(traced)) is not unroll


@pytest.mark.parametrize("name", CASES)
def test_an_unknown_length_cannot_be_unrolled(name):
    layer, _ = CASES[name].filled(False, {"unroll": True})
    spec = tf.TensorSpec((None, None, FEATURES))
    with pytest.raises(ValueError, match="unroll"):
        tf.function(lambda x: layer(x)).get_concrete_function(spec)


@pytest.mark.parametrize("name", ["peephole_lstm", "clockwork_rnn", "scrn", "lru"])
def test_unrolled_has_second_derivatives(name):
    """In a graph, where the engine would have none."""
    x = tf.constant(inputs(2, 3))

    def second(layer):
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(layer(x)[0] ** 2)
            slope = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        return outer.gradient(slope, x)

    unrolled, cell = (CASES[name].filled(c, {"unroll": True})[0] for c in (False, True))
    np.testing.assert_allclose(tf.function(second)(unrolled), second(cell), 0, 1e-5)
