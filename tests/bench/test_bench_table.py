import importlib.util
import json
import pathlib
import sys

import pytest
from readme_section import markers

from keras_seqzoo.bench.cases import CASES, GPU_CASES, MEMORY_PEERS
from keras_seqzoo.bench.export_models import MODELS
from keras_seqzoo.bench.rows import GEOMETRIC_MEAN, LARGEST_RATIO

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "bench_table.py"
BEGIN, END = markers("bench table")
RNN = "keras.layers.RNN(PeepholeLSTMCell)"


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("bench_table", TOOL)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def row(case, shape, peer, ours_ms, ratio, **more):
    return {
        "case": case,
        "shape": shape,
        "ours_ms": ours_ms,
        "peer": peer,
        "peer_ms": None if ours_ms is None else ours_ms / ratio,
        "ratio": ratio,
        **more,
    }


def first_calls(graph, xla):
    return {
        "ours_first_call_s_by_mode": {"graph": graph, "xla": xla},
        "peer_first_call_s_by_mode": {"graph": 2 * graph, "xla": 2 * xla},
    }


def result(command, rows, sweep=None, gpu=None):
    return {
        "command": command,
        "sweep": sweep,
        "seconds": 1.0,
        "threads": 2,
        "machine": {
            "cpu": "A Processor",
            "gpu": gpu,
            "backend": "tensorflow",
            "versions": {"keras_seqzoo": "0", "keras": "3.1", "tensorflow": "2.2"},
            "date": "2026-01-02T03:04:05+00:00",
        },
        "rows": rows,
    }


def train_rows():
    return [
        row("peephole_lstm", "1,2,3,4", RNN, 10.0, 0.5, **first_calls(1.0, 2.0)),
        row("peephole_lstm", "1,2,3,4", "torch.nn.LSTM", 10.0, 1.2),
        row("peephole_lstm", "5,6,7,8", RNN, 1.0, 1.1, **first_calls(6.0, 1.5)),
        row("peephole_lstm", "5,6,7,8", "torch.nn.LSTM", 1.0, 0.7),
        row("peephole_lstm", "geometric mean", RNN, 3.162, 0.742),
        row("peephole_lstm", "largest ratio", RNN, 1.0, 1.1),
        row("peephole_lstm", "geometric mean", "torch.nn.LSTM", 3.162, 0.917),
        row("peephole_lstm", "largest ratio", "torch.nn.LSTM", 10.0, 1.2),
        row(
            "min_gru",
            "16,4000,64,128",
            "keras.layers.GRU",
            100.0,
            0.1,
            **first_calls(1.0, 1.0),
        ),
        row(
            "memory of peephole_lstm",
            "16,1000,64,128",
            RNN,
            None,
            0.6,
            ours_mb=60.0,
            peer_mb=100.0,
        ),
    ]


def test_graph_rows_compare_both_in_a_graph(tool):
    def timed(shape, ours, theirs):
        modes = {"graph": ours, "xla": ours / 9}, {"graph": theirs, "xla": theirs / 3}
        by_mode = dict(zip(("ours_ms_by_mode", "peer_ms_by_mode"), modes))
        return row("peephole_lstm", shape, RNN, ours / 9, 1 / 3, **by_mode)

    rows = [timed("1,50,64,128", 2.0, 4.0), timed("1,100,64,128", 1.0, 8.0)]
    rows.append(row("peephole_lstm", "1,50,64,128", "torch.nn.LSTM", 2.0, 0.5))
    rows.append(row("peephole_lstm", GEOMETRIC_MEAN, RNN, 1.0, 1 / 3))
    found = tool.graph_rows(rows)
    assert {r["peer"] for r in found} == {f"{RNN}, both in a graph"}
    ratios = {r["shape"]: r["ratio"] for r in found}
    assert ratios["1,50,64,128"] == 0.5 and ratios["1,100,64,128"] == 0.125
    assert ratios[GEOMETRIC_MEAN] == pytest.approx(0.25)


