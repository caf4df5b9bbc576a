"""The files' own runtimes behind one form: a function of arrays for each signature."""

import hashlib
import pathlib
import threading
from collections.abc import Callable

from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.runtime.files import ModelFile, read_model_file


def interpreters(file: ModelFile, num_threads: int) -> dict[str, Callable]:
    """For each signature of a file, a function from dict to dict of arrays.

    Raises:
        UserError: if the runtime does not take the file.
    """
    make = _tflite if file.path.endswith(".tflite") else _onnx
    try:
        return make(file, num_threads)
    except (ValueError, RuntimeError) as error:
        if isinstance(error, UserError):
            raise
        reason = first_line(error)
        raise UserError(f"{file.path} cannot be run here: {reason}") from error


def _tflite(file, num_threads):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_content=file.content, num_threads=num_threads)
    in_use = threading.Lock()  # two threads in one interpreter end the process

    def signature(name):
        runner = interpreter.get_signature_runner(name)

        def run(inputs):
            with in_use:
                return runner(**inputs)

        return run

    return {name: signature(name) for name in file.description["signatures"]}


def _onnx(file, num_threads):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = num_threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # fatal ones; errors are raised

    def signature(content):
        session = onnxruntime.InferenceSession(
            content, options, providers=["CPUExecutionProvider"]
        )
        names = [output.name for output in session.get_outputs()]
        return lambda inputs: dict(zip(names, session.run(names, inputs)))

    found = {"serve": signature(file.content)}
    second = pathlib.Path(file.path).with_suffix(".step.onnx")
    if "step" in file.description["signatures"] and second.exists():
        step = read_model_file(second)
        checksum = hashlib.sha256(file.content).hexdigest()
        if step.description.get("serve_sha256") != checksum:
            raise UserError(f"{second} is not of the same export as {file.path}.")
        found["step"] = signature(step.content)
    return found
