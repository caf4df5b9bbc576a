"""Subclassed models: their inputs are found, and their files agree with Keras."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from keras_seqzoo.errors import UserError
from keras_seqzoo.export import export
from keras_seqzoo.export.serving import serving_function
from keras_seqzoo.layers import ClockworkRNN
from keras_seqzoo.runtime import load

QUICK = {"batches": (1, 3), "lengths": (1, 17)}


class Tagger(keras.Model):
    """Reads ids, one row of features a sentence, and a mask; gives labels too."""

    def __init__(self):
        super().__init__(name="tagger")
        self.embedding = layers.Embedding(9, 4)
        self.both = layers.Bidirectional(layers.LSTM(3, return_sequences=True))
        self.head = layers.TimeDistributed(layers.Dense(2))

    def call(self, inputs):
        x = self.embedding(inputs["ids"][:, ::1]) + inputs["row"][:, None]
        scores = self.head(self.both(x, mask=inputs["mask"]))
        return {"labels": ops.argmax(scores, -1), "scores": scores}


class OnePart(keras.Model):
    def __init__(self, part):
        super().__init__(name="one_part")
        self.part = part

    def call(self, x):
        return self.part(x)


class Sum(keras.Model):
    """Takes a list, and gives a nest."""

    def __init__(self):
        super().__init__(name="sum")
        self.gru = layers.GRU(3, return_state=True)

    def call(self, pair, training=None):
        y, state = self.gru(pair[0], initial_state=pair[1], training=training)
        return {"y": y, "both": [y + state, state]}


class Carried(keras.Model):
    """Starts from given states, one of them a count of steps, without a gradient."""

    def __init__(self):
        super().__init__(name="carried")
        self.clockwork = ClockworkRNN(4, periods=(1, 2))

    def call(self, inputs):
        return self.clockwork(inputs["x"], [inputs["state"], inputs["count"]])


def called(model, inputs):
    keras.utils.set_random_seed(0)
    model(inputs)
    return model


def specs(model):
    return {
        name: (spec.dtype.name, spec.shape.as_list())
        for name, spec in serving_function(model).inputs.items()
    }


IDS = np.ones((2, 5), "int32")
X = np.ones((2, 5, 4), "float32")


def tagger():
    row, mask = np.ones((2, 4), "float32"), np.ones((2, 5), bool)
    return called(Tagger(), {"ids": IDS, "row": row, "mask": mask})


def test_dtypes_and_free_sizes():
    assert specs(tagger()) == {
        "ids": ("int32", [None, None]),
        "mask": ("bool", [None, None]),
        "row": ("float32", [None, 4]),
    }
    summed = called(Sum(), [X, np.ones((2, 3), "float32")])
    assert specs(summed) == {
        "pair_0": ("float32", [None, None, 4]),
        "pair_1": ("float32", [None, 3]),
    }
    assert specs(called(OnePart(layers.GRU(3)), X)) == {
        "x": ("float32", [None, None, 4])
    }


def test_a_length_that_is_part_of_the_model_stays():
    flat = keras.Sequential([layers.GRU(3, return_sequences=True), layers.Flatten()])
    model = called(OnePart(keras.Sequential([flat, layers.Dense(2)])), X)
    assert specs(model) == {"x": ("float32", [None, 5, 4])}


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx", "x"])
def test_the_length_of_what_is_unrolled_stays(name, tmp_path):
    simple = layers.SimpleRNN(3, unroll=True, return_sequences=True)
    model = called(OnePart(layers.Bidirectional(simple)), X)
    assert specs(model) == {"x": ("float32", [None, 5, 4])}
    assert export(model, tmp_path / name, **QUICK).max_difference <= 2e-6


def test_an_id_may_be_all_that_a_model_takes():
    class OneHot(keras.Model):
        def call(self, ids):
            return ops.one_hot(ids, 9)  # refuses floats

    model = called(OnePart(layers.LSTM(2)), X)
    assert specs(called(OneHot(), IDS)) == {"ids": ("int32", [None, None])}
    assert specs(model)["x"][0] == "float32"


def test_a_state_is_float_even_where_no_gradient_flows():
    first = {"x": X, "state": X[:, 0], "count": X[:, 0, :1]}
    found = specs(called(Carried(), first))
    assert {dtype for dtype, _ in found.values()} == {"float32"}


@pytest.mark.parametrize("name", ["x.tflite", "x.onnx", "x"])
def test_files_of_subclassed_models(name, tmp_path):
    for number, model in enumerate([tagger(), called(Sum(), [X, X[:, 0, :3]])]):
        report = export(model, tmp_path / f"{number}{name}", **QUICK)
        assert report.max_difference <= 2e-6
        assert report.cases == [(1, 1), (1, 17), (3, 1), (3, 17)]


def test_a_subclassed_model_streams(tmp_path):
    gru = layers.GRU(3, return_sequences=True)
    model = called(OnePart(keras.Sequential([layers.Embedding(9, 4), gru])), IDS)
    export(model, tmp_path / "x.tflite", streaming=True, **QUICK)
    stream = load(tmp_path / "x.tflite").stream()
    ids = np.array([[3, 5, 0, 8, 1]], "int32")
    parts = [stream(ids[:, :2])["output"], stream(ids[:, 2:])["output"]]
    np.testing.assert_allclose(np.concatenate(parts, 1), model(ids), atol=1e-6)


def test_names_of_nested_outputs(tmp_path):
    export(called(Sum(), [X, X[:, 0, :3]]), tmp_path / "x.onnx", **QUICK)
    outputs = load(tmp_path / "x.onnx")({"pair_0": X, "pair_1": X[:, 0, :3]})
    assert sorted(outputs) == ["both_0", "both_1", "y"]
    np.testing.assert_allclose(outputs["both_0"], 2 * outputs["y"], atol=1e-6)


class TwoArguments(keras.Model):
    def __init__(self):
        super().__init__(name="two_arguments")
        self.gru = layers.GRU(3)

    def call(self, x, state):
        return self.gru(x, initial_state=state)


def test_what_cannot_be_known_is_said():
    with pytest.raises(UserError, match="OnePart: Keras has no record"):
        serving_function(OnePart(layers.GRU(3)))
    model, state = TwoArguments(), np.ones((2, 3), "float32")
    model(X, state)
    with pytest.raises(UserError, match="TwoArguments: calling it failed.*'state'"):
        serving_function(model)
    # As the message says, it can be wrapped.
    inputs = [keras.Input((None, 4), name="x"), keras.Input((3,), name="state")]
    wrapped = serving_function(keras.Model(inputs, model(*inputs)))
    assert list(wrapped.inputs) == ["x", "state"]


class OfRows(keras.Model):
    """Of (batch, time) numbers, any length."""

    def __init__(self):
        super().__init__()
        self.cell = layers.GRUCell(3)
        self.rnn = layers.RNN(self.cell, return_sequences=True)
        self.head = layers.Dense(1)

    def call(self, x):
        return self.head(self.rnn(x[:, :, None]))


def test_the_length_of_plain_numbers_is_free_and_a_cell_is_no_layer(tmp_path):
    model = OfRows()
    model(np.zeros((2, 9), "float32"))
    assert serving_function(model).inputs["x"].shape.as_list() == [None, None]
    report = export(model, tmp_path / "x.onnx", **QUICK)
    assert report.no_step is None and report.step_difference < 1e-6


class Unrolled(keras.Model):
    """Goes through the steps in Python, which no graph of a free length can."""

    def __init__(self):
        super().__init__()
        self.rnn = layers.SimpleRNN(3, return_sequences=True)
        self.head = layers.Dense(1)

    def call(self, x):
        h = self.rnn(x)
        return ops.stack([self.head(h[:, t]) for t in range(h.shape[1])], 1)


def test_a_loop_over_the_steps_fixes_the_length(tmp_path):
    model = Unrolled()
    model(np.zeros((2, 5, 2), "float32"))
    assert serving_function(model).inputs["x"].shape.as_list() == [None, 5, 2]
    assert export(model, tmp_path / "x.onnx", **QUICK).cases == [(1, 5), (3, 5)]


def test_a_stateful_subclassed_model_is_refused_with_the_reason():
    class Stateful(keras.Model):
        def __init__(self):
            super().__init__()
            self.rnn = layers.GRU(3, stateful=True)

        def call(self, x):
            return self.rnn(x)

    model = Stateful()
    model(np.zeros((2, 5, 2), "float32"))
    with pytest.raises(UserError, match="no record of a call, and keeps none"):
        serving_function(model)
