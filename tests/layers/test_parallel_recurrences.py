"""minGRU, minLSTM and LRU: the layer over all steps is the cell step by step."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from cell_cases import CASES, FEATURES, inputs

import keras_seqzoo as seqzoo
from keras_seqzoo.export import export
from keras_seqzoo.layers import RNNStack, recurrent_layer
from keras_seqzoo.layers.cell_layer import CellLayer

NAMES = ("min_gru", "min_lstm", "lru", "lru_output_units")
GATED = ("min_gru", "min_lstm")  # those with a state above zero

each = pytest.mark.parametrize("name", NAMES)


def both_forms(name, run=None, **more):
    """The layer, and its cell in `keras.layers.RNN`, with the same weights."""
    return [CASES[name].filled(by_cell, run, **more)[0] for by_cell in (False, True)]


def outputs_and_gradients(layer, x, mask, states):
    """All outputs and states, and the gradients of a loss in them all."""
    given = [*map(tf.convert_to_tensor, [x, *states])]
    rng = np.random.default_rng(5)
    with tf.GradientTape() as tape:
        tape.watch(given)
        results = layer(given[0], mask=mask, initial_state=given[1:] or None)
        loss = sum(tf.reduce_mean(r * rng.normal(size=r.shape)) for r in results)
    variables = [v.value for v in layer.trainable_weights]
    return results, tape.gradient(loss, [*variables, *given])


@each
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forward", "backward"])
def test_parallel_is_sequential(name, go_backwards):
    parallel, sequential = both_forms(name, {"go_backwards": go_backwards})
    length = 70
    mask = np.random.default_rng(4).random((3, length)) < 0.6
    mask[1], mask[2, :20] = False, False
    x = inputs(3, length)
    for states, m in (([], None), (CASES[name].random_states(3), mask)):
        actual, expected = (
            tf.function(outputs_and_gradients)(layer, x, m, states)
            for layer in (parallel, sequential)
        )
        for a, b in zip(tf.nest.flatten(actual), tf.nest.flatten(expected)):
            a, b = (tf.convert_to_tensor(t).numpy() for t in (a, b))
            np.testing.assert_allclose(a, b, 0, 1e-5)


@each
@pytest.mark.parametrize("go_backwards", [False, True], ids=["forward", "backward"])
def test_truncated_backpropagation_is_that_of_the_step_by_step_loop(
    name, go_backwards, monkeypatch
):
    case = CASES[name]
    run = {"go_backwards": go_backwards}
    layer, _ = case.filled(False, run, tbptt_steps=5)
    whole, _ = case.filled(False, run)
    x, states = inputs(3, 23), case.random_states(3)
    outputs, gradients = outputs_and_gradients(layer, x, None, states)
    _, untruncated = outputs_and_gradients(whole, x, None, states)
    monkeypatch.setattr(case.layer, "inner_loop", CellLayer.inner_loop)
    expected = outputs_and_gradients(layer, x, None, states)
    for a, b in zip([*outputs, *gradients], [*expected[0], *expected[1]]):
        a, b = (tf.convert_to_tensor(t).numpy() for t in (a, b))
        np.testing.assert_allclose(a, b, 0, 1e-6)
    kernel = [v.name for v in layer.trainable_weights].index("kernel")
    assert np.abs(gradients[kernel] - untruncated[kernel]).max() > 1e-5


@each
def test_padding_does_not_reach_the_gradients(name):
    layer, _ = CASES[name].filled(False)
    x, states = inputs(3, 12), CASES[name].random_states(3)
    mask = np.arange(12) < np.array([[12], [5], [0]])
    clean = outputs_and_gradients(layer, x, mask, states)
    junk = np.where(mask[..., None], x, np.float32(np.nan))
    dirty = outputs_and_gradients(layer, junk, mask, states)
    for a, b in zip(tf.nest.flatten(dirty), tf.nest.flatten(clean), strict=True):
        np.testing.assert_array_equal(tf.convert_to_tensor(a), tf.convert_to_tensor(b))


def log_space_reference(name, weights, x, h0):
    """h as the paper computes it, on logarithms, in float64.

    log h = a* + logcumsumexp(log b − a*), with log h0 as the first log b, and a* the
    running sum of log a.
    """
    projected = x.astype("float64") @ weights["kernel"] + weights["bias"]

    def softplus(z):
        return np.logaddexp(z, 0)

    if name == "min_gru":
        k, v = np.split(projected, 2, axis=-1)
        log_a, log_gate = -softplus(k), -softplus(-k)
    else:
        k_i, k_f, v = np.split(projected, 3, axis=-1)
        d = softplus(-k_f) - softplus(-k_i)
        log_a, log_gate = -softplus(d), -softplus(-d)
    log_g = np.where(v >= 0, np.log(np.maximum(v, 0) + 0.5), -softplus(-v))
    with np.errstate(divide="ignore"):  # log 0 = −inf: nothing to add
        log_b = np.concatenate([np.log(h0)[:, None], log_gate + log_g], axis=1)
    a_star = np.cumsum(np.pad(log_a, [(0, 0), (1, 0), (0, 0)]), axis=1)
    return np.exp(a_star + np.logaddexp.accumulate(log_b - a_star, axis=1))[:, 1:]


@pytest.mark.parametrize("name", GATED)
@pytest.mark.parametrize("length", [1, 50, 1000])
def test_result_is_the_papers_log_space_form(name, length):
    layer, weights = CASES[name].filled(False)
    x = inputs(3, length)
    rng = np.random.default_rng(6)
    carried = np.exp(rng.normal(size=(3, 4))).astype("float32")
    for h0 in (carried, np.zeros((3, 4), "float32")):
        expected = log_space_reference(name, weights, x, h0.astype("float64"))
        outputs, h = layer(x, initial_state=[h0])
        np.testing.assert_allclose(outputs, expected, 1e-5, 1e-6)
        np.testing.assert_array_equal(h, outputs[:, -1])
    np.testing.assert_array_equal(layer(x)[0], outputs)  # from zero, unasked


@pytest.mark.parametrize("name", GATED)
def test_state_stays_above_zero(name):
    layer, _ = CASES[name].filled(False)
    outputs, _ = layer(5.0 * inputs(3, 200))
    assert (np.asarray(outputs) > 0).all()


@each
@pytest.mark.parametrize("scale", [0.0, 1.0, 300.0])
def test_no_nan_from_zero_states_empty_rows_and_saturated_gates(name, scale):
    layer, _ = CASES[name].filled(False)
    x = scale * inputs(3, 40)
    mask = np.ones((3, 40), bool)
    mask[0, :10], mask[1] = False, False
    for m in (None, mask):
        zero = CASES[name].zero_states(3)
        results, gradients = outputs_and_gradients(layer, x, m, zero)
        for value in [*results, *gradients]:
            assert np.isfinite(tf.convert_to_tensor(value).numpy()).all()


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("min_gru", "mixed_float16"),
        ("min_lstm", "mixed_bfloat16"),
        ("lru", "mixed_float16"),
        ("lru_output_units", "mixed_bfloat16"),
    ],
)
def test_long_sequences_in_mixed_precision(name, dtype):
    """4,000 steps of a slow unit: half precision could not add them up."""
    case = CASES[name]
    half, plain = case.filled(False, dtype=dtype)[0], case.filled(False)[0]
    for layer in (half, plain):
        weights = case.random_weights()
        if name in GATED:
            weights["kernel"][:] /= 4
            weights["bias"][: 4 if name == "min_gru" else 8] = -6.0  # gates near shut
            if name == "min_lstm":
                weights["bias"][4:8] = 0.0
        else:
            weights["nu_log"][:] = -6.0
            weights["gamma_log"][:] = -3.0
        layer.set_weights(list(weights.values()))
    x = inputs(2, 4000)
    with tf.GradientTape() as tape:
        results = half(x)
        loss = tf.reduce_mean(tf.cast(results[0], "float32"))
    expected = plain(x)
    scale = np.abs(expected[0]).max()
    for a, b in zip(results, expected, strict=True):
        assert a.dtype == getattr(tf, dtype.removeprefix("mixed_"))
        a = tf.cast(a, "float32").numpy()
        tolerance = 0.01 if dtype == "mixed_float16" else 0.05
        np.testing.assert_allclose(a, b, 0, tolerance * scale)
    for gradient in tape.gradient(loss, [v.value for v in half.trainable_weights]):
        assert np.isfinite(np.asarray(gradient, "float32")).all()


@each
def test_gradients_of_a_state_in_half_precision(name):
    case, x = CASES[name], tf.constant(inputs(3, 5))
    found = []
    for dtype in ("mixed_float16", "float32"):
        layer, _ = case.filled(False, dtype=dtype)
        states = [tf.cast(s, layer.compute_dtype) for s in case.random_states(3)]
        with tf.GradientTape() as tape:
            tape.watch(states)
            loss = tf.reduce_sum(layer(x, initial_state=states)[0])
        gradients = tape.gradient(loss, states)
        assert {g.dtype for g in gradients} == {states[0].dtype}
        found.append([tf.cast(g, "float32") for g in gradients])
    np.testing.assert_allclose(*found, 0, 0.01)


@each
def test_streaming_step_by_step_is_the_whole(name):
    layer, _ = CASES[name].filled(False)
    x = inputs(2, 30)
    whole, *final = layer(x)
    states = layer.cell.get_initial_state(2)
    steps = []
    for t in range(30):
        output, states = layer.cell(x[:, t], states)
        steps.append(output)
    np.testing.assert_allclose(np.stack(steps, axis=1), whole, 0, 1e-6)
    for state, expected in zip(states, final, strict=True):
        np.testing.assert_allclose(state, expected, 0, 1e-6)


@pytest.mark.parametrize("name", ["min_lstm", "lru_output_units"])
def test_fit_compiles_and_learns(name):
    """Under XLA, which is `fit`'s default, on batches of two lengths."""
    keras.utils.set_random_seed(0)
    x = keras.Input((None, FEATURES))
    mask = keras.Input((None,), dtype="bool")
    layer = CASES[name].make(False, {"return_state": False}, dropout=0.1)
    h = keras.layers.Bidirectional(layer)(x, mask=mask)
    model = keras.Model([x, mask], keras.layers.Dense(1)(h))
    model.compile(keras.optimizers.Adam(0.03), "mse", jit_compile=True)

    batches = []
    for length in (12, 17):
        data = inputs(8, length)
        valid = np.arange(length) < np.array([[length], [2]] * 4)
        batches.append(((data, valid), np.cumsum(data[..., :1], axis=1)))
    first = [model.train_on_batch(*batch) for batch in batches]
    for _ in range(20):
        last = [model.train_on_batch(*batch) for batch in batches]
    assert sum(last) < 0.8 * sum(first)


