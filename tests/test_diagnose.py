"""The gradient probe against finite differences and hand-written backward passes."""

import importlib.util
import json
import pathlib
import sys
from functools import partial

import keras
import numpy as np
import pytest
import references
import tensorflow as tf
from readme_section import markers

import keras_seqzoo as seqzoo
from keras_seqzoo.diagnose import gradient_flow
from keras_seqzoo.layers import (
    SCRN,
    ClockworkRNN,
    CoupledLSTM,
    PeepholeLSTM,
    RNNStack,
    recurrent_layer,
)

FEATURES, UNITS, BATCH, STEPS = 3, 4, 3, 6
REFERENCES = {  # name -> step, arguments, sizes of the states
    "simple_rnn": (references.simple_rnn_step, {}, (UNITS,)),
    "lstm": (references.lstm_step, {}, (UNITS, UNITS)),
    "peephole_lstm": (references.peephole_lstm_step, {}, (UNITS, UNITS)),
    "coupled_lstm": (references.coupled_lstm_step, {"peephole": True}, (UNITS, UNITS)),
    "gru": (references.gru_step, {}, (UNITS,)),
    "clockwork_rnn": (
        partial(references.clockwork_rnn_step, periods=(1, 3)),
        {"periods": (1, 3)},
        (UNITS, 1),
    ),
    "scrn": (
        partial(references.scrn_step, alpha=0.8),
        {"context_units": 2, "alpha": 0.8},
        (UNITS, 2),
    ),
}
MASK = np.array([[1, 1, 1, 1, 0, 0], [0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 0]], bool)


def total(factors, targets, outputs):
    """A loss that reads every output, and not in a straight line."""
    return tf.reduce_sum(tf.sin(outputs) * factors) + 0.0 * tf.reduce_sum(targets)


def filled(layer, time=None, seed=0):
    """A functional float64 model of one layer, with random weights, by name."""
    x = keras.Input((time, FEATURES), dtype="float64")
    mask = keras.Input((time,), dtype="bool")
    model = keras.Model([x, mask], layer(x, mask=mask))
    rng = np.random.default_rng(seed)
    weights = [rng.normal(0, 0.6, w.shape) for w in layer.weights]
    layer.set_weights(weights)
    return model, {w.name: v for w, v in zip(layer.weights, weights)}


def batch_of(model, mask=None, seed=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(BATCH, STEPS, FEATURES))
    mask = np.ones((BATCH, STEPS), bool) if mask is None else mask
    return ([x, mask], np.zeros(BATCH))


def masked_mean(norms, mask):
    """Of norms (time, batch), the means over the valid examples, or zeros."""
    valid = np.ones((BATCH, STEPS), bool) if mask is None else mask
    return np.array(
        [n[v].mean() if v.any() else 0.0 for n, v in zip(norms, valid.T, strict=True)]
    )


@pytest.mark.parametrize("masked", [False, True], ids=["whole", "masked"])
@pytest.mark.parametrize("backwards", [False, True], ids=["forward", "backward"])
@pytest.mark.parametrize("cell", REFERENCES)
def test_norms_are_finite_differences(cell, backwards, masked):
    step, arguments, sizes = REFERENCES[cell]
    layer = recurrent_layer(
        cell,
        UNITS,
        return_sequences=True,
        go_backwards=backwards,
        dtype="float64",
        **arguments,
    )
    model, weights = filled(layer)
    mask = MASK if masked else None
    batch = batch_of(model, mask)
    outputs = sum(sizes) if cell == "scrn" else UNITS
    factors = np.random.default_rng(2).normal(size=(BATCH, STEPS, outputs))
    flow = gradient_flow(model, batch, partial(total, factors))

    if cell == "gru":  # the reference has its update gate the other way round
        for weight in weights.values():
            weight[..., :UNITS] *= -1

    def loss(at, example, error):
        """The loss with an error added to one example's h at one step."""
        clock = iter(range(STEPS))

        def disturbed(x, states):
            output, states = step(x, states, weights)
            if next(clock) == at:
                output, h = output.copy(), states[0].copy()
                output[example, :UNITS] += error
                h[example] += error
                states = [h, *states[1:]]
            return output, states

        begin = [np.zeros((BATCH, n)) for n in sizes]
        result, _ = references.run(disturbed, batch[0][0], begin, mask, backwards)
        return (np.sin(result) * factors).sum()

    def norm(at, example):
        errors = 1e-5 * np.eye(UNITS)
        rise = [loss(at, example, e) - loss(at, example, -e) for e in errors]
        return np.linalg.norm(rise) / 2e-5

    norms = np.array([[norm(t, b) for b in range(BATCH)] for t in range(STEPS)])
    norms = norms[::-1] if backwards else norms
    expected = masked_mean(norms, mask)
    assert (expected[:4] > 0).all()
    np.testing.assert_allclose(flow.norms[layer.name], expected, rtol=1e-6, atol=1e-9)
    assert flow.loss == pytest.approx(loss(-1, 0, 0.0), rel=1e-12)


