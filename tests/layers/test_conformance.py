"""Every cell and layer against the NumPy references and against Keras' customs."""

import itertools
import json
from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from cell_cases import CASES, FEATURES, LOWER_BLOCKS, inputs
from keras import ops

from keras_seqzoo import cells, layers
from keras_seqzoo.layers.by_name import RECURRENT_LAYERS

# Their own tests: RNNStack is made of layers (test_rnn_stack.py).
COMPOSED = {"Attention", "CTC", "RNNStack"}  # have tests of their own

MASKS = {
    "right": [[1, 1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0, 0], [1, 1, 1, 1, 1, 1, 1]],
    "holes": [[0, 1, 1, 0, 0, 1, 1], [1, 0, 1, 0, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1]],
    "empty_row": [[1, 1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1, 0, 1, 1, 1, 1, 1]],
}
DROPOUTS = {"dropout": 0.5, "recurrent_dropout": 0.5}

MASKS = {name: np.array(mask, bool) for name, mask in MASKS.items()}

each_case = pytest.mark.parametrize("name", CASES)
each_form = pytest.mark.parametrize("by_cell", [False, True], ids=["layer", "cell"])


@cache
def made(name, by_cell, go_backwards=False, zero_output_for_mask=False):
    run = {"go_backwards": go_backwards, "zero_output_for_mask": zero_output_for_mask}
    return CASES[name].filled(by_cell, run)


def assert_near(actual, expected, tolerance=1e-6):
    actual, expected = np.asarray(actual, "float64"), np.asarray(expected, "float64")
    assert actual.shape == expected.shape
    np.testing.assert_allclose(actual, expected, rtol=0, atol=tolerance)


def assert_result(result, expected, tolerance=1e-6):
    outputs, *states = result
    assert_near(outputs, expected[0], tolerance)
    assert len(states) == len(expected[1])
    for state, reference in zip(states, expected[1], strict=True):
        assert_near(state, reference, tolerance)


def test_every_public_layer_and_cell_is_in_the_table():
    tested = {case.layer.__name__ for case in CASES.values()}
    public = {
        name
        for name in layers.__all__
        if isinstance(getattr(layers, name), type)
        and issubclass(getattr(layers, name), keras.layers.Layer)
    }
    assert public - COMPOSED == tested
    assert {case.cell.__name__ for case in CASES.values()} == set(cells.__all__)
    ours = {v for v in RECURRENT_LAYERS.values() if v in vars(layers).values()}
    assert {layer.__name__ for layer in ours} == tested


@each_case
@each_form
def test_weights_have_the_names_shapes_and_order_of_the_design(name, by_cell):
    case = CASES[name]
    layer = case.make(by_cell, **case.accepted(**DROPOUTS))
    layer.build((None, None, FEATURES))
    named = [(w.name, tuple(w.shape)) for w in layer.weights]
    assert named == list(case.weights.items())
    assert len(layer.trainable_weights) == len(named)
    assert layer.count_params() == sum(np.prod(shape) for _, shape in named)


@each_case
@each_form
@pytest.mark.parametrize("length", [1, 2, 7, 33])
def test_result_is_the_reference(name, by_cell, length):
    case = CASES[name]
    kinds = itertools.product((1, 3), (False, True))
    # The longest, and slowest, once each way.
    for batch, backwards in [(1, False), (3, True)] if length == 33 else kinds:
        layer, weights = made(name, by_cell, backwards)
        x = inputs(batch, length)
        zero, start = case.zero_states(batch), case.random_states(batch)
        expected = case.reference(weights, x, zero, go_backwards=backwards)
        assert_result(layer(x), expected)
        if length == 7:
            assert_result(layer(x, initial_state=zero), expected)
        expected = case.reference(weights, x, start, go_backwards=backwards)
        assert_result(layer(x, initial_state=start), expected)


@each_case
@each_form
@pytest.mark.parametrize("mask", MASKS)
def test_masked_result_is_the_reference(name, by_cell, mask):
    case, mask, x = CASES[name], MASKS[mask], inputs(3, 7)
    for backwards, start in itertools.product((False, True), (None, "random")):
        layer, weights = made(name, by_cell, backwards)
        states = case.random_states(3) if start else case.zero_states(3)
        expected = case.reference(weights, x, states, mask=mask, go_backwards=backwards)
        result = layer(x, mask=mask, initial_state=states if start else None)
        assert_result(result, expected)
        for row in np.flatnonzero(~mask.any(axis=1)):
            for state, given in zip(result[1:], states, strict=True):
                np.testing.assert_array_equal(np.asarray(state)[row], given[row])


