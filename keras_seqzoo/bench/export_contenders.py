"""Every way to export a model: the file it gives, and how that runs."""

import dataclasses
import functools
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import onnx
import onnxruntime
import tensorflow as tf
import tf2onnx
from ai_edge_litert.interpreter import Interpreter

from keras_seqzoo.bench.export_fused import fused_lstm
from keras_seqzoo.bench.export_models import ExportModel, Sizes, set_random_weights
from keras_seqzoo.bench.steps import torch_inference
from keras_seqzoo.bench.torch_modules import has_torch
from keras_seqzoo.export import export
from keras_seqzoo.export import onnx as onnx_export
from keras_seqzoo.export import tflite as tflite_export

OURS = "seqzoo.export"
FLOAT16, INT8 = f"{OURS}, float16", f"{OURS}, int8"
KERAS, UNROLLED = "Keras litert export", "Keras litert export, unroll=True"
PLAIN = "Keras litert export of our layer"
FUSED = "fused LSTM operator"
OUR_ONNX, KERAS_ONNX, TF2ONNX = f"{OURS} to ONNX", "Keras ONNX export", "tf2onnx"


@dataclasses.dataclass(frozen=True)
class Contender:
    """A way to export, ready to be tried.

    Attributes:
        name: What it is.
        format: "tflite", "onnx" or "torch".
        write: Length -> the file's content, or the module of PyTorch. Of a file whose
            length is free it is the same at every length.
        only_first_length: Whether it is for the first length alone.
    """

    name: str
    format: str
    write: Callable[[int], Any]
    only_first_length: bool = False


def contenders(
    compared: ExportModel, sizes: Sizes, folder: pathlib.Path
) -> tuple[list[Contender], Callable[[np.ndarray], np.ndarray]]:
    """The ways to export a model, all of the same weights, ours first.

    Args:
        compared: The model.
        sizes: How large it is.
        folder: Where files may be written.

    Returns:
        The contenders, and Keras' own answer: from inputs to outputs.
    """
    in_keras = compared.build(compared.in_keras(sizes.units), sizes.inputs, None)
    set_random_weights(in_keras)
    ours = in_keras
    if compared.ours is not None:
        ours = compared.build(compared.ours(sizes.units), sizes.inputs, None)
        ours.set_weights(in_keras.get_weights())

    def unrolled(length):
        layer = compared.in_keras(sizes.units, unroll=True)
        model = compared.build(layer, sizes.inputs, length)
        model.set_weights(in_keras.get_weights())
        return _keras_file(model, folder / "x.tflite", "litert")

    found = [
        Contender(OURS, "tflite", _once(_our_file, ours, folder / "x.tflite")),
        *(
            Contender(
                name, "tflite", _once(_our_file, ours, folder / "x.tflite", quantize)
            )
            for name, quantize in ((FLOAT16, "float16"), (INT8, "int8"))
        ),
        Contender(
            KERAS, "tflite", _once(_keras_file, in_keras, folder / "x.tflite", "litert")
        ),
        Contender(UNROLLED, "tflite", unrolled, only_first_length=True),
    ]
    if compared.fused:
        found.append(Contender(FUSED, "tflite", functools.partial(_fused, in_keras)))
    if compared.ours is not None:
        write = _once(_keras_file, ours, folder / "x.tflite", "litert")
        found.append(Contender(PLAIN, "tflite", write))
    found += [
        Contender(OUR_ONNX, "onnx", _once(_our_file, ours, folder / "x.onnx")),
        Contender(
            KERAS_ONNX, "onnx", _once(_keras_file, in_keras, folder / "x.onnx", "onnx")
        ),
        Contender(TF2ONNX, "onnx", _once(_tf2onnx, in_keras)),
    ]
    if compared.torch and has_torch():
        module = functools.partial(_torch_module, compared, sizes)
        found.append(Contender(f"torch.nn.{compared.torch}", "torch", _once(module)))
    return found, lambda x: keras.ops.convert_to_numpy(in_keras(x, training=False))


def start(form: str, content: Any, x: np.ndarray) -> Callable[[], np.ndarray]:
    """Loads a file in the runtime it is meant for, on one thread, and gives its call.

    Args:
        form: A contender's format.
        content: What the contender wrote.
        x: The inputs.
    """
    return {"tflite": _litert, "onnx": _onnxruntime, "torch": _torch}[form](content, x)


def operators(form: str, content: Any) -> dict[str, int] | None:
    """How many a file has of each operator, None of a module of PyTorch."""
    count = {"tflite": tflite_export.operators, "onnx": onnx_export.operators}
    return count[form](content) if form in count else None


def _once(write: Callable, *arguments: Any) -> Callable[[int], Any]:
    """`write(*arguments)`, called for the first length, as a function of the length."""
    write = functools.cache(functools.partial(write, *arguments))
    return lambda length: write()


def _our_file(model, path, quantize=None):
    # One signature, as the others have.
    export(model, path, quantize=quantize, streaming=False, overwrite=True)
    return path.read_bytes()


def _keras_file(model, path, form):
    # Its ONNX export asks for a model that was called.
    model(np.zeros((1, model.input.shape[1] or 1, model.input.shape[2]), "float32"))
    model.export(str(path), format=form, verbose=False)
    return path.read_bytes()


def _tf2onnx(model):
    signature = [tf.TensorSpec(model.input.shape, model.input.dtype, "x")]
    call = tf.function(
        functools.partial(model, training=False), signature, autograph=False
    )
    converted, _ = tf2onnx.convert.from_function(call, signature, onnx_export.OPSET)
    onnx.checker.check_model(converted)
    return converted.SerializeToString()


def _fused(model, length):
    kernel, recurrent_kernel, *peephole_kernel, bias = model.get_weights()
    (peephole_kernel,) = peephole_kernel or [None]
    return fused_lstm(kernel, recurrent_kernel, bias, peephole_kernel, length)


def _torch_module(compared, sizes):
    import torch

    return getattr(torch.nn, compared.torch)(
        sizes.inputs,
        sizes.units,
        batch_first=True,
        bidirectional=compared.bidirectional,
    ).eval()


def _litert(content, x):
    interpreter = Interpreter(model_content=content, num_threads=1)
    (to,), (out,) = interpreter.get_input_details(), interpreter.get_output_details()
    interpreter.resize_tensor_input(to["index"], x.shape)
    interpreter.allocate_tensors()

    def run():
        interpreter.reset_all_variables()  # the fused operator's states
        interpreter.set_tensor(to["index"], x)
        interpreter.invoke()
        return interpreter.get_tensor(out["index"])

    return run


def _onnxruntime(content, x):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3  # errors
    session = onnxruntime.InferenceSession(
        content, options, providers=["CPUExecutionProvider"]
    )
    (to,) = session.get_inputs()
    return lambda: session.run(None, {to.name: x})[0]


def _torch(module, x):
    import torch

    run = torch_inference(lambda x: module(x)[0], torch.from_numpy(x))
    return lambda: run().numpy()
