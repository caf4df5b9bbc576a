"""`seqzoo bench`, from the command line to its rows."""

import importlib.util
import json
import os
import subprocess
import sys

import pytest

from keras_seqzoo import bench
from keras_seqzoo.bench import plot
from keras_seqzoo.bench.cases import CASES
from keras_seqzoo.bench.shapes import GPU, LONG, SWEEPS, Shape
from keras_seqzoo.bench.torch_modules import has_torch
from keras_seqzoo.errors import UserError

SCHEMA = {"case", "shape", "ours_ms", "peer", "peer_ms", "ratio"}


@pytest.fixture
def jobs(monkeypatch):
    """Nothing is timed; gives what would have been, in order."""
    done = []

    def timed_rows(name, case, work, shape, seconds):
        done.append((name, work, str(shape), seconds))
        return [
            {
                "case": name,
                "shape": str(shape),
                "ours_ms": shape.steps / 2,
                "peer": "keras.layers.LSTM",
                "peer_ms": float(shape.steps),
                "ratio": 0.5,
                "ours_mode": "xla",
                "peer_mode": "graph",
            }
        ]

    def memory_row(name, shape, threads):
        done.append(("memory", name, str(shape), threads))
        return {
            "case": f"memory of {name}",
            "shape": str(shape),
            "ours_ms": None,
            "peer": "keras.layers.RNN",
            "peer_ms": None,
            "ratio": 0.25,
            "ours_mb": 50.0,
            "peer_mb": 200.0,
        }

    monkeypatch.setattr(bench, "timed_rows", timed_rows)
    monkeypatch.setattr(bench, "memory_row", memory_row)
    monkeypatch.setattr(bench, "start_backend", lambda: None)
    monkeypatch.setattr(bench, "set_threads", lambda threads: None)
    return done


def test_all_cases_at_their_shapes(jobs):
    bench.bench("infer", seconds=3)
    assert jobs == [
        (name, "infer", str(shape), 3)
        for name, case in CASES.items()
        for shape in case.infer
    ]


def test_training_measures_memory_too(jobs, monkeypatch):
    bench.bench("train", threads=2)
    names = [job[0] for job in jobs]
    assert list(dict.fromkeys(names)) == [*CASES, "memory"]
    assert {job[2:] for job in jobs if job[0] == "memory"} == {("16,1000,64,128", 2)}
    jobs.clear()
    monkeypatch.setattr(bench, "can_measure", lambda: False)
    bench.bench("train")
    assert "memory" not in [job[0] for job in jobs]
    with pytest.raises(UserError, match="needs Linux"):
        bench.bench("train", cases=["memory"])


def test_filters(jobs):
    cases = ["scrn", "min_gru", "scrn"]
    result = bench.bench("train", cases=cases, shapes=["1,2,3,4", "5,6,7,8"])
    shapes = ["1,2,3,4", "5,6,7,8"]
    assert [(job[0], job[2]) for job in jobs] == [
        (name, shape) for name in ("scrn", "min_gru") for shape in shapes
    ]
    assert [(row["case"], row["shape"]) for row in result["rows"]] == [
        (name, shape)
        for name in ("scrn", "min_gru")
        for shape in [*shapes, "geometric mean", "largest ratio"]
    ]


def test_what_is_done_is_saved_after_each_case(jobs, monkeypatch):
    saved = []

    def save(result):
        saved.append([row["case"] for row in result["rows"]])

    monkeypatch.setattr(bench, "memory_row", lambda *_: 1 / 0)  # the last case
    with pytest.raises(ZeroDivisionError):
        cases, shapes = ["scrn", "min_gru", "memory"], ["1,2,3,4"]
        bench.bench("train", cases=cases, shapes=shapes, save=save)
    assert saved == [["scrn"], ["scrn", "min_gru"]]


