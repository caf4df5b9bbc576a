"""The layers on another Keras backend, in a process of its own."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
from cell_cases import CASES

ROOT = Path(__file__).parents[2]

SCRIPT = """
import keras
import numpy as np
from keras import ops

from cell_cases import CASES, inputs

assert keras.backend.backend() == "torch"
mask = np.array([[1, 1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1] * 7], bool)
x = inputs(3, 7)
compared = 0
for name, case in CASES.items():
    for by_cell in (False, True):
        for backwards in (False, True):
            layer, weights = case.filled(by_cell, {"go_backwards": backwards})
            for states in (None, case.random_states(3)):
                for valid in (None, mask):
                    result = layer(
                        ops.convert_to_tensor(x),
                        mask=None if valid is None else ops.convert_to_tensor(valid),
                        initial_state=states
                        and [ops.convert_to_tensor(state) for state in states],
                    )
                    outputs, final = case.reference(
                        weights,
                        x,
                        states or case.zero_states(3),
                        mask=valid,
                        go_backwards=backwards,
                    )
                    for a, b in zip(result, [outputs, *final], strict=True):
                        np.testing.assert_allclose(
                            ops.convert_to_numpy(a), b, 0, 1e-6, err_msg=name
                        )
                        compared += 1
print("compared", compared)
"""


@pytest.mark.skipif(
    importlib.util.find_spec("torch") is None, reason="torch is not installed"
)
def test_results_on_pytorch_are_the_references():
    folders = [ROOT, ROOT / "tests", ROOT / "tests" / "layers"]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "torch",
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # Layer and cell, directions, starts, masks: 16 times the outputs and states of all.
    compared = 16 * sum(1 + len(case.states) for case in CASES.values())
    assert f"compared {compared}" in done.stdout
