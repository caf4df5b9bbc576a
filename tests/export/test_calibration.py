"""Representative data: what is taken, and what the two signatures see of it."""

import keras
import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.export.calibration import calibration, examples, representative
from keras_seqzoo.export.serving import serving_function
from keras_seqzoo.export.step import step_function


@pytest.fixture(scope="module")
def served():
    keras.utils.set_random_seed(0)
    x, ids = (
        keras.Input((None, 3), name="x"),
        keras.Input((None,), name="ids", dtype="int32"),
    )
    outputs = [keras.layers.GRU(2)(x), keras.layers.Embedding(9, 2)(ids)]
    return serving_function(keras.Model({"x": x, "ids": ids}, outputs))


def inputs(length, ids_length=None):
    x = np.arange(length * 3, dtype="float32").reshape(1, length, 3)
    ids = np.arange(ids_length or length, dtype="int32")[None] % 9
    return {"x": x, "ids": ids}


def test_an_array_alone_is_the_one_input(small):
    (found,) = representative(serving_function(small), [np.zeros((1, 4, 5), "float32")])
    assert list(found) == ["x"] and found["x"].shape == (1, 4, 5)


def test_generators_and_functions_are_read(served):
    for data in ((inputs(n) for n in (3, 5)), lambda: [inputs(3), inputs(5)]):
        assert [d["x"].shape[1] for d in representative(served, data)] == [3, 5]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ([], "must hold inputs"),
        ("x", "Received: a str"),
        ([(np.zeros(3), np.zeros(3))], "dicts of arrays by name: .*Received: a tuple"),
        ([{"x": inputs(3)["x"]}], "inputs must be ids, x. Received: x"),
        ([inputs(3) | {"x": np.full((1, 3, 3), np.nan, "float32")}], "x with NaN"),
    ],
)
def test_what_is_refused(data, message, served):
    with pytest.raises(UserError, match=message):
        representative(served, data)


def test_examples_repeat_the_data(served):
    data = [inputs(2), inputs(3)]
    found = examples(served, data)(2, 5, seed=1)
    np.testing.assert_array_equal(found["ids"], [[0, 1, 2, 0, 1]] * 2)
    np.testing.assert_array_equal(found["x"][1], data[1]["x"][0][[0, 1, 2, 0, 1]])


def test_the_step_sees_the_sequence_in_chunks_with_keras_states(small):
    served = serving_function(small)
    step = step_function(served)
    x = np.random.default_rng(0).normal(size=(1, 9, 5)).astype("float32")
    calls = list(calibration(step, [{"x": x}])())
    assert [name for name, _ in calls] == ["serve"] + ["step"] * (len(calls) - 1)
    chunks = [chunk for _, chunk in calls[1:]]
    assert len(chunks) > 1
    np.testing.assert_array_equal(np.concatenate([c["x"] for c in chunks], 1), x)
    # The states that the last chunk starts from are those after all before it.
    lstm = keras.layers.LSTM(4, return_state=True)
    lstm.build((None, None, 5))
    lstm.set_weights(small.get_weights())
    _, h, c = lstm(x[:, : -chunks[-1]["x"].shape[1]])
    np.testing.assert_allclose(chunks[-1]["state_0"], h, atol=1e-6)
    np.testing.assert_allclose(chunks[-1]["state_1"], c, atol=1e-6)


def test_two_sequences_of_different_length_are_cut_to_the_shorter(served):
    step = step_function(served)
    (data,) = representative(served, [inputs(20, 5)])
    chunks = [chunk for name, chunk in calibration(step, [data])() if name == "step"]
    assert sum(chunk["x"].shape[1] for chunk in chunks) == 5
    assert all(chunk["ids"].shape[1] > 0 for chunk in chunks)