def test_a_linear_recurrence_by_hand():
    # h_t = w h_{t-1} + x_t and L = mean of h_T, so dL/dh_t = w^(T-t) / batch.
    layer = keras.layers.SimpleRNN(1, activation="linear", use_bias=False)
    model = keras.Sequential([keras.Input((9, 1)), layer])
    layer.set_weights([np.ones((1, 1)), np.full((1, 1), 0.5)])
    x = np.random.default_rng(0).normal(size=(4, 9, 1)).astype("float32")
    flow = gradient_flow(model, (x, np.zeros(4)), lambda targets, outputs: outputs)
    expected = 0.5 ** np.arange(8, -1, -1) / 4
    np.testing.assert_allclose(flow.norms[layer.name], expected, rtol=1e-6)
    np.testing.assert_array_equal(flow.norms[layer.name], flow.whole_norms[layer.name])
    np.testing.assert_allclose(flow.loss, x[..., 0] @ expected @ np.ones(4), rtol=1e-5)


def test_both_states_of_an_lstm_against_an_unrolled_tape():
    layer = keras.layers.LSTM(
        UNITS, return_sequences=True, dtype="float64", name="lstm"
    )
    model, w = filled(layer)
    batch = batch_of(model)
    factors = np.random.default_rng(2).normal(size=(BATCH, STEPS, UNITS))
    flow = gradient_flow(model, batch, partial(total, factors))

    x = batch[0][0]
    errors = tf.zeros((2, STEPS, BATCH, UNITS), "float64")  # added to h and to c
    with tf.GradientTape() as tape:
        tape.watch(errors)
        h = c = tf.zeros((BATCH, UNITS), "float64")
        outputs = []
        for t in range(STEPS):
            z = x[:, t] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"]
            i, f, g, o = tf.split(z, 4, axis=-1)
            c = tf.sigmoid(f) * c + tf.sigmoid(i) * tf.tanh(g) + errors[1, t]
            h = tf.sigmoid(o) * tf.tanh(c) + errors[0, t]
            outputs.append(h)
        value = tf.reduce_sum(tf.sin(tf.stack(outputs, axis=1)) * factors)
    squares = (tape.gradient(value, errors).numpy() ** 2).sum(axis=-1)  # state, t, b
    expected = np.sqrt(squares).mean(axis=-1)
    assert flow.state_norms["lstm"].shape == (2, STEPS)
    np.testing.assert_allclose(flow.state_norms["lstm"], expected, rtol=1e-10)
    np.testing.assert_array_equal(flow.norms["lstm"], flow.state_norms["lstm"][0])
    whole = np.sqrt(squares.sum(axis=0)).mean(axis=-1)
    np.testing.assert_allclose(flow.whole_norms["lstm"], whole, rtol=1e-10)


