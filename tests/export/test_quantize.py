"""Quantised TFLite files: size, exactness, what computes in int8, and the metric."""

import re

import keras
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from keras_seqzoo.errors import UserError
from keras_seqzoo.export import ExportError, export
from keras_seqzoo.layers import PeepholeLSTM
from keras_seqzoo.runtime import load

QUICK = {"batches": (1,), "lengths": (19,)}
STREAMED = ("int8_weights", "full_int8")


def sequences(count):
    rng = np.random.default_rng(0)
    return [
        rng.normal(size=(1, length, 16)).astype("float32")
        for length in range(5, 5 + count)
    ]


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((None, 16), name="x")
    h = PeepholeLSTM(128, return_sequences=True)(x)
    return keras.Model(x, keras.layers.Dense(16)(h))


@pytest.fixture(scope="module")
def reports(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantized")
    found = {}
    for quantize in (None, "float16", "int8", "int8_weights", "full_int8"):
        data = sequences(12) if quantize == "full_int8" else None
        path = folder / f"{quantize}.tflite"
        found[quantize] = export(
            model,
            path,
            quantize=quantize,
            representative_data=data,
            streaming=quantize in STREAMED,
            **QUICK,
        )
    return found


def tensors_of(report, operator):
    """(types of the inputs) of each such operator in the file."""
    with open(report.path, "rb") as file:
        model = schema.ModelT.InitFromPackedBuf(file.read(), 0)
    number = getattr(schema.BuiltinOperator, operator)
    codes = [max(c.builtinCode, c.deprecatedBuiltinCode) for c in model.operatorCodes]
    names = {value: key for key, value in vars(schema.TensorType).items()}
    return [
        [names[graph.tensors[i].type] for i in node.inputs[:2]]
        for graph in model.subgraphs
        for node in graph.operators
        if codes[node.opcodeIndex] == number
    ]


def test_sizes(reports):
    size = {quantize: report.bytes for quantize, report in reports.items()}
    assert size["float16"] < 0.75 * size[None]
    for quantize in ("int8", "int8_weights"):
        assert size[quantize] < size["float16"]
    assert size["full_int8"] < 0.75 * size[None]  # it has more operators


def test_what_the_products_compute_with(reports):
    products = {q: tensors_of(r, "FULLY_CONNECTED") for q, r in reports.items()}
    assert {*map(tuple, products[None])} == {("FLOAT32", "FLOAT32")}
    assert {*map(tuple, products["int8"])} == {("FLOAT32", "INT8")}
    assert {*map(tuple, products["int8_weights"])} == {("FLOAT32", "FLOAT32")}
    assert {*map(tuple, tensors_of(reports["int8_weights"], "DEQUANTIZE"))} == {
        ("INT8",)
    }
    assert {*map(tuple, products["full_int8"])} == {("INT8", "INT8")}


def test_weights_only_is_the_most_exact_int8(reports):
    difference = {quantize: r.max_difference for quantize, r in reports.items()}
    assert difference["int8_weights"] < difference["int8"] < difference["full_int8"]
    for report in reports.values():
        assert report.max_difference <= report.tolerance


def test_dequantized_weights_are_keras_weights_rounded(model, reports):
    x = sequences(1)[0]
    exact = model(x)
    (answer,) = load(reports["int8_weights"].path)(x).values()
    # 127 levels of the largest weight, and 128 + 16 of them in a sum.
    np.testing.assert_allclose(answer, exact, atol=0.02 * np.abs(exact).max())
    assert np.abs(answer - exact).max() > 1e-5


@pytest.mark.parametrize("quantize", STREAMED)
def test_the_step_is_quantised_too(quantize, reports):
    report = reports[quantize]
    assert report.no_step is None and report.step_difference <= report.tolerance
    runner = load(report.path)
    x = sequences(1)[0]
    (whole,) = runner(x).values()
    states, parts = None, []
    for t in range(x.shape[1]):
        answer, states = runner.step(x[:, t : t + 1], states)
        parts += answer.values()
    np.testing.assert_allclose(
        np.concatenate(parts, 1), whole, atol=0.05 * np.abs(whole).max()
    )


def test_the_metric_is_computed_with_both(model, tmp_path):
    x = sequences(3)
    targets = [np.asarray(model(one)).argmax(-1) for one in x]

    def accuracy(run):
        answers = [next(iter(run({"x": one}).values())).argmax(-1) for one in x]
        return 100 * np.mean(np.concatenate(answers, 1) == np.concatenate(targets, 1))

    report = export(
        model,
        tmp_path / "x.tflite",
        quantize="int8",
        streaming=False,
        metric=accuracy,
        max_loss=20,
        **QUICK,
    )
    assert report.keras_metric == 100 and 80 <= report.metric <= 100
    assert re.search(r"metric .*in Keras 100.00 \(loss .*allowed 20.00\)", str(report))


@pytest.mark.parametrize(
    ("figure", "max_loss", "message"),
    [
        (49.0, 0.5, r"is 49.00, Keras' 50.00; allowed is a loss of 0.5"),
        (float("nan"), 0.5, "the metric is no number: nan of the file, 50.0 in Keras"),
        (float("nan"), None, "the metric is no number: nan of the file, 50.0 in Keras"),
    ],
)
def test_a_file_whose_metric_is_worse_is_not_kept(
    figure, max_loss, message, small, tmp_path
):
    figures = iter([figure, 50.0])  # the file's, and then Keras'
    with pytest.raises(ExportError, match=message):
        export(
            small,
            tmp_path / "x.onnx",
            metric=lambda run: next(figures),
            max_loss=max_loss,
            **QUICK,
        )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("figure", "is_kept"), [(50.6, False), (50.4, True), (0.0, True)]
)
def test_a_figure_that_is_better_when_lower(figure, is_kept, small, tmp_path):
    figures = iter([figure, 50.0])
    options = {"higher_is_better": False, "max_loss": 0.5, **QUICK}
    metric = lambda run: next(figures)  # noqa: E731
    if is_kept:
        report = export(small, tmp_path / "x.onnx", metric=metric, **options)
        assert report.metric_loss == pytest.approx(figure - 50.0)
        assert f"(loss {figure - 50.0:.2f}, allowed 0.50)" in str(report)
    else:
        with pytest.raises(ExportError, match="is 50.60, Keras' 50.00; allowed is a"):
            export(small, tmp_path / "x.onnx", metric=metric, **options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantize": "full_int8"}, "must be given with quantize='full_int8'"),
        ({"representative_data": []}, "with quantize='full_int8', and only then"),
        ({"quantize": "full_int8", "representative_data": []}, "Received: none"),
        (
            {"quantize": "full_int8", "representative_data": [{"y": 1}]},
            "inputs must be x. Received: y",
        ),
        (
            {"quantize": "full_int8", "representative_data": [np.zeros((1, 3, 4))]},
            r"input 'x' must be float32 \(any, any, 16\). Received: float64",
        ),
        (
            {
                "quantize": "full_int8",
                "representative_data": {"x": np.zeros((1, 3, 16))},
            },
            "several calls. Received: a dict",
        ),
        ({"quantize": "full_int8", "representative_data": 5}, "Received: a int"),
        (
            {
                "quantize": "full_int8",
                "representative_data": lambda: [np.full((1, 3, 16), np.inf, "float32")],
            },
            "must be finite. Received: x with NaN or infinity",
        ),
        ({"metric": lambda run: None}, "metric must return a number. Received: None"),
        ({"metric": 3}, "metric must be a function"),
        ({"max_loss": 1}, "beside a metric"),
        ({"metric": len, "max_loss": -1}, "max_loss must be a number from 0 on"),
        ({"metric": len, "max_loss": True}, "Received: max_loss=True"),
    ],
)
def test_wrong_arguments(arguments, message, model, tmp_path):
    with pytest.raises(UserError, match=message):
        export(model, tmp_path / "x.tflite", **arguments)
    assert not list(tmp_path.iterdir())


