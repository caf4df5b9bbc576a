import json

from keras_seqzoo.export.report import ExportReport

FACTS = {
    "path": "x.onnx",
    "format": "onnx",
    "bytes": 1_234_567,
    "signatures": ["serve", "step"],
    "no_step": None,
    "step_path": "x.step.onnx",
    "operators": {"MatMul": 3, "Add": 1},
    "max_difference": 1.5e-6,
    "tolerance": 1e-5,
    "search_difference": 0.61,
    "search_tolerance": 2.2,
    "cases": [(3, 17), (1, 17), (1, 7)],
    "different_labels": 2,
    "compared_labels": 1234,
    "keras_metric": 95.5,
    "metric": 95.25,
    "metric_loss": 0.25,
    "max_loss": 0.5,
    "latency_ms": 1.5,
    "latency_shape": (1, 100),
    "step_difference": 2e-7,
    "step_latency_ms": 0.03,
    "quantize": "float16",
    "label_unit": "words",
}


def rows(**changes):
    text = str(ExportReport(**{**FACTS, **changes}))
    return {line[:13].strip(): line[13:] for line in text.splitlines() if line[0] > " "}


def test_each_fact_has_its_row():
    found = rows()
    assert found["file"] == "x.onnx, x.step.onnx"
    assert found["format"] == "onnx, float16" and found["size"] == "1.235 MB"
    assert found["difference"].startswith("1.5e-06 at most from Keras (allowed 1.0e-05")
    assert found["difference"].endswith("; 2 of 1,234 words differ")
    assert found["search"] == "6.1e-01 at most from Keras (allowed 2.2e+00)"
    assert found["metric"] == "95.25, in Keras 95.50 (loss 0.25, allowed 0.50)"
    assert found["verified on"] == "batch 1, 3, length 7, 17"
    assert found["latency"] == "1.50 ms (batch 1, length 100, one thread)"
    assert found["step"].startswith("0.030 ms (batch 1, one step), 2.0e-07")
    assert found["operators"] == "Add, MatMul x3"


def test_what_is_not_there_is_not_said():
    found = rows(
        no_step="it reads both ways",
        step_path=None,
        metric=None,
        search_difference=None,
        different_labels=None,
        quantize=None,
        operators={},
        length_name="height",
    )
    assert found["file"] == "x.onnx" and found["format"] == "onnx"
    assert found["step"] == "none: it reads both ways"
    assert not {"metric", "operators", "search"} & set(found)
    assert "differ" not in found["difference"] and "height 7" in found["verified on"]


def test_no_line_is_wide_and_json_has_all():
    wide = ExportReport(
        **{**FACTS, "operators": {f"Operator{i}": i for i in range(40)}}
    )
    assert max(map(len, str(wide).splitlines())) <= 88
    again = json.loads(json.dumps(wide.to_dict()))
    assert set(again) == {*FACTS, "length_name"} and again["cases"] == [
        [3, 17],
        [1, 17],
        [1, 7],
    ]