def test_the_context_of_an_scrn_by_the_backward_pass():
    layer = SCRN(UNITS, 2, 0.8, return_sequences=True, dtype="float64", name="scrn")
    model, w = filled(layer)
    batch = batch_of(model)
    factors = np.random.default_rng(2).normal(size=(BATCH, STEPS, UNITS + 2))
    flow = gradient_flow(model, batch, partial(total, factors))

    step = partial(references.scrn_step, w=w, alpha=0.8)
    begin = [np.zeros((BATCH, UNITS)), np.zeros((BATCH, 2))]
    outputs, _ = references.run(step, batch[0][0], begin)
    direct = np.cos(outputs) * factors
    later_h, later_s, norms = 0.0, 0.0, []
    for t in reversed(range(STEPS)):
        h = outputs[:, t, :UNITS]
        d_h = direct[:, t, :UNITS] + later_h
        d_z = d_h * h * (1 - h)
        d_s = direct[:, t, UNITS:] + later_s + d_z @ w["context_recurrent_kernel"].T
        later_h, later_s = d_z @ w["recurrent_kernel"].T, 0.8 * d_s
        norms.append([np.linalg.norm(d, axis=-1).mean() for d in (d_h, d_s)])
    expected = np.array(norms[::-1]).T
    np.testing.assert_allclose(flow.state_norms["scrn"], expected, rtol=1e-10)


def test_the_clock_of_a_clockwork_rnn_has_no_gradient():
    model, _ = filled(ClockworkRNN(UNITS, (1, 3), dtype="float64", name="clock"))
    flow = gradient_flow(model, batch_of(model), squared)
    h, t = flow.state_norms["clock"]
    assert (h > 0).all() and (t == 0).all()


def test_truncation_cuts_nothing():
    def norms(tbptt_steps):
        keras.utils.set_random_seed(0)
        layer = CoupledLSTM(3, tbptt_steps=tbptt_steps)
        model = keras.Sequential([keras.Input((7, 2)), layer])
        x = np.random.default_rng(0).normal(size=(2, 7, 2)).astype("float32")
        flow = gradient_flow(model, (x, np.ones((2, 3), "float32")), "mse")
        return next(iter(flow.norms.values()))

    np.testing.assert_allclose(norms(3), norms(None), rtol=1e-6)
    assert norms(3).min() > 0


def test_padding_changes_nothing():
    layer = PeepholeLSTM(UNITS, dtype="float64", name="peephole")
    model, _ = filled(layer)
    (x, mask), y = batch_of(model)
    factors = np.random.default_rng(2).normal(size=(BATCH, UNITS))
    alone = gradient_flow(model, ([x, mask], y), partial(total, factors))
    padded = gradient_flow(
        model,
        ([np.pad(x, [(0, 0), (0, 2), (0, 0)]), np.pad(mask, [(0, 0), (0, 2)])], y),
        partial(total, factors),
    )
    expected = [*alone.norms["peephole"], 0.0, 0.0]
    np.testing.assert_allclose(padded.norms["peephole"], expected, rtol=1e-12)
    assert padded.loss == pytest.approx(alone.loss)


