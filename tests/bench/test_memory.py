import subprocess

import numpy as np
import pytest

from keras_seqzoo.bench import cases, memory
from keras_seqzoo.bench.shapes import Shape

pytestmark = pytest.mark.skipif(
    not memory.can_measure(), reason="needs Linux's /proc/self/clear_refs"
)


def test_the_peak_is_what_a_step_takes(monkeypatch, capsys):
    def contenders(case, work, shape):
        size = shape.batch * shape.steps * 1_000_000
        return {"ours": lambda: {"eager": lambda: np.ones(size, "uint8")}}

    monkeypatch.setattr(cases, "contenders", contenders)
    memory.main(["scrn", "ours", "eager", "10,20,1,1", "1"])
    assert int(capsys.readouterr().out) == pytest.approx(200e6, rel=0.1)


def test_a_layer_is_measured(capsys):
    memory.main(["scrn", "ours", "graph", "16,200,32,64", "1"])
    assert int(capsys.readouterr().out) > 16 * 200 * 64 * 4  # h of all steps at least


def test_a_process_of_its_own(monkeypatch):
    def run(command, **options):
        assert command[1:] == [
            "-m",
            "keras_seqzoo.bench.memory",
            "scrn",
            "ours",
            "xla",
            "2,3,4,5",
            "7",
        ]
        return subprocess.CompletedProcess(command, status, "2500000\n", "x\nlast\n")

    monkeypatch.setattr(memory.subprocess, "run", run)
    status = 0
    assert memory.peak_megabytes("scrn", "ours", "xla", Shape(2, 3, 4, 5), 7) == 2.5
    status = 1
    with pytest.raises(RuntimeError, match="memory of ours .* measured: last"):
        memory.peak_megabytes("scrn", "ours", "xla", Shape(2, 3, 4, 5), 7)
