"""What the comparison of a file with Keras lets pass."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.export import ExportError, export, verify
from keras_seqzoo.export.serving import Served


def served(call=lambda inputs: {"y": 2.0 * inputs["x"]}):
    """A model of one doubling, which `in_float32` may look into."""
    x = keras.Input((None,), name="x")

    def example(batch, length, seed):
        numbers = np.random.default_rng(seed).uniform(-1, 1, (batch, length))
        return {"x": numbers.astype("float32")}

    specs = {"x": tf.TensorSpec((None, None), tf.float32, "x")}
    return Served(keras.Model(x, x), call, specs, example)


def verified(run, **arguments):
    sizes = {"batches": (1, 2), "lengths": (1, 3)}
    arguments = {"quantize": None, "tolerance": None} | sizes | arguments
    return verify.verify(served(), run, **arguments)


def doubled(inputs, error=0.0):
    return {"y": 2.0 * inputs["x"] + np.float32(error)}


def test_the_largest_difference_of_all_sizes_is_found():
    found = verified(doubled)
    assert found.max_difference == 0.0 and found.different_labels is None
    assert (found.search_difference, found.search_tolerance) == (None, None)
    assert found.cases == [(1, 1), (1, 3), (2, 1), (2, 3)]
    assert 1 <= found.tolerance / verify.FLOAT32_TOLERANCE <= 2

    def off_in_the_last(inputs):
        return doubled(inputs, 0.05 if inputs["x"].shape == (2, 3) else 0.01)

    found = verified(off_in_the_last, tolerance=0.1)
    assert found.max_difference == pytest.approx(0.05, abs=1e-6)
    assert found.tolerance == 0.1
    with pytest.raises(ExportError, match="differs .* by 5.00e-02 on batch 2, length"):
        verified(off_in_the_last, tolerance=0.02)
    with pytest.raises(ExportError, match="by nan on batch 1, length 1"):
        verified(lambda inputs: doubled(inputs, np.nan), tolerance=1.0)


@pytest.mark.parametrize(
    ("quantize", "error", "passes"),
    [(None, 0.1, False), ("float16", 0.1, False), ("int8", 1.9, True)]
    + [("int8", 2.1, False), ("int8", np.nan, False)],
)
def test_the_score_of_a_search_may_move_in_int8(quantize, error, passes):
    def search(inputs, error=0.0):
        batch = len(inputs["x"])
        ids = np.full((batch, 3), 7 if error else 5, "int32")
        score = np.full(batch, -2.0 + error, "float32")
        return {"ids": ids, "score": score}

    found = dataclasses.replace(served(search), searched=("ids",))

    def run(inputs):
        return search(inputs, error)

    def verified():
        return verify.verify(
            found, run, quantize=quantize, tolerance=None, batches=(1, 2), lengths=(3,)
        )

    if passes:
        compared = verified()
        assert compared.max_difference == pytest.approx(abs(error), abs=1e-6)
        assert compared.tolerance == verify.SEARCH_TOLERANCE * 2.0
        assert compared.search_difference is None
    else:
        with pytest.raises(ExportError, match="differs from Keras by"):
            verified()


def test_a_searchs_difference_goes_with_its_own_limit():
    def search(inputs, error=0.0, score_error=0.0):
        batch = len(inputs["x"])
        return {
            "ids": np.ones((batch, 2), "int32"),
            "logits": np.full((batch, 2, 3), 1.0 + error, "float32"),
            "score": np.full(batch, -2.0 + score_error, "float32"),
        }

    found = dataclasses.replace(served(search), searched=("ids",))

    def compared(*errors):
        return verify.verify(
            found,
            lambda inputs: search(inputs, *errors),
            quantize="int8",
            tolerance=None,
            batches=(1, 2),
            lengths=(3,),
        )

    both = compared(0.125, 1.5)
    assert (both.max_difference, both.search_difference) == (0.125, 1.5)
    assert both.tolerance == pytest.approx(0.2) and both.search_tolerance == 2.0
    with pytest.raises(ExportError, match=r"by 1.50e\+00 .* allowed are 2.00e-01"):
        compared(1.5, 0.125)


def test_the_metric_may_fall_by_so_much():
    def metric(run):
        return float(run({"x": np.ones((1, 1), "float32")})["y"][0, 0])

    def compared(error, higher_is_better, max_loss=0.25):
        return verify.verify_metric(
            served(), lambda x: doubled(x, error), metric, higher_is_better, max_loss
        )

    assert compared(-0.25, True) == (2.0, 1.75, 0.25)
    assert compared(-0.5, False) == (2.0, 1.5, -0.5)
    assert compared(-1.0, True, None)[2] == 1.0
    with pytest.raises(ExportError, match=r"is 1.50, Keras' 2.00; .* loss of 0.25"):
        compared(-0.5, True)
    with pytest.raises(ExportError, match=r"is 2.50, Keras' 2.00"):
        compared(0.5, False)


@pytest.mark.parametrize("length", [1, 3, 4, 50, 100])
def test_chunks_are_all_steps(length):
    sizes = verify.step_sizes(length)
    assert sum(sizes) == length and min(sizes) >= 1
    assert length < 30 or {1, 16, 17} <= set(sizes)


def test_sizes_on_which_keras_fails_are_left_out(tmp_path):
    x = keras.Input((None, 5))
    y = keras.layers.Conv1D(4, 5)(x)  # five steps at least
    model = keras.Model(x, keras.layers.LSTM(3)(y))
    report = export(model, tmp_path / "x.onnx", batches=(1,))
    assert report.cases == [(1, 7), (1, 16), (1, 33)]
    lengths = np.array([2, 5])
    report = export(model, tmp_path / "y.onnx", batches=(1,), lengths=lengths)
    assert report.cases == [(1, 5)]
    with pytest.raises(ExportError, match="Keras runs on none of the sizes"):
        export(model, tmp_path / "z.onnx", lengths=(1,))


class TestLabels:
    """Labels must be Keras' wherever rounding cannot explain another."""

    scores = np.array([[[1, 3, 0], [2, 2.05, 1], [2, 2.05, 1]]], "float32")
    labels = np.array([[1, 1, -1]], "int32")  # the last is padding

    def difference(self, labels):
        outputs = {"scores": self.scores, "labels": self.labels}
        found = outputs | {"labels": np.array(labels, "int32")}
        return verify._differences(outputs, found, 0.1, "a case")[0]

    def test_a_tie_may_go_either_way(self):
        assert self.difference([[1, 0, -1]]) == 0.0

    @pytest.mark.parametrize(
        "labels", [[0, 1, -1], [1, 2, -1], [1, 3, -1], [1, -1, -1], [1, 1, 1]]
    )
    def test_another_label_may_not(self, labels):
        with pytest.raises(ExportError, match="'labels'"):
            self.difference([labels])

    def test_other_labels_are_counted(self):
        wanted = {"scores": self.scores, "labels": self.labels}
        found = wanted | {"labels": np.array([[1, 0, -1]], "int32")}
        both = [wanted, wanted], [found, wanted]
        assert verify._different_labels(*both) == (1, 6)
        assert verify._different_labels(*both, no_label=-1) == (1, 4)
        # What only one of the two holds for padding is there.
        assert verify._different_labels(*both, no_label=0) == (1, 6)
        scores = [{"scores": self.scores}]
        assert verify._different_labels(scores, scores) == (None, None)

    def test_shapes_and_names_count(self):
        with pytest.raises(ExportError, match="'labels' .* must be int32"):
            self.difference([[1]])
        with pytest.raises(ExportError, match="outputs must be"):
            verify._differences({"a": self.scores}, {"b": self.scores}, 0.1, "a case")


