"""The engine against the same cells in `keras.layers.RNN`: outputs and gradients."""

from functools import cache

import keras
import numpy as np
import pytest
import tensorflow as tf
from cell_cases import CASES, FEATURES, inputs

from keras_seqzoo.layers import batch_parts, bptt, cell_layer, simple_recurrence

BATCH, LENGTH = 2 * batch_parts.PART + 1, 7  # two parts of unequal size

# name -> (jit_compile, batch, length) of the function's signature
GRAPHS = {
    "graph": (False, BATCH, LENGTH),
    "graph_free_batch": (False, None, LENGTH),
    "xla": (True, BATCH, LENGTH),
    "xla_free_length": (True, BATCH, None),
}


@pytest.fixture
def engine_calls(monkeypatch):
    """How often the engine ran; two parts a batch and two blocks a sequence."""
    calls = []
    monkeypatch.setattr(batch_parts, "BLOCK", 4)

    def counting(*args, **kwargs):
        calls.append(1)
        return bptt.recurrent(*args, **kwargs)

    monkeypatch.setattr(cell_layer, "recurrent", counting)
    monkeypatch.setattr(simple_recurrence, "recurrent", counting)
    cores = tf.config.threading.get_inter_op_parallelism_threads
    monkeypatch.setattr(
        tf.config.threading, "get_inter_op_parallelism_threads", lambda: cores() or 2
    )
    return calls


def pair(name, run, **more):
    """The layer and the same cell in Keras' RNN, with the same weights."""
    case = CASES[name]
    return [case.filled(by_cell, run, **more)[0] for by_cell in (False, True)]


def results(layer, x, mask, states, training=False, weights=None):
    """Outputs, states, and the gradients of a loss that reads all of them."""
    weights = weights or [w.value for w in layer.trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch([x, *states])
        outputs, *last = layer(
            x, mask=mask, initial_state=states or None, training=training
        )
        loss = tf.reduce_sum(outputs * tf.cos(tf.cast(tf.shape(outputs)[1], x.dtype)))
        loss += sum(tf.reduce_sum(tf.sin(2.0 * state)) for state in last)
        loss += tf.reduce_sum(tf.sin(outputs))
    sources = [x, *states, *weights]
    gradients = tape.gradient(loss, sources, unconnected_gradients="zero")
    return [outputs, *last], gradients


def compiled(function, kind):
    jit_compile, batch, length = GRAPHS[kind]
    signature = [tf.TensorSpec((batch, length, FEATURES))]
    return tf.function(function, jit_compile=jit_compile, input_signature=signature)


def assert_same(actual, expected, atol=1e-6, gradient_rtol=1e-5):
    for one, other in zip(actual[0], expected[0], strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)
    for one, other in zip(actual[1], expected[1], strict=True):
        scale = max(1.0, float(np.abs(other).max()))
        np.testing.assert_allclose(one, other, rtol=0, atol=gradient_rtol * scale)


@cache
def data(name):
    case = CASES[name]
    rng = np.random.default_rng(5)
    mask = rng.random((BATCH, LENGTH)) < 0.7
    mask[0], mask[1] = False, np.arange(LENGTH) < 3
    states = [tf.constant(s) for s in case.random_states(BATCH)]
    return tf.constant(inputs(BATCH, LENGTH)), tf.constant(mask), states


def is_linear(name):
    """Whether it runs on `linear_recurrence`, which has tests of its own."""
    return name.startswith(("min_gru", "min_lstm", "lru"))


ENGINE_CASES = [name for name in CASES if not is_linear(name)]
# One of each kind of loop: a compilation takes seconds.
LOOPS = ["peephole_lstm", "clockwork_rnn", "scrn"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, "graph") for name in ENGINE_CASES]
    + [(name, kind) for name in LOOPS for kind in GRAPHS if kind != "graph"],
)
def test_engine_is_the_step_by_step_layer(name, kind, engine_calls):
    x, mask, start = data(name)
    # (backwards, masked, from a carried state)
    uses = [(False, False, False), (True, True, True)]
    if name == "clockwork_rnn":  # goes step by step from a carried state
        uses[1] = (True, True, False)
    both = kind == "graph" and name in LOOPS
    for backwards, masked, carried in uses if both else uses[1:]:
        layer, reference = pair(name, {"go_backwards": backwards})
        m, states = (mask if masked else None), (start if carried else [])
        if "free" in kind:
            states = []  # constants of a batch that the signature leaves open
        expected = results(reference, x, m, states)
        function = compiled(
            lambda x: results(layer, x, like(x, m, kind), states),  # noqa: B023
            kind,
        )
        assert_same(function(x), expected)
    assert engine_calls