@pytest.mark.parametrize("work", ["train", "infer"])
@pytest.mark.parametrize("sweep", SWEEPS)
def test_sweeps(jobs, work, sweep):
    result = bench.bench(work, cases=["scrn"], sweep=sweep)
    swept = [Shape.parse(job[2]) for job in jobs]
    varied = [getattr(s, {"length": "steps", "units": "units"}[sweep]) for s in swept]
    ends = {"length": (50, 4000), "units": (32, 512)}
    assert (varied[0], varied[-1]) == ends[sweep]
    assert varied == sorted(varied)
    assert all(shape.batch == 1 for shape in swept) == (work == "infer")
    assert len(result["rows"]) == len(swept)  # no means over a sweep
    assert result["sweep"] == sweep


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["--case", "lstm"], ["peephole_lstm, coupled_lstm", "memory", "'lstm'"]),
        (["--shape", "64,100"], ["batch,steps,inputs,units", "'64,100'"]),
        (["--shape", "1,0,2,3"], ["positive", "'1,0,2,3'"]),
        (["--shape", "1,9999999999,2,3"], ["nine digits", "'1,9999999999,2,3'"]),
        (["--shape", "1,999999999,999999,3"], ["memory", "'1,999999999,999999,3'"]),
        (["--seconds", "-1"], ["--seconds", "-1.0 is not in the range x>=0"]),
        (["--seconds", "nan"], ["--seconds", "nan is not a finite number"]),
        (["--seconds", "inf"], ["--seconds", "inf is not a finite number"]),
        (["--threads", "3000000000"], ["--threads", "3000000000", "1<=x<=1024"]),
        (["--output", ""], ["must have a name", "''"]),
        (["--case", "clockwork_rnn", "--shape", "1,2,3,4"], ["divisible", "units=4"]),
        (["--plot", "x.png"], ["--sweep length"]),
        (["--sweep", "units", "--shape", "1,2,3,4"], ["leave out --shape"]),
        (["--sweep", "units", "--plot", "x.abc"], [".png", "'x.abc'"]),
        (["--output", "no/such/x.json"], ["no/such"]),
        (["--gpu"], ["KERAS_BACKEND=jax", "Received: KERAS_BACKEND=tensorflow"]),
    ],
)
def test_wrong_input_is_one_line_and_status_2(seqzoo, jobs, arguments, parts):
    status, out, err = seqzoo("bench", "train", *arguments)
    assert (status, out, jobs) == (2, "", [])
    assert err.startswith("Error: ")
    assert len(err.strip().splitlines()) == 1
    for part in parts:
        assert part in err


def test_a_file_that_may_not_be_written(seqzoo, jobs, tmp_path, monkeypatch):
    monkeypatch.setattr("os.access", lambda path, mode: path != tmp_path)
    file = tmp_path / "x.json"
    for command in ("train", "infer", "export"):
        status, out, err = seqzoo("bench", command, "--output", file)
        assert (status, out, jobs) == (2, "", [])
        problem = "A file to write must be one you have the right to."
        assert err == f"Error: {problem} Received: {file}\n"
    file.touch()  # that file itself may be
    assert seqzoo("bench", "train", "--case", "scrn", "--output", file)[0] == 0
    assert json.loads(file.read_text())["rows"]