@pytest.fixture(scope="module")
def exportable():
    def make(cell, **arguments):
        keras.utils.set_random_seed(0)
        x = keras.Input((None, 5), name="x")
        mask = keras.Input((None,), dtype="bool", name="mask")

        def layer(**more):
            return recurrent_layer(cell, 4, **arguments, **more)

        one_way = layer(return_sequences=True, go_backwards=True)(x, mask=mask)
        both = keras.layers.Bidirectional(layer(return_sequences=True))(x, mask=mask)
        last = layer(dropout=0.3)(x)
        model = keras.Model([x, mask], [one_way, both, last])
        rng = np.random.default_rng(0)
        for weight in model.weights:
            if "seed" not in weight.path:
                weight.assign(weight + rng.normal(0, 0.2, weight.shape))
        return model

    return make


@pytest.mark.parametrize(
    ("cell", "suffix"),
    [
        ("min_gru", "/"),
        ("min_lstm", ".tflite"),
        ("lru", ".tflite"),
        ("lru", ".onnx"),
    ],
)
def test_export(cell, suffix, exportable, tmp_path):
    """Run in its runtime and compared with Keras, under any mask."""
    report = export(
        exportable(cell), f"{tmp_path}/x{suffix}", tolerance=4e-6, lengths=(1, 8, 17)
    )
    if suffix == ".tflite":
        foreign = ("custom", "Flex", "TENSOR_LIST", "READ_VARIABLE", "RANDOM")
        assert not [name for name in report.operators if name.startswith(foreign)]