def like(x, mask, kind):
    """The mask, of a batch and length as free as those of x."""
    if mask is None or "free" not in kind:
        return mask
    batch, length, _ = tf.unstack(tf.shape(x))
    return mask[:batch, :length]


@pytest.mark.parametrize(
    ("name", "unrolled"),
    [
        ("peephole_lstm", 1),
        ("peephole_lstm", 3),
        ("clockwork_rnn", LENGTH),
        ("peephole_lstm", LENGTH + 1),
    ],
)
def test_engine_as_on_a_gpu(name, unrolled, engine_calls, monkeypatch):
    """Several steps a turn of the loop, and the rest after it."""
    for module in (bptt, batch_parts):
        monkeypatch.setattr(module, "on_gpu", lambda: True)
    monkeypatch.setattr(bptt, "UNROLLED", unrolled)
    x, mask, _ = data(name)
    layer, reference = pair(name, {})
    expected = results(reference, x, mask, [])
    assert_same(compiled(lambda x: results(layer, x, mask, []), "xla")(x), expected)
    assert engine_calls


@pytest.mark.parametrize(
    ("name", "rows"),
    [("peephole_lstm", 1), ("coupled_lstm", batch_parts.PART + 1), ("scrn", 1)],
)
def test_a_small_batch_leaves_parts_empty(name, rows, engine_calls, monkeypatch):
    monkeypatch.setattr(
        tf.config.threading, "get_inter_op_parallelism_threads", lambda: 8
    )
    x, _, _ = data(name)
    layer, reference = pair(name, None)
    function = compiled(lambda x: results(layer, x, None, []), "graph_free_batch")
    assert_same(function(x[:rows]), results(reference, x[:rows], None, []))
    assert engine_calls


@pytest.mark.parametrize("name", ["peephole_lstm", "scrn"])
def test_fit_on_a_partial_last_batch_behind_other_layers(name, engine_calls):
    x = np.random.default_rng(0).normal(size=(10, LENGTH, FEATURES))
    layers = [keras.layers.Dense(FEATURES), CASES[name].layer(4), keras.layers.Dense(1)]
    model = keras.Sequential([keras.Input((LENGTH, FEATURES)), *layers])
    model.compile("sgd", "mse")
    loss = model.fit(x, x[:, 0, :1], batch_size=4, verbose=0).history["loss"]
    assert engine_calls and np.isfinite(loss).all()


@pytest.mark.parametrize("name", [*LOOPS, "coupled_lstm"])
def test_engine_drops_what_the_cell_drops(name, engine_calls):
    x, mask, _ = data(name)
    layer, reference = pair(name, None, recurrent_dropout=0.5, dropout=0.3)
    # The same masks for both: kept here instead of drawn anew.
    drawn = np.random.default_rng(0).integers(0, 2, (BATCH, 6)) * 2.0
    drawn = tf.constant(drawn, "float32")

    def drop(x, training):  # one step's inputs, or all steps'
        own = drawn[:, : x.shape[-1]]
        return x * (own if len(x.shape) == 2 else own[:, None])

    for one in (layer, reference):
        one.cell.recurrent_mask = lambda h, training: drawn[:, : h.shape[-1]]
        one.cell.drop_inputs = drop
    expected = results(reference, x, mask, [], training=True)
    function = compiled(lambda x: results(layer, x, mask, [], True), "graph")
    assert_same(function(x), expected)
    assert engine_calls