@each_case
@each_form
@pytest.mark.parametrize("padding", [1e4, np.nan])
def test_what_is_in_the_padding_does_not_matter(name, by_cell, padding):
    layer, _ = made(name, by_cell)
    x, mask = inputs(3, 7), MASKS["empty_row"]
    clean = layer(x, mask=mask)
    dirty = layer(np.where(mask[..., None], x, np.float32(padding)), mask=mask)
    longer = np.concatenate([x, np.full((3, 4, FEATURES), padding, "float32")], axis=1)
    longer = layer(longer, mask=np.pad(mask, [(0, 0), (0, 4)]))
    for a, b, c in zip(clean, dirty, longer, strict=True):
        assert_near(b, a)
        assert_near(c[:, :7] if len(c.shape) == 3 else c, a)


@each_case
@each_form
def test_return_sequences_and_return_state(name, by_cell):
    case, x, mask = CASES[name], inputs(3, 7), MASKS["holes"]
    whole, *states = made(name, by_cell)[0](x, mask=mask)
    last = case.filled(by_cell, {"return_sequences": False})[0](x, mask=mask)
    assert_result(last, (whole[:, -1], states))
    run = {"return_sequences": False, "return_state": False}
    only, _ = case.filled(by_cell, run)
    assert_near(only(x, mask=mask), whole[:, -1])
    assert only.compute_output_shape((3, 7, FEATURES)) == (3, case.output_size)


@each_case
@each_form
def test_zero_output_for_mask_is_as_in_keras(name, by_cell):
    case, x, mask = CASES[name], inputs(3, 7), MASKS["holes"]
    layer, weights = made(name, by_cell, zero_output_for_mask=True)
    states = case.random_states(3)
    outputs, final = case.reference(weights, x, states, mask=mask)
    expected = (np.where(mask[..., None], outputs, 0.0), final)
    assert_result(layer(x, mask=mask, initial_state=states), expected)
    outputs, final = case.reference(weights, x, case.zero_states(3), mask=mask)
    expected = (np.where(mask[..., None], outputs, 0.0), final)
    assert_result(layer(x, mask=mask), expected)
    last = case.filled(
        by_cell, {"zero_output_for_mask": True, "return_sequences": False}
    )[0]
    assert_near(last(x, mask=mask)[0], expected[0][:, -1])


@each_case
@each_form
def test_stateful_calls_are_one_long_call(name, by_cell):
    case = CASES[name]
    layer = case.make(by_cell, {"stateful": True})
    layer.build((3, None, FEATURES))
    weights = case.random_weights()
    layer.set_weights(list(weights.values()))
    x = inputs(3, 17)
    expected = case.reference(weights, x, case.zero_states(3))
    for _ in range(2):  # the second time after reset_state
        parts = [layer(x[:, a:b])[0] for a, b in [(0, 5), (5, 7), (7, 8), (8, 17)]]
        assert_near(np.concatenate(parts, axis=1), expected[0])
        for state, reference in zip(layer.states, expected[1], strict=True):
            assert_near(state, reference)
        layer.reset_state()


@each_case
@each_form
def test_streaming_by_returned_states_is_one_long_call(name, by_cell):
    layer, _ = made(name, by_cell)
    x = inputs(3, 17)
    mask = np.random.default_rng(3).random((3, 17)) < 0.7
    whole = layer(x, mask=mask)
    _, *states = layer(x[:, :7], mask=mask[:, :7])
    _, *states = layer(x[:, 7:], mask=mask[:, 7:], initial_state=states)
    for state, expected in zip(states, whole[1:], strict=True):
        assert_near(state, expected)


@each_case
@each_form
def test_bidirectional(name, by_cell):
    case, x, mask = CASES[name], inputs(3, 7), MASKS["right"]
    both = keras.layers.Bidirectional(case.make(by_cell, {"return_state": False}))
    both.build((None, None, FEATURES))
    forward, backward = case.random_weights(0), case.random_weights(1)
    both.set_weights([*forward.values(), *backward.values()])
    zero = case.zero_states(3)
    for m in (None, mask):
        a, _ = case.reference(forward, x, zero, mask=m)
        b, _ = case.reference(backward, x, zero, mask=m, go_backwards=True)
        expected = np.concatenate([a, b[:, ::-1]], axis=-1)
        if m is not None:  # Bidirectional asks its layers for zero_output_for_mask
            expected = np.where(m[..., None], expected, 0.0)
        assert_near(both(x, mask=m), expected)


