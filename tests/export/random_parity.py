"""Is a drawn model's file what Keras computes? Seen here, and not by the export."""

import dataclasses
import json

import keras
import numpy as np
import tensorflow as tf
from export.random_models import build, inputs, packed

from keras_seqzoo.export import export
from keras_seqzoo.runtime import load

PATHS = {"tflite": "x.tflite", "onnx": "x.onnx", "saved_model": "x"}
CHUNKS = (3, 1, 17)


def check(drawn, form, folder):
    """Exports a drawn model, and compares the file with Keras on other inputs.

    Returns:
        Whether the file has a `step`.
    """
    path = folder / PATHS[form]
    model = build(drawn)
    report = export(model, path, batches=(1,), lengths=(4,))
    assert (report.no_step is None) == drawn.streams, report.no_step
    serve, step, about = _runners(path, form)
    arrays = inputs(drawn, 2, drawn.length or 18, seed=drawn.seed + 1)
    wanted = keras_answer(drawn, arrays)
    assert_close(serve(arrays), wanted)
    if step is not None:
        assert_close(in_chunks(step, about, arrays), wanted)
    return step is not None


def keras_answer(drawn, arrays):
    """What Keras says: in float32, the type of an exported model in mixed precision."""
    model = build(dataclasses.replace(drawn, policy="float32"))
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN) and layer.stateful:
            start = layer.get_initial_state(drawn.batch)
            for variable, value in zip(*map(keras.tree.flatten, (layer.states, start))):
                variable.assign(value)
    outputs = model(packed(arrays))
    outputs = outputs if isinstance(outputs, dict) else {"output": outputs}
    return {name: np.asarray(y) for name, y in outputs.items()}


def assert_close(found, wanted):
    assert sorted(found) == sorted(wanted)
    for name, y in wanted.items():
        assert (found[name].shape, found[name].dtype) == (y.shape, y.dtype), name
        scale = max(1.0, np.abs(y).max(initial=0))
        np.testing.assert_allclose(
            found[name], y, rtol=0, atol=1e-5 * scale, err_msg=name
        )


def in_chunks(step, about, arrays):
    """The answer chunk by chunk, as the file's metadata says how."""
    batch, length = arrays[about["sequences"][0]].shape[:2]
    states = {
        s["name"]: np.broadcast_to(
            np.asarray(s["value"], s["dtype"]), (batch, *s["shape"][1:])
        )
        for s in about["initial_states"]
    }
    answers, start = [], 0
    for size in CHUNKS:
        part = slice(start, min(start + size, length))
        chunk = {
            name: array[:, part] if name in about["sequences"] else array
            for name, array in arrays.items()
        }
        answer = step({**chunk, **states})
        states = {s["name"]: answer.pop(s["next"]) for s in about["initial_states"]}
        answers.append(answer)
        start = part.stop
        if start == length:
            break
    return {
        name: y if axis is None else np.concatenate([a[name] for a in answers], axis)
        for (name, y), axis in zip(
            answers[-1].items(), map(about["time_axes"].get, answers[-1])
        )
    }


def _runners(path, form):
    """The file's `serve`, its `step` if it has one, and what it says of itself."""
    if form == "saved_model":
        about = json.loads((path / "assets.extra/seqzoo.json").read_text("utf-8"))
        loaded = tf.saved_model.load(str(path))

        def signature(name):
            function = loaded.signatures[name]

            def run(arrays):
                tensors = {key: tf.constant(x) for key, x in arrays.items()}
                return {key: y.numpy() for key, y in function(**tensors).items()}

            run.loaded = loaded  # its variables live as long as it does
            return run

        step = signature("step") if "step" in loaded.signatures else None
        return signature("serve"), step, about
    runner = load(path)
    if "step" not in runner.description["signatures"]:
        return runner, None, runner.description
    names = [s["name"] for s in runner.description["initial_states"]]

    def step(arrays):
        states = {name: arrays[name] for name in names}
        chunk = {name: x for name, x in arrays.items() if name not in names}
        answer, after = runner.step(chunk, states)
        return answer | {f"next_{name}": after[name] for name in names}

    return runner, step, runner.description
