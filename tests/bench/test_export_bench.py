"""`seqzoo bench export`, from the command line to its rows."""

import json

import pytest

from keras_seqzoo.bench import export_bench
from keras_seqzoo.bench.export_contenders import (
    FLOAT16,
    FUSED,
    INT8,
    KERAS,
    KERAS_ONNX,
    OUR_ONNX,
    OURS,
    PLAIN,
    TF2ONNX,
    UNROLLED,
)
from keras_seqzoo.bench.export_models import KERAS_MODELS, MODELS, OUR_MODELS, Sizes
from keras_seqzoo.bench.torch_modules import has_torch

TINY = Sizes(inputs=3, units=4, lengths=(2, 5))


@pytest.fixture
def jobs(monkeypatch):
    """Nothing is exported; gives what would have been, in order."""
    done = []

    def export_rows(name, compared, sizes, seconds, say):
        assert compared is MODELS[name]
        done.append((name, sizes, seconds))
        row = {"model": name, "exporter": OURS, "format": "tflite", "runs": True}
        row |= {"reason": None, "bytes": 1234567, "operators": {"WHILE": 2, "ADD": 5}}
        row |= {"difference": 2.5e-7, "ms": {"100": 1.5}, "ratio": {"100": 1.0}}
        return [{**row, "growth": None, "rounds": 3}]

    monkeypatch.setattr(export_bench, "export_rows", export_rows)
    monkeypatch.setattr(export_bench, "set_threads", lambda threads: None)
    return done


def test_all_models_at_their_sizes(jobs):
    saved = []
    export_bench.bench_export(seconds=3, save=lambda r: saved.append(len(r["rows"])))
    assert jobs == [(name, export_bench.SIZES, 3) for name in MODELS]
    assert saved == list(range(1, len(MODELS) + 1))
    assert export_bench.SIZES == (128, 256, (100, 1000))
    assert [*KERAS_MODELS, *OUR_MODELS] == list(MODELS)


def test_the_command(seqzoo, jobs, tmp_path):
    file = tmp_path / "export.json"
    arguments = ["--model", "scrn", "--model", "gru", "--seconds", 1, "--output", file]
    status, out, _ = seqzoo("bench", "export", *arguments)
    assert status == 0
    assert [job[0] for job in jobs] == ["scrn", "gru"]
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[1] == "scrn seqzoo.export yes 1.235 2.5e-07 1.5 1 7 (2 WHILE)"
    target = "runs in LiteRT, difference from Keras"
    assert f"{target} gru 1e-05 2.5e-07 yes" in lines
    stored = json.loads(file.read_text())
    assert stored["command"] == "export" and stored["threads"] == 1
    assert stored["machine"]["cpu"] and len(stored["rows"]) == 2
    _, out, _ = seqzoo("bench", "export", *arguments, "--json")
    assert json.loads(out) == {key: stored[key] for key in ("rows", "targets")}


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--model", "rnn"], ["lstm, gru, simple_rnn", "Received: 'rnn'"]),
        (["--output", "no/such/x.json"], ["no/such"]),
    ],
)
def test_wrong_input_is_one_line_and_status_2(seqzoo, jobs, arguments, parts):
    status, out, err = seqzoo("bench", "export", *arguments)
    assert (status, out, jobs) == (2, "", [])
    assert len(err.strip().splitlines()) == 1
    assert all(part in err for part in parts)


def test_another_backend(seqzoo, jobs, monkeypatch):
    monkeypatch.setattr(export_bench.keras.config, "backend", lambda: "jax")
    status, _, err = seqzoo("bench", "export")
    assert (status, jobs) == (2, [])
    assert "KERAS_BACKEND=jax" in err


def test_a_real_model_end_to_end():
    result = export_bench.bench_export(["peephole_lstm"], seconds=0, sizes=TINY)
    rows = {row["exporter"]: row for row in result["rows"]}
    tflite = [OURS, FLOAT16, INT8, KERAS, UNROLLED, FUSED, PLAIN]
    torch = ["torch.nn.LSTM"] * has_torch()
    assert list(rows) == [*tflite, OUR_ONNX, KERAS_ONNX, TF2ONNX, *torch]
    assert {name for name, row in rows.items() if not row["runs"]} == {KERAS}
    assert "FlexTensorListReserve" in rows[KERAS]["reason"]
    for name, row in rows.items():
        if row["runs"] and row["format"] != "torch":
            assert row["difference"] < (1e-2 if name in (FLOAT16, INT8) else 1e-5)
            assert row["bytes"] > 0 and sum(row["operators"].values()) > 0
        if row["runs"]:
            lengths = ["2"] if name == UNROLLED else ["2", "5"]
            assert list(row["ms"]) == list(row["ratio"]) == lengths
            assert min(row["ms"].values()) > 0 and row["rounds"] > 0
    assert rows[FUSED]["operators"] == {"UNIDIRECTIONAL_SEQUENCE_LSTM": 1}
    assert rows[OUR_ONNX]["operators"]["LSTM"] == 1
    assert rows[TF2ONNX]["operators"]["Loop"] == 1
    assert rows[PLAIN]["operators"]["WHILE"] == rows[OURS]["operators"]["WHILE"] == 3
    assert {target["model"] for target in result["targets"]} == {"peephole_lstm"}
