import numpy as np
import pytest

from keras_seqzoo.bench import export_rows
from keras_seqzoo.bench.export_contenders import (
    FUSED,
    INT8,
    KERAS,
    OUR_ONNX,
    OURS,
    PLAIN,
    UNROLLED,
    Contender,
)
from keras_seqzoo.bench.export_rows import facts_line, lengths_of, with_times
from keras_seqzoo.bench.export_targets import target_rows
from keras_seqzoo.bench.timing import Timing


def row(exporter, form="tflite", **more):
    return {"exporter": exporter, "format": form, **more}


def test_times_ratios_and_growth():
    rows = [
        row(OURS),
        row("theirs"),
        row(OUR_ONNX, "onnx"),
        row("torch.nn.GRU", "torch"),
    ]
    timings = {
        (OURS, 10): Timing(9.0, [0.001, 0.002, 0.003]),
        (OURS, 100): Timing(9.0, [0.010, 0.040, 0.030]),
        ("theirs", 10): Timing(9.0, [0.002, 0.002, 0.012]),
        (OUR_ONNX, 10): Timing(9.0, [0.001, 0.001, 0.001]),
        ("torch.nn.GRU", 10): Timing(9.0, [0.004, 0.004, 0.004]),
    }
    slow = {("theirs", 100): 3000.0}
    ours, theirs, our_onnx, torch = with_times(rows, timings, slow)
    assert ours["ms"] == pytest.approx({"10": 2.0, "100": 30.0})
    assert ours["ratio"] == {"10": 1.0, "100": 1.0}
    assert ours["growth"] == pytest.approx(10.0)  # of 10, 20, 10
    assert ours["rounds"] == 3
    assert theirs["ms"] == {"10": 2.0, "100": 3000.0}
    assert theirs["ratio"] == pytest.approx({"10": 0.5, "100": 0.01})  # of .5, 1, .25
    assert (theirs["growth"], our_onnx["growth"]) == (None, None)
    assert torch["ratio"] == pytest.approx({"10": 0.25})  # against the ONNX file
    assert lengths_of([theirs, ours]) == ["10", "100"]


def test_what_became_of_a_file(monkeypatch):
    inputs = [np.zeros((1, length, 3), "float32") for length in (5, 50)]
    wanted = [np.ones((1, length, 4), "float32") for length in (5, 50)]
    names = {"WHILE": 1}
    monkeypatch.setattr(export_rows, "operators", lambda form, content: names)

    def tried(answer, form="onnx", **more):
        def start(form, content, x):
            return lambda: answer(x)

        monkeypatch.setattr(export_rows, "start", start)
        contender = Contender("x", form, lambda length: b"12345", **more)
        return export_rows._tried(contender, inputs, wanted)

    def right(x):
        return np.ones((1, x.shape[1], 4), "float32")

    facts, calls = tried(lambda x: right(x) + x.shape[1] / 100)
    assert facts == {
        "format": "onnx",
        "runs": True,
        "reason": None,
        "bytes": 5,
        "operators": names,
        "difference": pytest.approx(0.5),
    }
    assert list(calls) == [5, 50]
    call, took = calls[50]
    assert call().shape == (1, 50, 4) and 0 < took < 1
    assert list(tried(right, only_first_length=True)[1]) == [5]
    facts, calls = tried(lambda x: right(x)[:, :1])
    assert (facts["runs"], calls) == (False, {})
    assert facts["reason"] == "gives (1, 1, 4), not (1, 5, 4)"

    def failing(x):
        raise RuntimeError("no\nway")

    assert tried(failing)[0]["reason"] == "no"
    names["custom FlexB"] = names["custom FlexA"] = 1
    assert tried(failing)[0]["reason"] == "needs FlexA, FlexB"


def test_a_model_that_does_not_convert():
    def write(length):
        raise ValueError("cannot")

    inputs = [np.zeros((1, 5, 3), "float32")]
    facts, calls = export_rows._tried(Contender("x", "tflite", write), inputs, inputs)
    assert facts["reason"] == "not converted: cannot"
    assert not facts["runs"] and not calls


def test_a_slow_file_is_called_no_more(monkeypatch):
    monkeypatch.setattr(export_rows, "SLOW_S", 0.0)
    timed = []
    monkeypatch.setattr(
        export_rows, "take_turns", lambda calls, s: timed.append(calls) or {}
    )
    found = [Contender(OURS, "torch", lambda length: None)]
    monkeypatch.setattr(
        export_rows, "contenders", lambda *_: (found, lambda x: np.zeros(1))
    )
    monkeypatch.setattr(export_rows, "start", lambda *_: lambda: np.zeros(1))
    compared = export_rows.ExportModel(in_keras=None)
    sizes = export_rows.Sizes(2, 3, (4,))
    (found_row,) = export_rows.export_rows("gru", compared, sizes, 1.0)
    assert timed == [{}]
    assert found_row["ms"]["4"] > 0 and found_row["rounds"] == 0


def test_facts_in_a_line():
    runs = {"runs": True, "operators": {"WHILE": 2, "ADD": 3}}
    assert facts_line(runs) == "5 (2 WHILE)"
    assert facts_line({"runs": True, "operators": {"ADD": 3}}) == "3"
    assert facts_line({"runs": True, "operators": None}) == ""
    assert facts_line({"runs": False, "reason": "needs Flex"}) == "needs Flex"


def measured(model, exporter, **more):
    values = {
        "difference": 1e-7,
        "bytes": 100,
        "ratio": {"100": 1.0, "1000": 1.0},
        "growth": None,
        **more,
    }
    return {"model": model, "exporter": exporter, **values}


def test_targets():
    rows = [
        measured("peephole_cell", OURS, growth=11.5),
        measured("peephole_cell", INT8, bytes=28, ratio={"1000": 9.0, "100": 2.5}),
        measured("peephole_cell", UNROLLED, ratio={"100": 0.38}),
        measured("peephole_cell", FUSED, ratio={"100": 0.7, "1000": 1.2}),
        measured("peephole_cell", "torch.nn.LSTM", ratio={"100": 0.8, "1000": 0.9}),
        measured("simple_rnn", OURS, difference=None, growth=None),
        measured("simple_rnn", KERAS),
        measured("scrn", OURS, difference=2e-5, growth=10.0),
        measured("scrn", PLAIN, difference=1e-6),
    ]
    found = {
        (t["target"], t["model"]): (t["value"], t["reached"]) for t in target_rows(rows)
    }
    difference = "runs in LiteRT, difference from Keras"
    growth = "latency at 10 times the steps"
    assert found == {
        (difference, "peephole_cell"): (1e-7, True),
        (difference, "simple_rnn"): (None, False),
        (difference, "scrn"): (2e-5, False),
        ("TFLite / unrolled", "peephole_cell"): (0.38, True),
        ("TFLite / fused operator", "peephole_cell"): (1.2, False),
        ("int8 / float32, latency", "peephole_cell"): (0.4, True),
        ("int8 / float32, size", "peephole_cell"): (0.28, True),
        (growth, "peephole_cell"): (11.5, False),
        (growth, "simple_rnn"): (None, False),
        (growth, "scrn"): (10.0, True),
        ("ONNX / torch.nn", "peephole_cell"): (0.9, True),
        ("Keras' own export runs, difference", "scrn"): (1e-6, True),
    }