@each_case
def test_stacked_cells(name):
    case, x = CASES[name], inputs(2, 5)
    arguments = case.arguments
    stack = keras.layers.StackedRNNCells([case.cell(**arguments) for _ in range(2)])
    layer = keras.layers.RNN(stack, return_sequences=True)
    layer.build((None, None, FEATURES))
    rng = np.random.default_rng(0)
    drawn = [rng.normal(0, 0.5, w.shape) for w in layer.weights]
    layer.set_weights(drawn)
    expected, n = x, len(case.weights)
    for part in (drawn[:n], drawn[n:]):
        weights = dict(zip(case.weights, part, strict=True))
        expected, _ = case.reference(weights, expected, case.zero_states(2))
    assert_near(layer(x), expected)


@each_case
def test_what_would_do_nothing_is_refused(name):
    case = CASES[name]
    for made in (case.layer, case.cell):
        for argument in case.refused:
            with pytest.raises(TypeError, match=f"'{argument}'") as error:
                made(**case.arguments, **{argument: None})
            assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name, kind", [(n, k) for n in CASES for k in CASES[n].accepted(**DROPOUTS)]
)
@each_form
def test_dropout_is_one_mask_for_all_steps(name, by_cell, kind):
    case, x = CASES[name], inputs(1, 6)
    layer, weights = case.filled(by_cell, **{kind: 0.5}, seed=7)
    zero = case.zero_states(1)
    plain, _ = case.reference(weights, x, zero)
    assert_near(layer(x)[0], plain)
    assert_near(layer(x, training=False)[0], plain)
    dropped = np.asarray(layer(x, training=True)[0])
    assert np.abs(dropped - plain).max() > 1e-3
    again = np.asarray(layer(x, training=True)[0])

    # Some mask of factors 0 and 2, the same at every step, gives just this result.
    def by_mask(factors):
        if kind == "dropout":
            return case.reference(weights, x * factors, zero)[0]
        kernel = weights["recurrent_kernel"] * factors[:, None]
        return case.reference({**weights, "recurrent_kernel": kernel}, x, zero)[0]

    size = FEATURES if kind == "dropout" else case.states[0]
    masks = itertools.product((0.0, 2.0), repeat=size)
    candidates = np.stack([by_mask(np.array(mask)) for mask in masks])
    for result in (dropped, again):
        assert np.abs(candidates - result).max(axis=(1, 2, 3)).min() < 1e-6


@pytest.mark.parametrize(
    "name", [n for n in CASES if "recurrent_dropout" in CASES[n].accepted(**DROPOUTS)]
)
def test_dropout_from_a_carried_state_is_one_mask_too(name):
    case, x = CASES[name], inputs(1, 6)
    layer, weights = case.filled(False, recurrent_dropout=0.5, seed=7)
    states = case.random_states(1)
    result = np.asarray(layer(x, initial_state=states, training=True)[0])
    masks = itertools.product((0.0, 2.0), repeat=case.states[0])
    errors = []
    for mask in masks:
        kernel = weights["recurrent_kernel"] * np.array(mask)[:, None]
        dropped = {**weights, "recurrent_kernel": kernel}
        errors.append(np.abs(case.reference(dropped, x, states)[0] - result).max())
    assert min(errors) < 1e-6


@each_case
@each_form
def test_mixed_precision(name, by_cell):
    case, x, mask = CASES[name], inputs(3, 7), MASKS["holes"]
    layer, weights = case.filled(by_cell, dtype="mixed_float16")
    assert {w.dtype for w in layer.weights} == {"float32"}
    for m in (None, mask):
        expected = case.reference(weights, x, case.zero_states(3), mask=m)
        result = layer(x, mask=m)
        assert {keras.backend.standardize_dtype(r.dtype) for r in result} == {"float16"}
        assert_result(result, expected, 1e-2)