class TestSearch:
    """Where a search ends elsewhere, with a score as good, that is no difference."""

    wanted = {
        "tokens": np.array([[1, 2], [3, 0]], "int32"),
        "attention": np.array([[0.5, 0.5], [0.9, 0.1]], "float32"),
        "scores": np.array([-1.0, -2.0], "float32"),
    }

    def difference(self, **found):
        found = {
            name: np.array(x, self.wanted[name].dtype) for name, x in found.items()
        }
        searched = ("tokens", "attention")
        of_others, of_search = verify._differences(
            self.wanted, self.wanted | found, 0.1, "", searched
        )
        assert of_others is None
        return of_search

    def test_another_sequence_of_the_same_score_may_be(self):
        found = self.difference(
            tokens=[[1, 2], [4, 4]], attention=[[0.5, 0.5], [0, 1]], scores=[-1, -2.01]
        )
        assert found == pytest.approx(0.01, abs=1e-6)

    def test_another_sequence_of_another_score_may_not(self):
        assert self.difference(tokens=[[1, 2], [4, 4]], scores=[-1, -3]) == 1.0

    def test_what_goes_with_the_same_sequence_is_compared(self):
        found = self.difference(attention=[[0.5, 0.5], [0.2, 0.8]])
        assert found == pytest.approx(0.7)