def inputs_for(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def functional(name, masking=False):
    """Two layers, both directions, with a classifier on each step."""
    x = keras.Input((None, FEATURES))
    y = keras.layers.Masking()(x) if masking else x
    y = keras.layers.Bidirectional(recurrent_layer(name, 5, return_sequences=True))(y)
    y = recurrent_layer(name, 4, return_sequences=True, name="second")(y)
    return keras.Model(x, keras.layers.Dense(2)(y))


@pytest.mark.parametrize("cell", REFERENCES)
def test_the_loss_is_the_one_that_evaluate_gives(cell):
    arguments = {"periods": (1,)} if cell == "clockwork_rnn" else {}
    x = inputs_for(4, 7, FEATURES)
    x[1, 4:] = 0.0  # masked
    y = inputs_for(4, 7, 2, seed=1)
    inner = recurrent_layer(cell, 5, return_sequences=True, **arguments)
    model = keras.Sequential(
        [
            keras.Input((None, FEATURES)),
            keras.layers.Masking(),
            keras.layers.Bidirectional(inner),
            recurrent_layer(cell, 4, return_sequences=True, name="top", **arguments),
            keras.layers.Dense(2),
        ]
    )
    model.compile(loss="mse")
    flow = gradient_flow(model, (x, y))
    assert flow.loss == pytest.approx(model.evaluate(x, y, verbose=0), rel=1e-5)
    forward, backward = (f"{side}_{inner.name}" for side in ("forward", "backward"))
    assert list(flow.norms) == [forward, backward, "top"]
    for norms in flow.norms.values():
        assert norms.shape == (7,) and norms.dtype == "float64"
        assert (norms > 0).all()


def test_loss_in_every_form():
    model = functional("gru")
    batch = (inputs_for(4, 7, FEATURES), inputs_for(4, 7, 2, seed=1))
    by_name = gradient_flow(model, batch, "mean_squared_error")
    model.compile(loss="mean_squared_error")
    for other in (
        gradient_flow(model, batch),
        gradient_flow(model, batch, keras.losses.MeanSquaredError()),
        gradient_flow(model, batch, lambda y, z: tf.reduce_mean((y - z) ** 2)),
    ):
        assert other.loss == pytest.approx(by_name.loss, rel=1e-6)
        for name, norms in by_name.norms.items():
            np.testing.assert_allclose(other.norms[name], norms, rtol=1e-4)


@pytest.mark.parametrize("given", [None, keras.losses.MeanSquaredError()])
def test_sample_weights_count(given):
    model = functional("gru")
    model.compile(loss="mse")
    x, y = inputs_for(4, 7, FEATURES), inputs_for(4, 7, 2, seed=1)
    weights = np.array([[0.0], [0.0], [1.0], [0.0]], "float32")
    flow = gradient_flow(model, (x, y, weights), given)
    one = gradient_flow(model, (x[2:3], y[2:3]), given)
    for name, norms in one.norms.items():
        # The other three have no gradient, and the mean is over four.
        np.testing.assert_allclose(flow.norms[name], norms / 16, rtol=1e-4)


class Subclassed(keras.Model):
    def __init__(self):
        super().__init__()
        self.stack = RNNStack("gru", FEATURES, 4, num_layers=2, bidirectional=True)
        self.cells = keras.layers.RNN(
            [keras.layers.LSTMCell(3), keras.layers.GRUCell(2)], name="stacked"
        )
        self.shared = keras.layers.LSTM(2, name="shared", return_sequences=True)
        self.never = keras.layers.LSTM(2)
        self.never.build((None, None, FEATURES))

    @tf.function
    def call(self, x):
        y = self.stack(x)
        both = self.shared(y) + self.shared(2.0 * y)
        return self.cells(y) + both[:, -1]


def test_subclassed_stacked_shared_and_compiled():
    model = Subclassed()
    x = inputs_for(2, 5, FEATURES)
    model(x)
    assert not tf.config.functions_run_eagerly()
    flow = gradient_flow(model, (x, np.zeros((2, 2))), "mse")
    assert not tf.config.functions_run_eagerly()
    assert list(flow.norms) == [
        "forward_layer_0",
        "backward_layer_0",
        "forward_layer_1",
        "backward_layer_1",
        "shared",
        "shared (call 2)",
        "stacked[0]",
        "stacked[1]",
    ]
    assert flow.state_norms["stacked[0]"].shape == (2, 5)
    assert flow.state_norms["stacked[1]"].shape == (1, 5)
    assert all((norms > 0).all() for norms in flow.norms.values())
    # The last outputs are added, so only the way there differs.
    differ = flow.norms["shared"] != flow.norms["shared (call 2)"]
    assert differ[:-1].all() and not differ[-1]


def test_each_step_of_time_distributed_is_a_call():
    layer = keras.layers.LSTM(2, name="inner")
    model = keras.Sequential(
        [keras.Input((3, 5, FEATURES)), keras.layers.TimeDistributed(layer)]
    )
    x = inputs_for(2, 3, 5, FEATURES)
    flow = gradient_flow(model, (x, np.zeros(2)), squared)
    assert list(flow.norms) == ["inner", "inner (call 2)", "inner (call 3)"]
    inner = keras.Sequential([keras.Input((5, FEATURES)), layer])
    alone = gradient_flow(inner, (x[:, 2], np.zeros(2)), squared)
    np.testing.assert_allclose(
        flow.norms["inner (call 3)"], alone.norms["inner"] / 3, rtol=1e-5
    )


def test_layers_of_one_name_go_by_their_paths():
    x = keras.Input((4, FEATURES))
    y = RNNStack("gru", FEATURES, 2, name="one")(x)
    model = keras.Model(x, RNNStack("gru", 2, 2, name="two")(y))
    flow = gradient_flow(
        model, (inputs_for(2, 4, FEATURES), np.zeros((2, 4, 2))), "mse"
    )
    paths = [f"{stack}/layer_0" for stack in ("one", "two")]
    assert list(flow.norms) == paths
    one = gradient_flow(
        model, (inputs_for(2, 4, FEATURES), np.zeros(2)), "mse", paths[1]
    )
    assert list(one.norms) == paths[1:]


def test_one_layer_alone():
    model = functional("lstm")
    batch = (inputs_for(2, 5, FEATURES), np.zeros((2, 5, 2)))
    whole = gradient_flow(model, batch, "mse")
    both = model.layers[1]
    for layer in (both, both.name, both.backward_layer, "second"):
        flow = gradient_flow(model, batch, "mse", layer=layer)
        wanted = list(whole.norms)
        wanted = wanted[:2] if layer in (both, both.name) else wanted
        wanted = wanted[1:2] if layer is both.backward_layer else wanted
        wanted = wanted[2:] if layer == "second" else wanted
        assert list(flow.norms) == wanted
        for name in wanted:
            np.testing.assert_allclose(flow.norms[name], whole.norms[name], rtol=1e-4)


def test_a_zoo_model():
    tagger = seqzoo.load("bi_peephole_tagger.atis")
    inputs, targets = tagger.example_inputs(2, 5), tagger.example_targets(2, 5)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)
    flow = gradient_flow(tagger, (inputs, targets), loss)
    assert len(flow.norms) == 4
    assert all(norms.shape == (5,) and norms[0] > 0 for norms in flow.norms.values())


