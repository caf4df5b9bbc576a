"""What all cells share: checks of arguments, initial states, both ways to project."""

import keras
import numpy as np
import pytest

from keras_seqzoo import cells, layers

CELLS = [getattr(cells, name) for name in cells.__all__]
LAYERS = [layers.PeepholeLSTM, layers.CoupledLSTM, layers.ClockworkRNN, layers.SCRN]
LAYERS += [layers.MinGRU, layers.MinLSTM, layers.LRU]
# These have no weights that read the state, and so none of their arguments.
LINEAR = [cells.MinGRUCell, cells.MinLSTMCell, cells.LRUCell, *LAYERS[-3:]]

each = pytest.mark.parametrize("made", CELLS + LAYERS)


@each
@pytest.mark.parametrize("units", [0, -3, 2.5, "4", None, True])
def test_units_must_be_a_positive_integer(made, units):
    with pytest.raises(ValueError) as error:
        made(units)
    message = str(error.value)
    assert message.startswith("`units` must be a positive integer.")
    assert f"units={units!r}" in message and "\n" not in message


@each
def test_units_may_be_a_numpy_integer(made):
    config = made(np.int64(4)).get_config()
    assert config["units"] == 4 and type(config["units"]) is int


@pytest.mark.parametrize(
    "made, kind",
    [(made, "dropout") for made in CELLS + LAYERS]
    + [(made, "recurrent_dropout") for made in CELLS + LAYERS if made not in LINEAR],
)
@pytest.mark.parametrize("rate", [1.5, 1.0, -0.1, float("nan"), "x", None, True])
def test_dropout_must_be_a_rate(made, kind, rate):
    with pytest.raises(ValueError) as error:
        made(4, **{kind: rate})
    message = str(error.value)
    assert f"Received: {kind}={rate!r}" in message and "\n" not in message


@each
def test_unknown_argument_is_named(made):
    with pytest.raises((TypeError, ValueError), match="unitz") as error:
        made(4, unitz=3)
    message = str(error.value)
    assert "\n" not in message
    if made in LAYERS:  # all that are allowed, and no others
        allowed = message.split("Allowed: ")[1].rstrip(".").split(", ")
        assert {"units", "dropout", "unroll", "trainable"} <= set(allowed)
        assert not set(made.cell_class.unused) & set(allowed)
        for name in made.cell_class.unused:
            with pytest.raises(TypeError, match=f"{made.__name__} has no .*'{name}'"):
                made(4, **{name: None})


@pytest.mark.parametrize("made", LAYERS)
def test_units_must_be_given(made):
    with pytest.raises(TypeError, match=f"{made.__name__} needs `units`"):
        made()


@pytest.mark.parametrize(
    ("made", "argument"),
    [(cells.CoupledLSTMCell, "peephole"), (cells.SCRNCell, "learn_alpha")]
    + [(cells.PeepholeLSTMCell, n) for n in ("unit_forget_bias", "use_bias")]
    + [(layers.CoupledLSTM, n) for n in ("unit_forget_bias", "peephole")]
    + [(layers.LRU, n) for n in ("return_sequences", "stateful", "unroll")],
)
def test_a_flag_must_be_true_or_false(made, argument):
    for value in ("no", 3, None):
        words = f"`{argument}` must be True or False. Received: {argument}={value!r}"
        with pytest.raises(ValueError, match=words):
            made(4, **{argument: value})
    config = made(4, **{argument: np.bool_(False)}).get_config()
    assert config[argument] is False


@pytest.mark.parametrize("cell", CELLS)
def test_initial_state_is_zero(cell):
    made = cell(4)
    states = made.get_initial_state(3)
    assert [tuple(s.shape) for s in states] == [(3, n) for n in made.state_size]
    assert all((np.asarray(s) == 0).all() for s in states)


@pytest.mark.parametrize("cell", CELLS)
def test_projecting_a_sequence_is_projecting_its_steps(cell):
    keras.utils.set_random_seed(0)
    made = cell(4)
    made.build((None, 3))
    x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype("float32")
    whole = np.asarray(made.project(x))
    steps = np.stack([np.asarray(made.project(x[:, t])) for t in range(5)], axis=1)
    np.testing.assert_allclose(whole, steps, 0, 1e-6)
    states = [s + 0.5 for s in made.get_initial_state(2)]
    if cell is cells.ClockworkRNNCell:
        states[1] = states[1] + 0.5
    output, new = made(x[:, 0], states)
    expected, new_expected = made.step(made.project(x[:, 0]), states, None)
    for a, b in zip([output, *new], [expected, *new_expected], strict=True):
        np.testing.assert_array_equal(a, b)
    assert output.shape == (2, made.output_size)


@pytest.mark.parametrize(
    "cell", [c for c in CELLS if c not in (cells.SCRNCell, cells.LRUCell)]
)
def test_without_bias(cell):
    made = cell(4, use_bias=False)
    made.build((None, 3))
    assert "bias" not in [w.name for w in made.weights]
    output, _ = made(np.zeros((1, 3), "float32"), made.get_initial_state(1))
    assert np.isfinite(np.asarray(output)).all()


def test_forget_gate_starts_open_in_its_own_place():
    for cell, gates, forget in [
        (cells.PeepholeLSTMCell, 4, 1),  # i, f, c, o
        (cells.CoupledLSTMCell, 3, 0),  # f, c, o
    ]:
        bias = np.zeros((gates, 2))
        bias[forget] = 1.0
        made = cell(2)
        made.build((None, 3))
        np.testing.assert_array_equal(np.asarray(made.bias), bias.ravel())
        closed = cell(2, unit_forget_bias=False)
        closed.build((None, 3))
        np.testing.assert_array_equal(np.asarray(closed.bias), 0.0)


@pytest.mark.parametrize("cell", [c for c in CELLS if c not in LINEAR])
def test_regularizer_and_constraint_are_used(cell):
    made = cell(4, kernel_regularizer="l2", recurrent_constraint="non_neg")
    made.build((None, 3))
    assert made.losses
    assert made.recurrent_kernel.constraint is not None