@each_case
@each_form
def test_keras_file_brings_back_the_model(name, by_cell, tmp_path):
    case = CASES[name]
    x = keras.Input((None, FEATURES))
    layer, _ = case.filled(by_cell, {"return_state": False}, dropout=0.25)
    model = keras.Model(x, keras.layers.Bidirectional(layer)(x))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    data = inputs(2, 5)
    expected = model(data)
    assert_near(loaded(data), expected, 0.0)
    assert_near(loaded.predict(data, verbose=0), expected)


@each_case
def test_config_makes_the_same_layer(name):
    case = CASES[name]
    arguments = case.accepted(
        dropout=0.1,
        recurrent_dropout=0.2,
        seed=3,
        kernel_initializer="he_normal",
        recurrent_regularizer=keras.regularizers.L2(0.1),
        kernel_constraint="max_norm",
    )
    run = {"go_backwards": True, "stateful": True, "zero_output_for_mask": True}
    for layer in (
        case.make(False, run, name="named", **arguments),
        case.cell(**case.arguments, **arguments),
    ):
        config = json.loads(json.dumps(layer.get_config()))
        copy = type(layer).from_config(config)
        assert copy.get_config() == layer.get_config()
        assert copy.name == layer.name
        assert not set(config) & set(case.refused)
        held = case.accepted(dropout=0.1, recurrent_dropout=0.2, seed=3)
        held |= case.arguments
        for key, value in held.items():
            assert config[key] == (list(value) if isinstance(value, tuple) else value)
    assert all(case.make(False, run).get_config()[key] for key in run)


@each_case
@each_form
def test_every_weight_and_state_matters(name, by_cell):
    case, x = CASES[name], tf.constant(inputs(3, 13))
    layer, _ = made(name, by_cell)
    states = [tf.constant(state) for state in case.random_states(3)]
    for start in (None, states):
        with tf.GradientTape() as tape:
            tape.watch([x, *states])
            outputs, *_ = layer(x, initial_state=start)
            loss = tf.reduce_sum(outputs * inputs(1, case.output_size)[0, :, 0])
        seen = [v.value for v in layer.trainable_weights]
        gradients = tape.gradient(loss, [*seen, x, *(start or [])])
        names = [*case.weights, "x", "state_0", "state_1"]
        for part, gradient in zip(names, gradients):
            if name == "clockwork_rnn" and part == "state_1":
                continue  # a count has no gradient
            matters = np.asarray(gradient) != 0
            if name == "clockwork_rnn" and part == "recurrent_kernel":
                np.testing.assert_array_equal(matters, LOWER_BLOCKS)
            else:
                assert matters.all(), part


@each_case
def test_training_step_compiles_with_xla(name):
    case, mask = CASES[name], MASKS["holes"]
    layer, _ = made(name, False)
    x, states = inputs(3, 7), case.random_states(3)

    def gradients(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(x, mask=mask)[0] ** 2)
            if name == "clockwork_rnn":  # a carried state runs in another loop
                loss += tf.reduce_sum(layer(x, initial_state=states)[0] ** 2)
        return tape.gradient(loss, [v.value for v in layer.trainable_weights])

    compiled = tf.function(gradients, jit_compile=True)(x)
    for a, b in zip(compiled, gradients(x), strict=True):
        assert_near(a, b, 1e-4)


@each_case
@each_form
def test_nan_stays_in_its_own_row(name, by_cell):
    layer, _ = made(name, by_cell)
    x = inputs(3, 7)
    expected = layer(x)
    x[1, 2] = np.nan
    for mask in (None, np.ones((3, 7), bool)):
        result = layer(x, mask=mask)
        assert np.isnan(np.asarray(result[0])[1, 3:]).any()
        for r, e in zip(result, expected, strict=True):
            assert_near(np.asarray(r)[[0, 2]], np.asarray(e)[[0, 2]])


@each_case
def test_mask_of_an_embedding_reaches_the_layer(name):
    case = CASES[name]
    ids = np.array([[1, 2, 3, 0, 0], [0, 0, 0, 0, 0]])
    embedding = keras.layers.Embedding(5, FEATURES, mask_zero=True)
    layer, weights = made(name, False)
    embedded = embedding(ids)
    expected = case.reference(
        weights, ops.convert_to_numpy(embedded), case.zero_states(2), mask=ids > 0
    )
    assert_result(layer(embedded), expected)
    assert layer.compute_mask(embedded, ids > 0)[0].shape == (2, 5)