def test_section(tool):
    lines = tool.section({"train": result("train", train_rows())}).splitlines()
    assert lines == [
        (
            "**Training step**: A Processor, 2 threads; keras 3.1, tensorflow 2.2; "
            "2026-01-02, `--seconds 1`."
        ),
        "",
        "| ms, and ours / theirs | 1,2,3,4 | 5,6,7,8 | geometric mean | target |",
        "|---|---|---|---|---|",
        "| **PeepholeLSTM** | **10** | **1** | **3.16** |  |",
        (
            f"| / {RNN} | 0.50 | 1.10 | 0.74 "
            "| ≤ 0.55: **missed**; each ≤ 1: **missed** |"
        ),
        "| / torch.nn.LSTM | 1.20 | 0.70 | 0.92 | ≤ 1: reached |",
        "",
        "|  | at | ours | against | theirs | ratio | target |",
        "|---|---|---|---|---|---|---|",
        (
            "| MinGRU | 16,4000,64,128 | 100 ms | keras.layers.GRU | 1,000 ms | 0.10 "
            "| ≤ 0.2: reached |"
        ),
        (
            f"| PeepholeLSTM, peak memory | 16,1000,64,128 | 60 MB | {RNN} | 100 MB "
            "| 0.60 | ≤ 0.6: reached |"
        ),
        "",
        (
            "| first call, s (tracing, compiling, running) | ours, graph | ours, xla "
            "| against | theirs, graph | theirs, xla | target |"
        ),
        "|---|---|---|---|---|---|---|",
        f"| PeepholeLSTM | 6.0 | 2.0 | {RNN} | 12.0 | 4.0 | ≤ 5: **missed** |",
        "| MinGRU | 1.0 | 1.0 | keras.layers.GRU | 2.0 | 2.0 | ≤ 5: reached |",
    ]


def test_gpu_and_sweeps_are_shown(tool):
    shape, peer = "256,200,512,512", "keras.layers.LSTM (cuDNN)"
    gpu = result("train", [row("coupled_lstm", shape, peer, 3.0, 1.6)], gpu="A GPU")
    sweep = result("train", [], sweep="length")
    text = tool.section({"gpu": gpu, "gpu_torch": gpu, "length": sweep})
    for backend in ("JAX", "PyTorch"):
        assert f"**Training step on a GPU, {backend}**: A GPU; keras 3.1" in text
    assert f"| CoupledLSTM | {shape} | 3 ms | {peer} |" in text
    assert "| 1.60 | ≤ 1.5: **missed** |" in text
    assert "![Time against length](docs/bench/length.png)" in text


def export_row(exporter, form="tflite", ms=None, ratio=None, **more):
    return {
        "model": "gru",
        "exporter": exporter,
        "format": form,
        "runs": True,
        "reason": None,
        "bytes": 1_500_000,
        "operators": {"WHILE": 2, "ADD": 1},
        "difference": 2.4e-7,
        "ms": ms or {},
        "ratio": ratio or {},
        "growth": None,
        "rounds": 3,
        **more,
    }


def target(name, model, value, reached):
    verdict = {"limit": 0.45, "value": value, "reached": reached}
    return {"target": name, "model": model, **verdict}


def test_export_section(tool):
    ones = {"100": 1.0, "1000": 1.0}
    of_torch = {"bytes": None, "operators": None, "difference": None}
    fails = {"runs": False, "reason": "needs FlexA", "difference": None}
    rows = [
        export_row("seqzoo.export", ms={"100": 1.234, "1000": 12.5}, ratio=ones),
        export_row("Keras", **fails),
        export_row("unrolled", ms={"100": 4.0}, ratio={"100": 0.31}),
        export_row("to ONNX", "onnx", ms={"100": 0.5, "1000": 5}, ratio=ones),
        export_row("torch.nn.GRU", "torch", ms=ones, ratio=ones, **of_torch),
    ]
    targets = [
        target("int8", "gru", 0.5, False),
        target("int8", "lstm", 0.44, True),
        target("int8", "scrn", None, False),
        target("unrolled", "gru", 0.31, True),
    ]
    stored = {**result("export", rows), "targets": targets}
    stored["sizes"] = {"inputs": 128, "units": 256, "lengths": [100, 1000]}
    lines = tool.export_section(stored).splitlines()
    assert lines == [
        (
            "128 inputs, 256 units; A Processor, 2 threads; keras 3.1, tensorflow 2.2; "
            "2026-01-02, `--seconds 1`."
        ),
        "",
        "| LiteRT, ms at 100 / 1,000 steps | seqzoo.export | Keras | unrolled |",
        "|---|---|---|---|",
        "| GRU | 1.23 / 12.5 | does not run | 4 / – (0.31 / –) |",
        "",
        "| onnxruntime, ms at 100 / 1,000 steps | to ONNX | torch.nn |",
        "|---|---|---|",
        "| GRU | 0.5 / 5 | 1 / 1 (1.00 / 1.00) |",
        "",
        "| target | at most | reached | missed |",
        "|---|---|---|---|",
        "| int8 | 0.45 | LSTM 0.44 | **GRU 0.5**, **SCRN does not run** |",
        "| unrolled | 0.45 | GRU 0.31 |  |",
        "",
        "<details><summary>All files</summary>",
        "",
        "| model | exporter | MB | difference | operators, or why not |",
        "|---|---|---|---|---|",
        "| GRU | seqzoo.export | 1.50 | 2e-07 | ADD, WHILE x2 |",
        "| GRU | Keras | 1.50 |  | **does not run**: needs FlexA |",
        "| GRU | unrolled | 1.50 | 2e-07 | ADD, WHILE x2 |",
        "| GRU | to ONNX | 1.50 | 2e-07 | ADD, WHILE x2 |",
        "| GRU | torch.nn.GRU |  |  |  |",
        "",
        "</details>",
    ]


