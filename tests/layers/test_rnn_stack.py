"""RNNStack: PyTorch's answers, states, masks, and wrong state dicts."""

import itertools
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_seqzoo.layers import RNNStack
from keras_seqzoo.layers.by_name import RECURRENT_LAYERS

STORED = np.load(Path(__file__).parents[1] / "data" / "torch_rnn.npz")
X = STORED["x"]
NAMES = sorted({key.partition("/")[0] for key in STORED.files} - {"x"})
SMALL = {"input_size": 3, "hidden_size": 4}


def state_dict(name):
    prefix = f"{name}/weight/"
    return {k[len(prefix) :]: STORED[k] for k in STORED.files if k.startswith(prefix)}


def stack_of(name, **more):
    cell, layers, both, bias = name.split("-")
    return RNNStack(
        cell,
        **SMALL,
        num_layers=int(layers),
        bidirectional=both == "both",
        bias=bias == "bias",
        **more,
    )


def near(actual, expected, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(actual), np.asarray(expected), 0, tolerance)


def by_layer(letters, layers):
    """Torch's (layers * directions, batch, units) as one list of states a layer."""
    directions = len(letters[0]) // layers
    return [
        [s[i * directions + d] for d in range(directions) for s in letters]
        for i in range(layers)
    ]


def test_every_kind_is_stored():
    product = itertools.product(
        ("simple_rnn", "lstm", "gru"), "12", ("one", "both"), ("bias", "plain")
    )
    assert sorted("-".join(parts) for parts in product) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_result_is_that_of_torch(name):
    stack = stack_of(name, return_state=True)
    stack.load_torch_state_dict(state_dict(name))
    near(stack(X)[0], STORED[f"{name}/from_zero"])
    letters = "hc" if name.startswith("lstm") else "h"
    layers = stack.num_layers
    start = by_layer([STORED[f"{name}/{letter}0"] for letter in letters], layers)
    final = by_layer([STORED[f"{name}/{letter}"] for letter in letters], layers)
    output, states = stack(X, initial_state=start)
    near(output, STORED[f"{name}/output"])
    assert [len(layer) for layer in states] == [len(layer) for layer in final]
    for layer, expected in zip(states, final):
        for state, reference in zip(layer, expected):
            near(state, reference)


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_live_torch(kind):
    torch = pytest.importorskip("torch")
    module = getattr(torch.nn, kind)(
        5, 6, num_layers=2, batch_first=True, bidirectional=True
    )
    x = np.random.default_rng(0).normal(size=(2, 9, 5)).astype("float32")
    cell = {"RNN": "simple_rnn", "LSTM": "lstm", "GRU": "gru"}[kind]
    stack = RNNStack(cell, 5, 6, num_layers=2, bidirectional=True)
    stack.load_torch_state_dict(module.state_dict())
    near(stack(x), module(torch.from_numpy(x))[0].detach().numpy())


def one_line(error):
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["lstm-2-both-bias", "gru-1-one-bias"])
def test_wrong_state_dicts(name):
    good = state_dict(name)
    for key in good:
        short = {k: v for k, v in good.items() if k != key}
        with pytest.raises(ValueError, match=key) as error:
            stack_of(name).load_torch_state_dict(short)
        one_line(error)
        for wrong in (good[key][:-1], np.zeros((16, 7, 2)), np.zeros(())):
            with pytest.raises(ValueError, match=r"shape|rows") as error:
                stack_of(name).load_torch_state_dict({**good, key: wrong})
            one_line(error)
    wide = np.zeros((good["weight_ih_l0"].shape[0], 9))
    with pytest.raises(ValueError, match="shape") as error:
        stack_of(name).load_torch_state_dict({**good, "weight_ih_l0": wide})
    one_line(error)
    with pytest.raises(ValueError, match="weight_ih_l7") as error:
        stack_of(name).load_torch_state_dict({**good, "weight_ih_l7": wide})
    one_line(error)


def test_state_dict_of_another_module():
    with pytest.raises(ValueError, match="bias"):
        stack_of("lstm-1-one-bias").load_torch_state_dict(
            state_dict("lstm-1-one-plain")
        )
    with pytest.raises(ValueError, match="bias"):
        stack_of("lstm-1-one-plain").load_torch_state_dict(
            state_dict("lstm-1-one-bias")
        )
    with pytest.raises(ValueError, match="scrn"):
        RNNStack("scrn", **SMALL).load_torch_state_dict({})


