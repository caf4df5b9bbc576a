import pytest

from keras_seqzoo.bench import rows as bench_rows
from keras_seqzoo.bench.rows import memory_row, rows_of, summary_rows
from keras_seqzoo.bench.shapes import Shape
from keras_seqzoo.bench.timing import Timing


def timings():
    """Ours is best as "xla", RNN as "graph"; LSTM has another number of modes."""
    return {
        ("ours", "graph"): Timing(0.5, [0.004, 0.004, 0.004]),
        ("ours", "xla"): Timing(1.5, [0.001, 0.002, 0.003]),
        ("keras.layers.RNN", "graph"): Timing(0.25, [0.002, 0.004, 0.012]),
        ("keras.layers.RNN", "xla"): Timing(2.5, [0.009, 0.009, 0.009]),
        ("torch.nn.LSTM", "eager"): Timing(0.1, [0.001, 0.001, 0.001]),
    }


def test_a_row_a_peer_of_each_sides_faster_mode():
    first, second = rows_of("peephole_lstm", "64,100,128,256", timings())
    assert first == {
        "case": "peephole_lstm",
        "shape": "64,100,128,256",
        "ours_ms": 2.0,
        "peer": "keras.layers.RNN",
        "peer_ms": 4.0,
        "ratio": 0.5,  # of the rounds' 1/2, 2/4, 3/12
        "rounds": 3,
        "ours_mode": "xla",
        "peer_mode": "graph",
        "ours_ms_by_mode": {"graph": 4.0, "xla": 2.0},
        "peer_ms_by_mode": {"graph": 4.0, "xla": 9.0},
        "ours_first_call_s_by_mode": {"graph": 0.5, "xla": 1.5},
        "peer_first_call_s_by_mode": {"graph": 0.25, "xla": 2.5},
    }
    assert (second["peer"], second["peer_mode"]) == ("torch.nn.LSTM", "eager")
    assert second["ratio"] == 2.0


def row(case, shape, peer, ours_ms, peer_ms):
    return {
        "case": case,
        "shape": shape,
        "ours_ms": ours_ms,
        "peer": peer,
        "peer_ms": peer_ms,
        "ratio": ours_ms / peer_ms,
    }


def test_summary_has_the_mean_and_the_worst_of_each_peer():
    rows = [
        row("scrn", "1,1,1,1", "RNN", 1.0, 4.0),
        row("scrn", "1,1,1,1", "torch", 1.0, 1.0),
        row("scrn", "2,2,2,2", "RNN", 4.0, 4.0),
        row("scrn", "2,2,2,2", "torch", 4.0, 16.0),
    ]
    mean, largest, torch_mean, torch_largest = summary_rows(rows)
    assert mean == {
        "case": "scrn",
        "shape": "geometric mean",
        "ours_ms": pytest.approx(2.0),
        "peer": "RNN",
        "peer_ms": pytest.approx(4.0),
        "ratio": pytest.approx(0.5),
        "shapes": ["1,1,1,1", "2,2,2,2"],
    }
    assert (largest["shape"], largest["ratio"]) == ("largest ratio", 1.0)
    assert largest["shapes"] == ["2,2,2,2"]
    assert torch_mean["ratio"] == pytest.approx(0.5)
    assert (torch_largest["ratio"], torch_largest["ours_ms"]) == (1.0, 1.0)


def test_one_shape_has_no_summary():
    assert summary_rows([row("scrn", "1,1,1,1", "RNN", 1.0, 4.0)]) == []


def test_memory_is_that_of_each_sides_leaner_mode(monkeypatch):
    peaks = {
        ("ours", "graph"): 60.0,
        ("ours", "xla"): 50.0,
        ("keras.layers.RNN(SCRNCell)", "graph"): 100.0,
        ("keras.layers.RNN(SCRNCell)", "xla"): 400.0,
    }
    asked = []

    def peak(case, contender, mode, shape, threads):
        asked.append((case, shape, threads))
        return peaks[contender, mode]

    monkeypatch.setattr(bench_rows, "peak_megabytes", peak)
    found = memory_row("scrn", Shape(2, 3, 4, 5), threads=7)
    assert set(asked) == {("scrn", Shape(2, 3, 4, 5), 7)}
    assert found == {
        "case": "memory of scrn",
        "shape": "2,3,4,5",
        "ours_ms": None,
        "peer": "keras.layers.RNN(SCRNCell)",
        "peer_ms": None,
        "ratio": 0.5,
        "ours_mb": 50.0,
        "peer_mb": 100.0,
        "ours_mb_by_mode": {"graph": 60.0, "xla": 50.0},
        "peer_mb_by_mode": {"graph": 100.0, "xla": 400.0},
    }
