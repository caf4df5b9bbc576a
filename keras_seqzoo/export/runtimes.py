"""A written file as a function, run by the runtime it is meant for, on one thread.

Each function here takes the file and returns `run(inputs)`, from a dict of arrays to
a dict of arrays.
"""

import pathlib
from collections.abc import Callable

import numpy as np


def tflite(path: pathlib.Path, signature: str = "serve") -> Callable:
    """Runs a TFLite file in plain LiteRT, which has builtin operators only."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=path.read_bytes(), num_threads=1)
    runner = interpreter.get_signature_runner(signature)
    return lambda inputs: runner(**inputs)


def onnx(path: pathlib.Path) -> Callable:
    """Runs an ONNX file in onnxruntime."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(
        path.read_bytes(), options, providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    return lambda inputs: dict(zip(names, session.run(None, inputs)))


def saved_model(path: pathlib.Path, signature: str = "serve") -> Callable:
    """Runs a SavedModel in TensorFlow."""
    import tensorflow as tf

    # A session, because only it lets one model have one thread.
    v1 = tf.compat.v1
    session = v1.Session(
        graph=tf.Graph(),
        config=v1.ConfigProto(
            intra_op_parallelism_threads=1,
            inter_op_parallelism_threads=1,
            use_per_session_threads=True,
            device_count={"GPU": 0},
        ),
    )
    meta = v1.saved_model.load(session, ["serve"], str(path))
    names = meta.signature_def[signature]
    fetches = {name: info.name for name, info in names.outputs.items()}

    def run(inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        feeds = {names.inputs[name].name: array for name, array in inputs.items()}
        return session.run(fetches, feeds)

    return run