@pytest.mark.parametrize("cell", ["min_gru", "min_lstm", "lru"])
def test_stack_and_tagger_by_name(cell):
    keras.utils.set_random_seed(0)
    stack = RNNStack(cell, 3, 4, num_layers=2, bidirectional=True, return_state=True)
    x, mask = inputs(2, 9), np.arange(9) < np.array([[9], [4]])
    output, states = stack(x, mask=mask)
    # An LRU is as wide as its input, and both directions as wide as two.
    width = 12 if cell == "lru" else 8
    assert output.shape == (2, 9, width)
    shorter, _ = stack(x[1:, :4])
    np.testing.assert_allclose(output[1, :4], shorter[0], 0, 1e-6)
    again, _ = stack(x, mask=mask, initial_state=states)
    assert np.abs(again - output).max() > 1e-4
    copy = RNNStack.from_config(stack.get_config())
    copy.build((None, None, 3))
    copy.set_weights(stack.get_weights())
    np.testing.assert_array_equal(copy(x, mask=mask)[0], output)

    tagger = seqzoo.create(
        "bi_gru_tagger",
        cell=cell,
        units=4,
        vocabulary=["to", "oulu"],
        labels=["O", "B-city"],
    )
    tagged = tagger.predict_text(["to Oulu", "to"])
    assert [len(words) for words in tagged] == [2, 1]


def test_references_step_is_the_log_space_form():
    """The two references of this project's tests agree with each other."""
    for name in GATED:
        weights = CASES[name].random_weights()
        x, h0 = inputs(2, 60), np.full((2, 4), 0.7)
        expected = log_space_reference(name, weights, x, h0)
        outputs, _ = CASES[name].reference(weights, x, [h0])
        np.testing.assert_allclose(outputs, expected, 1e-9)
