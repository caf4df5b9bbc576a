"""Known answers, and cells that must agree with another cell."""

import keras
import numpy as np
import pytest
import references
from cell_cases import CASES, FEATURES, LOWER_BLOCKS, UNITS, inputs

from keras_seqzoo.layers import SCRN, ClockworkRNN, CoupledLSTM, PeepholeLSTM

START = np.random.default_rng(5).normal(0, 0.7, (3, UNITS)).astype("float32")
START_C = np.random.default_rng(6).normal(0, 0.7, (3, UNITS)).astype("float32")


def filled(layer, seed=0):
    layer.build((None, None, FEATURES))
    rng = np.random.default_rng(seed)
    layer.set_weights([rng.normal(0, 0.5, w.shape) for w in layer.weights])
    return layer


def near(actual, expected, tolerance=1e-6):
    np.testing.assert_allclose(
        np.asarray(actual, "float64"), np.asarray(expected, "float64"), 0, tolerance
    )


@pytest.mark.parametrize(
    "inputs_, outputs",
    [
        ([(1, 1), (1, 1), (2, 2)], [(4, 4), (12, 12), (32, 32)]),
        ([(2, 2), (1, 1), (1, 1)], [(8, 8), (20, 20), (44, 44)]),
    ],
)
@pytest.mark.parametrize("kind", ["simple_rnn", "clockwork_rnn"])
def test_worked_numbers_of_the_simple_rnn(kind, inputs_, outputs):
    arguments = {"activation": "linear", "use_bias": False, "return_sequences": True}
    if kind == "simple_rnn":
        rnn = keras.layers.SimpleRNN(2, **arguments)
    else:
        rnn = ClockworkRNN(2, periods=(1,), **arguments)
    model = keras.Sequential([rnn, keras.layers.Dense(2, use_bias=False)])
    model.build((None, None, 2))
    model.set_weights([np.ones(w.shape) for w in model.weights])
    x = np.array([inputs_], "float32")
    np.testing.assert_array_equal(np.asarray(model(x))[0], outputs)
    ones = {"kernel": np.ones((2, 2)), "recurrent_kernel": np.ones((2, 2))}
    hidden, _ = references.run(
        lambda x, states: references.simple_rnn_step(x, states, ones, lambda z: z),
        x,
        [np.zeros((1, 2))],
    )
    np.testing.assert_array_equal(hidden[0] @ np.ones((2, 2)), outputs)


@pytest.mark.parametrize(
    "layer, step",
    [
        (keras.layers.SimpleRNN(UNITS), references.simple_rnn_step),
        (keras.layers.LSTM(UNITS), references.lstm_step),
    ],
    ids=["simple_rnn", "lstm"],
)
def test_references_are_keras_own_cells(layer, step):
    layer.return_sequences = True
    filled(layer)
    names = ("kernel", "recurrent_kernel", "bias")
    weights = dict(zip(names, layer.get_weights(), strict=True))
    start = [START] if step is references.simple_rnn_step else [START, START_C]
    expected, _ = references.run(lambda x, s: step(x, s, weights), inputs(3, 7), start)
    near(layer(inputs(3, 7), initial_state=start), expected)


def test_gru_of_keras_is_the_design_form_with_z_negated():
    layer = filled(keras.layers.GRU(UNITS, reset_after=False, return_sequences=True))
    names = ("kernel", "recurrent_kernel", "bias")
    weights = dict(zip(names, layer.get_weights(), strict=True))
    negated = {name: value.copy() for name, value in weights.items()}
    for value in negated.values():
        value[..., :UNITS] *= -1  # σ(-a) = 1 - σ(a)
    x = inputs(3, 7)

    def reference(w):
        return references.run(lambda x, s: references.gru_step(x, s, w), x, [START])[0]

    result = np.asarray(layer(x, initial_state=START))
    near(result, reference(negated))
    assert np.abs(result - reference(weights)).max() > 1e-2


def test_peephole_lstm_with_zero_peepholes_is_lstm():
    peephole = filled(PeepholeLSTM(UNITS, return_sequences=True))
    kernel, recurrent, _, bias = peephole.get_weights()
    peephole.cell.peephole_kernel.assign(np.zeros((3, UNITS)))
    lstm = filled(keras.layers.LSTM(UNITS, return_sequences=True))
    lstm.set_weights([kernel, recurrent, bias])
    x, start = inputs(3, 9), [START, START_C]
    near(peephole(x, initial_state=start), lstm(x, initial_state=start))


def test_fresh_peephole_lstm_starts_as_lstm():
    keras.utils.set_random_seed(0)
    fresh = PeepholeLSTM(UNITS)
    fresh.build((None, None, FEATURES))
    _, _, peepholes, bias = fresh.get_weights()
    np.testing.assert_array_equal(peepholes, 0.0)
    lstm = keras.layers.LSTM(UNITS)
    lstm.build((None, None, FEATURES))
    np.testing.assert_array_equal(bias, lstm.get_weights()[-1])  # forget gate at 1


def test_coupled_lstm_with_zero_peepholes_is_without():
    plain = filled(CoupledLSTM(UNITS, return_sequences=True))
    kernel, recurrent, bias = plain.get_weights()
    peephole = filled(CoupledLSTM(UNITS, peephole=True, return_sequences=True))
    peephole.set_weights([kernel, recurrent, np.zeros((2, UNITS)), bias])
    x, start = inputs(3, 9), [START, START_C]
    near(peephole(x, initial_state=start), plain(x, initial_state=start))