@pytest.mark.parametrize(
    "name", ["peephole_lstm", "coupled_lstm", "scrn", "clockwork_rnn"]
)
@pytest.mark.parametrize("kind", ["graph", "xla"])
def test_truncated_gradients_stop_every_k_steps(name, kind):
    x, _, _ = data(name)
    layer, _ = CASES[name].filled(False, {"tbptt_steps": 3, "go_backwards": True})
    plain, _ = CASES[name].filled(False)
    drawn = np.random.default_rng(0).integers(0, 2, (BATCH, 6)) * 2.0
    for one in (layer, plain):  # what it drops, it drops in every chunk
        one.cell.recurrent_mask = lambda h, training: tf.cast(
            drawn[:, : h.shape[-1]], h.dtype
        )

    def in_chunks(x):
        """The definition: chunks of 3 steps, each from a state held constant."""
        loss, states = 0.0, [tf.constant(s) for s in CASES[name].zero_states(BATCH)]
        for start in range(0, LENGTH, 3):
            states = [tf.stop_gradient(s) for s in states]
            outputs, *states = plain(x[:, start : start + 3], initial_state=states)
            loss += tf.reduce_sum(tf.sin(outputs))
        return loss

    def gradients(loss, layer):
        weights = [w.value for w in layer.trainable_variables]
        with tf.GradientTape() as tape:
            value = loss()
        return tape.gradient(value, weights)

    def truncated(x):
        return gradients(lambda: tf.reduce_sum(tf.sin(layer(x)[0])), layer)

    expected = gradients(lambda: in_chunks(x[:, ::-1]), plain)
    whole = gradients(lambda: tf.reduce_sum(tf.sin(plain(x[:, ::-1])[0])), plain)
    assert max(float(np.abs(a - b).max()) for a, b in zip(whole, expected)) > 0.01
    for result in (truncated(x), compiled(truncated, kind)(x)):
        for one, other in zip(result, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("name", "zero_output_for_mask"),
    [("peephole_lstm", True), ("coupled_lstm", False), ("scrn", False)],
)
def test_truncation_at_masked_steps_is_the_same_on_both_paths(
    name, zero_output_for_mask, engine_calls
):
    x, mask, start = data(name)
    mask = mask.numpy()
    mask[:, 3] = np.arange(BATCH) % 2  # the first cut, masked in every other row
    run = {"tbptt_steps": 3, "zero_output_for_mask": zero_output_for_mask}
    layer, _ = CASES[name].filled(False, run)
    plain, _ = CASES[name].filled(False, {**run, "tbptt_steps": None})
    stepwise = results(layer, x, tf.constant(mask), start)
    for one, other in zip(stepwise[0], plain(x, mask=mask, initial_state=start)):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    function = compiled(lambda x: results(layer, x, tf.constant(mask), start), "graph")
    assert_same(function(x), stepwise)
    assert engine_calls or name == "scrn"  # SCRN truncates step by step everywhere


@pytest.mark.parametrize("name", CASES)
def test_no_gradient_crosses_a_cut_at_a_masked_step(name):
    """Not even by the output of the step before, which a masked step repeats."""
    x, mask, _ = data(name)
    mask = np.ones((BATCH, LENGTH), bool)
    mask[:, 3:5] = False
    reaching = []
    for tbptt_steps in (None, 3):
        layer, _ = CASES[name].filled(False, {"tbptt_steps": tbptt_steps})
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, mask=mask)[0][:, 3:] ** 2)
        reaching.append(float(tf.norm(tape.gradient(loss, x)[:, :3])))
    assert reaching[0] > 0.01 and reaching[1] == 0.0


def test_tbptt_steps_must_be_a_positive_integer():
    with pytest.raises(ValueError, match="`tbptt_steps`.*Received: tbptt_steps=0"):
        CASES["peephole_lstm"].make(False, {"tbptt_steps": 0})


def test_tbptt_steps_are_in_the_config():
    layer = CASES["peephole_lstm"].make(False, {"tbptt_steps": 4})
    assert type(layer).from_config(layer.get_config()).tbptt_steps == 4


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["peephole_lstm", "scrn"])
def test_engine_in_mixed_precision(name, policy, engine_calls):
    x, mask, _ = data(name)
    layer, _ = pair(name, None, dtype=policy)
    exact, _ = pair(name, None)
    outputs = compiled(lambda x: layer(x, mask=mask)[0], "graph")(x)
    assert engine_calls and outputs.dtype == layer.compute_dtype
    precise = exact(x, mask=mask)[0]
    np.testing.assert_allclose(tf.cast(outputs, "float32"), precise, rtol=0, atol=0.05)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name in LOOPS for kind in ("graph", "eager")],
)
def test_nan_in_the_padding_reaches_no_gradient(name, kind, engine_calls):
    x, mask, _ = data(name)
    layer, _ = pair(name, None)
    dirty = tf.where(mask[..., None], x, np.nan)

    def function(x):
        return results(layer, x, mask, [])

    function = compiled(function, "graph") if kind == "graph" else function
    assert_same(function(dirty), function(x))
    assert bool(engine_calls) == (kind == "graph")