def test_every_model_has_a_name_in_the_table(tool):
    assert set(MODELS) <= set(tool.EXPORT_LAYERS)


def test_every_target_is_of_something_that_is_measured(tool):
    assert (tool.MEAN, tool.LARGEST) == (GEOMETRIC_MEAN, LARGEST_RATIO)
    assert set(tool.LAYERS) == set(CASES)
    for work, targets in (("train", tool.TRAIN_TARGETS), ("infer", tool.INFER_TARGETS)):
        for (name, peer), shapes in targets.items():
            if name.startswith("memory of "):
                assert MEMORY_PEERS[name.removeprefix("memory of ")] == peer
                continue
            case = CASES[name]
            extra = [f"torch.nn.{case.torch}"] + ["matrix products"] * case.products
            assert peer in [*case.peers, *extra]
            own = [str(shape) for shape in getattr(case, work)]
            for shape in shapes:
                assert shape in own or (shape in (tool.MEAN, tool.LARGEST) and own[1:])
    measured = {
        (name, peer)
        for cases in GPU_CASES.values()
        for name, case in cases.items()
        for peer in [*case.peers, f"torch.nn.{case.torch}"]
    }
    assert measured - {("min_gru", "torch.nn.GRU")} == set(tool.GPU_TARGETS)


@pytest.fixture
def project(tool, tmp_path, monkeypatch):
    """A small project with one stored sweep and a README with the markers."""
    monkeypatch.setattr(tool, "ROOT", tmp_path)
    folder = tmp_path / tool.RESULTS
    folder.mkdir(parents=True)
    rows = [row("scrn", f"1,{steps},2,3", "peer", steps / 2, 0.5) for steps in (5, 50)]
    stored = result("train", rows, sweep="length")
    (folder / "length.json").write_text(json.dumps(stored))
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{BEGIN}\n{END}\nafter\n")
    return tmp_path


def test_written_and_checked(tool, project, monkeypatch, capsys):
    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["bench_table.py", *arguments])
        return tool.main(), capsys.readouterr().out.strip()

    assert run("--check") == (1, "README.md: run tools/bench_table.py")
    assert run() == (0, "")
    assert (project / tool.RESULTS / "length.png").read_bytes()[1:4] == b"PNG"
    text = (project / "README.md").read_text()
    image = "![Time against length](docs/bench/length.png)"
    assert text == f"before\n{BEGIN}\n{image}\n{END}\nafter\n"
    assert run("--check") == (0, "up to date")


def test_the_export_table_has_a_section_of_its_own(tool, project, monkeypatch, capsys):
    stored = {**result("export", [export_row("seqzoo.export")]), "targets": []}
    stored["sizes"] = {"inputs": 128, "units": 256, "lengths": [100]}
    (project / tool.RESULTS / "export.json").write_text(json.dumps(stored))
    monkeypatch.setattr(sys, "argv", ["bench_table.py"])
    with pytest.raises(SystemExit, match="export table: begin"):
        tool.main()
    begin, end = markers("export table")
    readme = project / "README.md"
    readme.write_text(f"{begin}\n{end}\n{readme.read_text()}")
    assert tool.main() == 0
    text = readme.read_text()
    content = tool.export_section(stored)
    assert text.startswith(f"{begin}\n{content}\n{end}\nbefore\n{BEGIN}\n![Time")
    monkeypatch.setattr(sys, "argv", ["bench_table.py", "--check"])
    assert tool.main() == 0
    readme.write_text(text.replace("difference", "x"))
    assert tool.main() == 1


def test_the_decode_table_holds_each_search_to_its_loop(tool):
    def searched(model, file_ms, loop_ms):
        ratio = file_ms / loop_ms
        times = {"file_ms": file_ms, "loop_ms": loop_ms, "ratio": ratio}
        return {"model": model, "beams": 4, "steps": 13, **times}

    stored = result("decode", [searched("a.x", 75.0, 100.0), searched("b.y", 12, 10)])
    lines = tool.sections({"decode": stored})["decode table"].splitlines()
    assert lines[0] == (
        "Beam search of width 4: one ONNX file against a Python loop over its steps; "
        "A Processor, 2 threads; keras 3.1, tensorflow 2.2; 2026-01-02, `--seconds 1`."
    )
    assert lines[4] == "| a.x | 13 | 75 ms | 100 ms | 0.75 | ≤ 1: reached |"
    assert lines[5] == "| b.y | 13 | 12 ms | 10 ms | 1.20 | ≤ 1: **missed** |"