def test_the_model_is_left_as_it_was():
    layer = PeepholeLSTM(3, stateful=True, dropout=0.5, recurrent_dropout=0.5, seed=1)
    model = keras.Sequential([keras.Input(batch_shape=(2, 4, FEATURES)), layer])
    model.compile(loss="mse", metrics=["mae"])
    batch = (inputs_for(2, 4, FEATURES), inputs_for(2, 3, seed=1))
    model.train_on_batch(*batch)
    variables = [*model.variables, *layer.states, *model.metrics_variables]
    before = [np.array(v) for v in variables]
    assert any(state.any() for state in map(np.array, layer.states))
    attributes = set(vars(layer))

    first = gradient_flow(model, batch)
    second = gradient_flow(model, batch)
    np.testing.assert_array_equal(first.norms[layer.name], second.norms[layer.name])
    with pytest.raises(RuntimeError, match="stop"):
        gradient_flow(model, batch, stop)
    for variable, value in zip(variables, before, strict=True):
        np.testing.assert_array_equal(np.array(variable), value)
    assert set(vars(layer)) == attributes
    assert not tf.config.functions_run_eagerly()


def stop(targets, outputs):
    raise RuntimeError("stop")


def test_bidirectional_does_not_fuse_its_layers_meanwhile():
    model = functional("lstm")
    sides = model.layers[1].forward_layer, model.layers[1].backward_layer
    meanwhile = []

    def loss(targets, outputs):
        meanwhile.extend(side.use_cudnn for side in sides)
        return outputs

    gradient_flow(model, (inputs_for(2, 5, FEATURES), np.zeros(2)), loss)
    assert meanwhile == [False, False]
    assert [side.use_cudnn for side in sides] == ["auto", "auto"]


def test_frozen_weights_do_not_matter():
    model = functional("scrn")
    batch = (inputs_for(2, 5, FEATURES), np.zeros((2, 5, 2)))
    expected = gradient_flow(model, batch, "mse")
    model.trainable = False
    flow = gradient_flow(model, batch, "mse")
    for name, norms in expected.norms.items():
        np.testing.assert_array_equal(flow.norms[name], norms)