@keras.saving.register_keras_serializable("test_quantize")
class Overflow(keras.layers.Layer):
    """Its answers are finite, and what it computes on the way is not."""

    def call(self, x):
        return 1.0 / (1.0 + keras.ops.exp(1e4 * x))


def test_full_int8_of_infinities_on_the_way_is_refused(tmp_path):
    x = keras.Input((None, 3), name="x")
    model = keras.Model(x, Overflow()(keras.layers.GRU(4, return_sequences=True)(x)))
    data = [np.random.default_rng(0).normal(size=(1, 9, 3)).astype("float32")]
    assert np.isfinite(model(data[0])).all()
    with pytest.raises(UserError, match="finite numbers.*Received: .Inf in .*Overflow"):
        # The converter would end this process.
        export(
            model, tmp_path / "x.tflite", quantize="full_int8", representative_data=data
        )
    assert not list(tmp_path.iterdir())
    assert export(model, tmp_path / "x.tflite", quantize="int8_weights", **QUICK)


def test_full_int8_of_two_lengths_in_mixed_precision(tmp_path):
    keras.utils.set_random_seed(0)
    x, y = keras.Input((None, 6), name="x"), keras.Input((None, 4), name="y")
    layers = [keras.layers.GRU(4, dtype="mixed_float16") for _ in range(2)]
    model = keras.Model([x, y], [layers[0](x), layers[1](y)])
    rng = np.random.default_rng(0)
    data = [
        {
            "x": rng.normal(size=(1, 20, 6)).astype("float32"),
            "y": rng.normal(size=(1, 5, 4)).astype("float32"),
        }
    ] * 4
    report = export(
        model,
        tmp_path / "x.tflite",
        quantize="full_int8",
        representative_data=data,
        streaming=True,
        tolerance=0.5,
        **QUICK,
    )
    assert report.signatures == ["serve", "step"]


def test_sizes_on_which_keras_gives_nan_are_left_out(tmp_path):
    keras.utils.set_random_seed(0)
    x = keras.Input((None,), dtype="int32")
    h = keras.layers.Embedding(50, 4, mask_zero=True)(x)
    h = keras.layers.LSTM(4, return_sequences=True)(h)
    h = keras.layers.GlobalAveragePooling1D()(h)  # NaN over padding alone
    report = export(keras.Model(x, h), tmp_path / "x.onnx", lengths=(1, 16, 33))
    assert (3, 33) in report.cases and report.max_difference < 1e-5