@pytest.mark.parametrize("carried", [False, True])
@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
def test_clockwork_rnn_of_one_fast_module_is_simple_rnn(carried, activation):
    run = {"activation": activation, "return_sequences": True}
    clockwork = filled(ClockworkRNN(UNITS, periods=(1,), **run))
    simple = filled(keras.layers.SimpleRNN(UNITS, **run))
    if activation != "tanh":  # keep the unbounded ones small
        for layer in (clockwork, simple):
            layer.set_weights([0.5 * w for w in layer.get_weights()])
    x = inputs(3, 9)
    t = np.zeros((3, 1), "float32")
    near(
        clockwork(x, initial_state=[START, t] if carried else None),
        simple(x, initial_state=START if carried else None),
    )


def test_scrn_without_context_is_simple_rnn():
    scrn = filled(SCRN(UNITS, context_units=2, return_sequences=True))
    scrn.cell.context_kernel.assign(np.zeros((FEATURES, 2)))
    simple = keras.layers.SimpleRNN(
        UNITS, activation="sigmoid", use_bias=False, return_sequences=True
    )
    filled(simple).set_weights(
        [scrn.cell.kernel.numpy(), scrn.cell.recurrent_kernel.numpy()]
    )
    x = inputs(3, 9)
    out = np.asarray(scrn(x, initial_state=[START, np.zeros((3, 2), "float32")]))
    near(out[..., :UNITS], simple(x, initial_state=START))
    np.testing.assert_array_equal(out[..., UNITS:], 0.0)


def test_dense_after_scrn_is_the_papers_output():
    """y = f(U h + V s): the output is concat(h, s)."""
    case = CASES["scrn"]
    layer, _ = case.filled(False)
    x = inputs(3, 5)
    outputs, h, s = (np.asarray(part) for part in layer(x))
    np.testing.assert_array_equal(outputs[:, -1], np.concatenate([h, s], axis=-1))


def test_learned_alpha_starts_at_alpha_and_stays_in_range():
    layer = SCRN(UNITS, context_units=2, alpha=0.95, learn_alpha=True)
    layer.build((None, None, FEATURES))
    near(layer.cell.decay(), [0.95, 0.95])
    layer.cell.alpha_logit.assign([-8.0, 8.0])
    decay = np.asarray(layer.cell.decay())
    assert (decay > 0).all() and (decay < 1).all()


@pytest.mark.parametrize(
    "periods", [(1, 2, 4), (1, 3, 4), (2, 2, 3), (3, 5, 7), (2, 4, 6)]
)
@pytest.mark.parametrize("length", [1, 4, 13, 30])
def test_clockwork_cascade_is_the_cell_step_by_step(periods, length):
    layer = filled(ClockworkRNN(6, periods=periods, return_sequences=True))
    x, states, outputs = inputs(2, length), layer.cell.get_initial_state(2), []
    for time in range(length):
        output, states = layer.cell(x[:, time], states)
        outputs.append(np.asarray(output))
    near(layer(x), np.stack(outputs, axis=1))
    mask = np.random.default_rng(0).random((2, length)) < 0.6
    stepwise = layer(x, mask=mask, initial_state=layer.cell.get_initial_state(2))
    near(layer(x, mask=mask), stepwise)


def test_upper_blocks_of_the_clockwork_rnn_have_no_effect():
    case = CASES["clockwork_rnn"]
    for by_cell in (False, True):
        layer, weights = case.filled(by_cell)
        x, states = inputs(3, 13), case.random_states(3)
        before = [layer(x)[0], layer(x, initial_state=states)[0]]
        kernel = weights["recurrent_kernel"]
        layer.cell.recurrent_kernel.assign(np.where(LOWER_BLOCKS, kernel, 99.0))
        after = [layer(x)[0], layer(x, initial_state=states)[0]]
        near(after, before, 0.0)


@pytest.mark.parametrize("by_cell", [False, True], ids=["layer", "cell"])
def test_clockwork_time_counts_unmasked_steps_only(by_cell):
    """Masked steps taken out altogether leave the same states."""
    case = CASES["clockwork_rnn"]
    layer, _ = case.filled(by_cell)
    x = inputs(1, 14)
    mask = np.array([[0, 1, 1, 0, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0]], bool)
    masked, short = layer(x, mask=mask), layer(x[:, mask[0]])
    near(np.asarray(masked[0])[:, mask[0]], short[0])
    near(masked[1], short[1])
    np.testing.assert_array_equal(masked[2], [[8.0]])
    np.testing.assert_array_equal(short[2], [[8.0]])


def test_clockwork_inactive_modules_keep_their_value():
    layer = filled(ClockworkRNN(8, periods=(1, 2, 4, 8), return_sequences=True))
    out = np.asarray(layer(inputs(2, 17)))
    for k, period in enumerate((1, 2, 4, 8)):
        module = out[..., 2 * k : 2 * k + 2]
        changed = (np.diff(module, axis=1) != 0).any(axis=(0, 2))
        ticks = np.arange(1, 17) % period == 0
        np.testing.assert_array_equal(changed, ticks)