def test_mixed_precision_is_close():
    results = []
    for dtype in ("float32", "mixed_bfloat16"):
        keras.utils.set_random_seed(0)
        layer = keras.layers.LSTM(8, dtype=dtype, name="lstm")
        model = keras.Sequential([keras.Input((6, FEATURES)), layer])
        results.append(
            gradient_flow(model, (inputs_for(2, 6, FEATURES), np.ones((2, 8))), "mse")
        )
    full, half = (result.norms["lstm"] for result in results)
    np.testing.assert_allclose(half, full, rtol=0.05)


def test_a_convolutional_recurrence():
    layer = keras.layers.ConvLSTM1D(2, 3, name="convolution")
    model = keras.Sequential([keras.Input((4, 6, 1)), layer])
    flow = gradient_flow(model, (inputs_for(2, 4, 6, 1), np.zeros(2)), squared)
    assert flow.state_norms["convolution"].shape == (2, 4)
    assert (flow.norms["convolution"] > 0).all()


def squared(targets, outputs):
    return outputs**2


class Mapped(keras.Model):
    def __init__(self):
        super().__init__()
        self.layer = keras.layers.GRU(2, name="mapped")

    def call(self, x):
        return tf.vectorized_map(lambda row: self.layer(row[None])[0], x)


def test_wrong_arguments():
    model = functional("gru")
    x, y = inputs_for(2, 5, FEATURES), np.zeros((2, 5, 2))
    unbuilt = keras.Sequential([keras.layers.LSTM(2)])
    dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
    graph = Mapped()
    graph(x)
    for arguments, message in [
        ((unbuilt, (x, y)), "`model` must be a built keras.Model. Received: <Seq"),
        (("gru", (x, y)), "`model` must be a built keras.Model. Received: 'gru'"),
        ((dense, (x, y)), "must have a recurrent layer .* Received: model sequential"),
        ((model, [x, y]), "must be a tuple .* Received: a list of 2"),
        ((model, (x,)), "must be a tuple .* Received: a tuple of 1"),
        ((model, x), "must be a tuple .* Received: a ndarray"),
        ((model, (x, y)), "`loss` must be given .* Received: loss=None"),
        ((model, (x, y), "mse", "third"), "forward_gru.*second. Received: .*'third'"),
        ((model, (x, y), "mse", model.layers[-1]), "hold one: .* Received: layer=<D"),
        ((model, (x, y, np.ones(2)), squared), "With sample weights .* loss=<function"),
        ((graph, (x, y), squared), "must run eagerly.* Received: layer mapped"),
        ((model, (x[:0], y[:0]), "mse"), r"one example .* shapes \[\(0, 5, 3\)\]$"),
        ((model, (x[:, :0], y), "mse"), r"one step or more.* \[\(2, 0, 3\)\]$"),
        ((model, (x[0], y), "mse"), r"\(None, None, 3\)\]. Received: .*\(5, 3\)\]$"),
    ]:
        with pytest.raises(ValueError, match=message):
            gradient_flow(*arguments)


def test_a_last_axis_of_one_may_be_left_out():
    """As Keras has it."""
    model = keras.Sequential([keras.Input((None, 1)), keras.layers.LSTM(2)])
    x = inputs_for(2, 5, 1)
    expected = gradient_flow(model, (x, np.zeros((2, 2))), "mse")
    flow = gradient_flow(model, (x[..., 0], np.zeros((2, 2))), "mse")
    np.testing.assert_array_equal(
        *(list(f.norms.values())[0] for f in (flow, expected))
    )


def test_only_on_tensorflow(monkeypatch):
    monkeypatch.setattr(keras.config, "backend", lambda: "torch")
    with pytest.raises(ValueError, match="Received: backend='torch'"):
        gradient_flow(functional("gru"), (None, None))


def test_a_plot_names_the_extra(monkeypatch):
    model = functional("gru")
    batch = (inputs_for(2, 5, FEATURES), np.zeros((2, 5, 2)))
    flow = gradient_flow(model, batch, "mse")
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    with pytest.raises(ImportError, match=r"keras_seqzoo\[plots\]"):
        flow.plot("flow.png")


