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

mask = np.array([[1, 1, 0, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 0], [1] * 7], bool)
x = inputs(3, 7)
compared = 0
for name, case in CASES.items():
    for by_cell, backwards, carried in (
        (False, True, True),
        (True, False, True),
    ):
        layer, weights = case.filled(by_cell, {"go_backwards": backwards})
        states = case.random_states(3) if carried else None
        valid = mask if carried else None
        if by_cell and keras.backend.backend() == "jax":
            valid = None  # Keras' loop puts out states[0] before a step counts
        result = layer(
            ops.convert_to_tensor(x),
            mask=None if valid is None else ops.convert_to_tensor(valid),
            initial_state=states and [ops.convert_to_tensor(one) for one in states],
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

if keras.backend.backend() == "jax":  # its gradients are the engine's
    import jax

    for name, case in CASES.items():
        found = []
        for by_cell in (False, True):
            layer, _ = case.filled(by_cell, {"return_state": False})

            def loss(weights, x):
                state = [v.value for v in layer.non_trainable_variables]
                outputs, _ = layer.stateless_call(weights, state, x)
                return ops.sum(ops.sin(outputs))

            weights = [v.value for v in layer.trainable_variables]
            gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))(weights, x)
            found.append(jax.tree.leaves(gradients))
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, 0, 2e-5, err_msg=name)

    for name, dtype in (("peephole_lstm", "float64"), ("scrn", "float32")):
        with jax.enable_x64(True):
            case = CASES[name]
            layer, weights = case.filled(False, dtype=dtype)
            expected, _ = case.reference(weights, x, case.zero_states(3), mask=mask)

            def loss(weights, x):
                state = [v.value for v in layer.non_trainable_variables]
                found, _ = layer.stateless_call(weights, state, x, mask=mask)
                return ops.sum(found[0]), found[0]

            weights = [v.value for v in layer.trainable_variables]
            compiled = jax.jit(jax.grad(loss, has_aux=True))
            gradients, outputs = compiled(weights, x.astype(dtype))
            assert {str(found.dtype) for found in (*gradients, outputs)} == {dtype}
            np.testing.assert_allclose(outputs, expected, 0, 1e-6, err_msg=name)

if keras.backend.backend() == "torch":  # that of the linear recurrence is written out
    for name, case in CASES.items():
        found = []
        for by_cell in (False, True):
            layer, _ = case.filled(by_cell, {"return_state": False})
            read = ops.convert_to_tensor(x).requires_grad_()
            ops.sum(ops.sin(layer(read))).backward()
            gradients = [v.value.grad for v in layer.trainable_variables]
            found.append([ops.convert_to_numpy(g) for g in (read.grad, *gradients)])
        for a, b in zip(*found, strict=True):
            np.testing.assert_allclose(a, b, 0, 2e-5, err_msg=name)
"""


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_results_are_the_references(backend):
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    folders = [ROOT, ROOT / "tests", ROOT / "tests" / "layers"]
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
    }
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    # The layer backwards and the cell forwards: of each outputs and states.
    compared = 2 * sum(1 + len(case.states) for case in CASES.values())
    assert f"compared {compared}" in done.stdout