def test_a_wrong_state_dict_leaves_the_weights_alone():
    stack = stack_of("lstm-2-one-bias")
    stack.build((None, None, 3))
    before = stack.get_weights()
    wrong = {**state_dict("lstm-2-one-bias"), "extra": np.zeros(1)}
    with pytest.raises(ValueError, match="extra"):
        stack.load_torch_state_dict(wrong)
    for a, b in zip(stack.get_weights(), before, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("cell", RECURRENT_LAYERS)
def test_carried_states_and_masks(cell):
    arguments = {
        "scrn": {"context_units": 2},
        "clockwork_rnn": {"periods": (1, 3)},
    }.get(cell)
    keras.utils.set_random_seed(0)
    stack = RNNStack(
        cell, **SMALL, num_layers=2, return_state=True, cell_arguments=arguments
    )
    whole, final = stack(X)
    first, states = stack(X[:, :4])
    second, states = stack(X[:, 4:], initial_state=states)
    near(np.concatenate([first, second], axis=1), whole)
    for layer, expected in zip(states, final, strict=True):
        for state, reference in zip(layer, expected, strict=True):
            near(state, reference)
    mask = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    masked, states = stack(X, mask=mask)
    near(np.asarray(masked)[0, :4], np.asarray(first)[0])
    near(np.asarray(masked)[1], np.asarray(whole)[1])
    alone, expected = stack(X[:1, :4])
    for layer, references in zip(states, expected, strict=True):
        for state, reference in zip(layer, references, strict=True):
            near(state[:1], reference)
    near(alone[0], np.asarray(first)[0])


def test_bidirectional_mask_ignores_padding():
    keras.utils.set_random_seed(0)
    stack = RNNStack("peephole_lstm", **SMALL, num_layers=2, bidirectional=True)
    mask = np.array([[1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]], bool)
    result = np.asarray(stack(X, mask=mask))
    near(result[0, :4], stack(X[:1, :4])[0])
    assert result.shape == (2, 6, 8)


def test_dropout_between_layers_only_in_training():
    keras.utils.set_random_seed(0)
    for variational in (False, True):
        stack = RNNStack(
            "lstm", **SMALL, num_layers=2, dropout=0.5, variational_dropout=variational
        )
        calm = np.asarray(stack(X))
        near(stack(X), calm, 0.0)
        assert np.abs(np.asarray(stack(X, training=True)) - calm).max() > 1e-4
    one = RNNStack("lstm", **SMALL, dropout=0.5)
    near(one(X, training=True), one(X), 0.0)


def test_saving(tmp_path):
    x = keras.Input((None, 3))
    stack = RNNStack("scrn", **SMALL, num_layers=2, cell_arguments={"context_units": 2})
    model = keras.Model(x, stack(x))
    model.save(tmp_path / "stack.keras")
    near(keras.saving.load_model(tmp_path / "stack.keras")(X), model(X), 0.0)


@pytest.mark.parametrize(
    "wrong, words",
    [
        ({"cell": "lstmm"}, "cell='lstmm'"),
        ({"input_size": 0}, "input_size=0"),
        ({"hidden_size": -3}, "hidden_size=-3"),
        ({"num_layers": 2.5}, "num_layers=2.5"),
        ({"dropout": 1.5}, "dropout=1.5"),
        ({"cell": ["lstm"]}, r"cell=\['lstm'\]"),
        ({"cell_arguments": [1]}, r"by name. Received: cell_arguments=\[1\]"),
        ({"bias": "no"}, "True or False. Received: bias='no'"),
        ({"bias": 1}, "True or False. Received: bias=1"),
        ({"bidirectional": "False"}, "bidirectional='False'"),
        ({"bidirectional": None}, "bidirectional=None"),
        ({"variational_dropout": 0}, "variational_dropout=0"),
        ({"return_state": "yes"}, "return_state='yes'"),
    ],
)
def test_bad_values(wrong, words):
    with pytest.raises(ValueError, match=words) as error:
        RNNStack(**{"cell": "lstm", **SMALL, **wrong})
    one_line(error)


def test_inputs_of_another_width():
    with pytest.raises(ValueError, match="input_size=3"):
        RNNStack("lstm", **SMALL)(np.zeros((1, 2, 5), "float32"))