def test_layers_that_do_not_run():
    model = Subclassed()
    x = inputs_for(2, 5, FEATURES)
    model(x)
    with pytest.raises(ValueError, match=f"did not run {model.never.name}"):
        gradient_flow(model, (x, np.zeros((2, 2))), "mse", model.never)


def test_printed_and_drawn(tmp_path):
    model = functional("lstm", masking=True)
    x = inputs_for(2, 5, FEATURES)
    x[:, 4] = 0.0  # masked everywhere
    flow = gradient_flow(model, (x, np.zeros((2, 5, 2))), "mse")
    lines = str(flow).splitlines()
    assert lines[0].startswith("loss 0.") and len(lines) == 2 + len(flow.norms)
    for line, (name, norms) in zip(lines[2:], flow.norms.items()):
        first, last = f"{norms[0]:.1e}", f"{norms[-1]:.1e}"
        assert line.split()[:4] == [name, "5", first, last] and last == "0.0e+00"

    figure = pytest.importorskip("matplotlib.figure").Figure()
    axes = figure.subplots()
    assert flow.plot(axes) is axes
    assert axes.get_yscale() == "log" and len(axes.lines) == len(flow.norms)
    drawn = axes.lines[0].get_ydata()
    np.testing.assert_array_equal(drawn[:4], list(flow.norms.values())[0][:4])
    assert np.isnan(drawn[4])
    for where, message in [
        (3, "must be a file or matplotlib axes. Received: where=3"),
        (str(tmp_path / "no" / "flow.png"), "a folder that is there.*no/flow.png'"),
        ("", "a folder that is there. Received: where=''"),
    ]:
        with pytest.raises(ValueError, match=message):
            flow.plot(where)
    flow.plot(tmp_path / "flow.png")
    assert (tmp_path / "flow.png").read_bytes().startswith(b"\x89PNG")


@pytest.fixture(scope="module")
def tool():
    pytest.importorskip("matplotlib")
    path = pathlib.Path(__file__).parents[1] / "tools" / "gradient_flow.py"
    spec = importlib.util.spec_from_file_location("gradient_flow_tool", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_tool_prints_the_numbers(tool, capsys):
    small = ["--steps", "12", "--units", "8", "--seeds", "2"]
    assert tool.main([*small, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert [row["cell"] for row in printed["cells"]] == list(tool.CELLS)
    for row in printed["cells"]:
        assert len(row["norms"]) == len(row["hidden_norms"]) == 12
        assert row["norms"][-1] == row["hidden_norms"][-1] == pytest.approx(1.0)
        assert 0 < row["norms"][0] < 1


@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("--steps=0", "`--steps` must be a positive integer. Received: --steps=0"),
        ("--steps=1", "`--steps` must be 2 or more. Received: --steps=1"),
        ("--seeds=0", "`--seeds` must be a positive integer. Received: --seeds=0"),
        ("--units=-1", "`--units` must be a positive integer. Received: --units=-1"),
        ("--units=3", "units=3"),  # the clockwork RNN has four modules
    ],
)
def test_the_tool_names_a_wrong_number(tool, capsys, option, words):
    with pytest.raises(SystemExit) as stopped:
        tool.main([option])
    assert stopped.value.code == 2
    message = capsys.readouterr().err.splitlines()[-1]
    assert "error: " in message and words in message


def test_the_tool_writes_the_figure_and_the_readme(tool, tmp_path, monkeypatch):
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    readme = tmp_path / "README.md"
    begin, end = markers("gradient flow")
    readme.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    assert tool.main(["--steps", "12", "--units", "8", "--seeds", "1"]) == 0
    text = readme.read_text()
    assert text.startswith("before\n") and text.endswith("after\n")
    assert "old" not in text and f"]({tool.FIGURE})" in text
    assert "| 11 steps back | " in text and "8 units" in text
    assert (tmp_path / tool.FIGURE).read_bytes().startswith(b"\x89PNG")