@pytest.mark.parametrize("command", ["train", "infer", "export"])
@pytest.mark.parametrize("backend", ["nonsense", "numpy"])
def test_a_backend_that_there_is_not(seqzoo, command, backend, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", backend)
    status, out, err = seqzoo("bench", command)
    assert (status, out) == (2, "")
    assert err == (
        "Error: KERAS_BACKEND must be one of tensorflow, jax, torch. "
        f"Received: {backend}\n"
    )


def test_inference_has_no_memory_case(seqzoo, jobs):
    status, _, err = seqzoo("bench", "infer", "--case", "memory")
    assert status == 2
    assert "Received: 'memory'" in err


@pytest.mark.parametrize("command", [[], ["train"], ["infer"], ["export"]])
def test_help_shows_examples(seqzoo, command):
    status, out, _ = seqzoo("bench", *command, "--help")
    assert status == 0
    assert f"\n    seqzoo bench {' '.join(command)}" in out
    if command in (["train"], ["infer"]):
        assert ", ".join(CASES) in " ".join(out.split())


def test_a_backend_that_is_not_installed(seqzoo, monkeypatch):
    monkeypatch.setitem(sys.modules, "keras_seqzoo.bench", None)
    missing = ModuleNotFoundError("No module named 'jax'", name="jax")

    class Finder:
        def find_spec(self, name, path=None, target=None):
            if name == "keras_seqzoo.bench":
                raise missing

    monkeypatch.delitem(sys.modules, "keras_seqzoo.bench")
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    status, _, err = seqzoo("bench", "train", "--gpu")
    assert (status, err) == (
        2,
        "Error: The backend jax is not installed: pip install jax\n",
    )


def test_the_table_shows_every_row(seqzoo, jobs):
    arguments = ["--case", "scrn", "--case", "memory", "--shape", "2,30,4,8"]
    status, out, _ = seqzoo("bench", "train", *arguments)
    assert status == 0
    lines = [" ".join(line.split()) for line in out.splitlines()]
    assert lines[1] == "scrn 2,30,4,8 15 ms keras.layers.LSTM 30 ms 0.50 xla / graph"
    memory = "memory of scrn 2,30,4,8 50 MB keras.layers.RNN 200 MB 0.25"
    assert memory in lines


def test_a_real_case_end_to_end(seqzoo, tmp_path):
    stored = tmp_path / "train.json"
    arguments = ["--case", "min_gru", "--shape", "2,5,3,4", "--seconds", 0]
    status, out, _ = seqzoo(
        "bench", "train", *arguments, "--threads", 1, "--json", "--output", stored
    )
    assert status == 0
    printed = json.loads(out)
    assert list(printed) == ["rows"]
    peers = ["keras.layers.GRU"] + ["torch.nn.GRU"] * has_torch()
    assert [row["peer"] for row in printed["rows"]] == peers
    for row in printed["rows"]:
        assert set(row) > SCHEMA
        assert (row["case"], row["shape"]) == ("min_gru", "2,5,3,4")
        assert row["ours_ms"] == min(row["ours_ms_by_mode"].values()) > 0
        assert row["peer_ms"] == min(row["peer_ms_by_mode"].values()) > 0
        assert row["ratio"] > 0
        assert set(row["ours_ms_by_mode"]) == {"graph", "xla"}
        assert min(row["ours_first_call_s_by_mode"].values()) > 0
    kept = json.loads(stored.read_text())
    assert kept["rows"] == printed["rows"]
    assert (kept["command"], kept["seconds"], kept["threads"]) == ("train", 0, 1)
    machine = kept["machine"]
    assert machine["cpu"] and machine["date"] and machine["cores"] == os.cpu_count()
    assert {"keras", "tensorflow"} <= set(machine["versions"])


OTHER_BACKEND = """
import sys
from keras_seqzoo.bench import bench
from keras_seqzoo.bench.gpu import gpu_name
from keras_seqzoo.errors import UserError

for work in ("train", "infer"):
    result = bench(work, cases=["coupled_lstm"], shapes=["2,5,3,4"], seconds=0)
    rows = result["rows"]
    assert {"PeepholeLSTM", "keras.layers.RNN(CoupledLSTMCell)"} <= {
        row["peer"] for row in rows
    }, rows
    assert {row["ours_mode"] for row in rows} == {sys.argv[1]}, rows
if gpu_name() is None:
    try:
        bench("train", gpu=True)
    except UserError as error:
        assert "needs a GPU" in str(error), error
    else:
        raise AssertionError("no error without a GPU")
"""


@pytest.mark.parametrize(("backend", "mode"), [("torch", "eager"), ("jax", "jit")])
def test_on_another_backend(backend, mode):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    done = subprocess.run(
        [sys.executable, "-c", OTHER_BACKEND, mode],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_gpu_cases(jobs, monkeypatch, backend):
    monkeypatch.setattr(bench, "require_gpu", lambda: None)
    monkeypatch.setattr(bench, "facts", dict)
    monkeypatch.setattr(bench.keras.config, "backend", lambda: backend)
    bench.bench("train", gpu=True)
    shapes = {"peephole_lstm": GPU, "coupled_lstm": GPU, "min_gru": LONG}
    assert [job[:3] for job in jobs] == [
        (name, "train", str(shape)) for name, shape in shapes.items()
    ]
    with pytest.raises(UserError, match="one of peephole_lstm, coupled_lstm, min_gru"):
        bench.bench("train", gpu=True, cases=["scrn"])


def test_a_sweep_is_drawn(seqzoo, jobs, tmp_path, monkeypatch):
    drawn = []
    draw_case = plot._draw_case

    def watched(panel, rows, field):
        draw_case(panel, rows, field)
        drawn.append(panel)

    monkeypatch.setattr(plot, "_draw_case", watched)
    file = tmp_path / "length.png"
    arguments = ["--sweep", "length", "--plot", file, "--case", "scrn"]
    assert seqzoo("bench", "train", *arguments, "--case", "min_gru")[0] == 0
    assert file.read_bytes().startswith(b"\x89PNG")
    assert [panel.get_title() for panel in drawn] == ["scrn", "min_gru"]
    ours, theirs = drawn[0].get_lines()
    assert ours.get_label() == "ours"
    assert list(ours.get_xdata()) == [50, 100, 200, 500, 1000, 2000, 4000]
    assert list(ours.get_ydata()) == [x / 2 for x in ours.get_xdata()]
    assert theirs.get_label() == "keras.layers.LSTM"
    assert list(theirs.get_ydata()) == list(ours.get_xdata())
    assert (drawn[0].get_xscale(), drawn[0].get_yscale()) == ("log", "log")