@pytest.mark.parametrize("name", ["peephole_lstm", "clockwork_rnn", "min_gru"])
def test_a_mask_in_any_form(name):
    x, mask, _ = data(name)
    layer, _ = pair(name, None)
    expected = layer(x, mask=mask)[0]
    numbers = tf.cast(mask, "int32")
    for form in (mask.numpy(), mask.numpy().tolist(), numbers, numbers[..., None]):
        np.testing.assert_array_equal(layer(x, mask=form)[0], expected)
    found = tf.function(lambda x: layer(x, mask=numbers[..., None])[0])(x)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_fit_runs_the_engine_and_learns(engine_calls):
    keras.utils.set_random_seed(0)
    x = np.random.default_rng(0).normal(size=(40, 9, 3)).astype("float32")
    y = x[:, 0, :1]
    layer = CASES["coupled_lstm"].layer(12)
    model = keras.Sequential([keras.Input((9, 3)), layer, keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(0.02), "mse")
    history = model.fit(x, y, epochs=20, batch_size=32, verbose=0).history["loss"]
    assert engine_calls
    assert history[-1] < 0.3 * history[0]


@pytest.mark.parametrize("which", ["activation", "recurrent_activation"])
def test_other_activations_go_step_by_step(which, engine_calls):
    x, _, _ = data("peephole_lstm")
    layer, reference = pair("peephole_lstm", None, **{which: "relu"})
    function = compiled(lambda x: results(layer, x, None, []), "graph")
    assert_same(function(x), results(reference, x, None, []))
    assert not engine_calls


@pytest.mark.parametrize(
    ("name", "tapes"),
    [
        ("peephole_lstm", "two"),
        ("peephole_lstm", "persistent"),
        ("clockwork_rnn", "persistent outside"),
    ],
)
def test_first_gradients_under_any_tapes(name, tapes):
    x, _, _ = data(name)
    layer, _ = pair(name, None)
    weights = layer.trainable_weights
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(layer(x)[0] ** 2)
    expected = tape.gradient(loss, weights)
    compiled_layer = tf.function(layer)

    def two():
        with tf.GradientTape() as one, tf.GradientTape() as other:
            y = layer(x)[0]
            first, second = tf.reduce_sum(y), tf.reduce_sum(y**2)
        return one.gradient(first, weights), other.gradient(second, weights)

    def persistent(layer=layer):
        with tf.GradientTape(persistent=True) as tape:
            y = layer(x)[0]
            first, second = tf.reduce_sum(y), tf.reduce_sum(y**2)
        return tape.gradient(first, weights), tape.gradient(second, weights)

    if tapes == "persistent outside":
        _, found = persistent(compiled_layer)
    else:
        _, found = tf.function(two if tapes == "two" else persistent)()
    for one, other in zip(found, expected):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("peephole_lstm", "graph", "unroll=True"),
        ("peephole_lstm", "xla", "unroll_True"),  # in the name of an operator
        ("clockwork_rnn", "graph", "unroll_True"),
    ],
)
def test_a_second_derivative_names_the_way_out(name, kind, words):
    x, _, _ = data(name)
    layer, _ = pair(name, None)

    @tf.function(jit_compile=kind == "xla")
    def second():
        with tf.GradientTape() as outer:
            outer.watch(x)
            with tf.GradientTape() as inner:
                inner.watch(x)
                loss = tf.reduce_sum(layer(x)[0] ** 2)
            slope = tf.reduce_sum(inner.gradient(loss, x) ** 2)
        return outer.gradient(slope, x)

    with pytest.raises(tf.errors.InvalidArgumentError, match=words):
        second()


@pytest.mark.parametrize("activation", [lambda x: x * 0.5, keras.layers.LeakyReLU()])
def test_clockwork_takes_any_callable_as_its_activation(activation):
    x, _, _ = data("clockwork_rnn")
    layer, reference = pair("clockwork_rnn", None, activation=activation)
    expected = results(reference, x, None, [])
    assert_same(results(layer, x, None, []), expected)
    function = compiled(lambda x: results(layer, x, None, []), "graph")
    assert_same(function(x), expected)


def test_clockwork_learns_with_an_activation_that_the_engine_lacks():
    layer = CASES["clockwork_rnn"].layer(6, periods=(1, 2), activation="elu")
    model = keras.Sequential([keras.Input((LENGTH, FEATURES)), layer])
    model.compile("sgd", "mse", jit_compile=False)
    x = inputs(4, LENGTH)
    losses = [model.train_on_batch(x, np.zeros((4, 6))) for _ in range(2)]
    assert losses[1] < losses[0]
