"""LiteRT's fused LSTM operator, as a file of that operator alone.

The converter makes it of Keras 2 layers only, and never with peepholes; so the file is
written here. Its two states are variables of the file, which live on between calls.
"""

from collections.abc import Sequence

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_seqzoo.export.weights_only import packed

ABSENT = -1  # an optional input that is not there


def fused_lstm(
    kernel: np.ndarray,
    recurrent_kernel: np.ndarray,
    bias: np.ndarray,
    peephole_kernel: np.ndarray | None,
    length: int,
) -> bytes:
    """A TFLite file of one UNIDIRECTIONAL_SEQUENCE_LSTM at batch 1.

    Args:
        kernel: `(inputs, 4·units)`, gates i, f, c, o, as Keras has them.
        recurrent_kernel: `(units, 4·units)`.
        bias: `(4·units,)`.
        peephole_kernel: `(3, units)` of i, f, o, or None.
        length: The number of time steps.

    Returns:
        The file: from `(1, length, inputs)` to `(1, length, units)`, float32.
    """
    inputs, units = len(kernel), len(recurrent_kernel)
    tensors, buffers = [], [schema.BufferT()]  # buffer 0 stands for none

    def tensor(shape: Sequence[int], value: np.ndarray | None = None) -> int:
        made = schema.TensorT()
        made.name = f"tensor_{len(tensors)}"
        made.shape, made.type = list(shape), schema.TensorType.FLOAT32
        made.buffer = 0
        if value is not None:
            made.buffer = len(buffers)
            buffers.append(schema.BufferT())
            content = np.ascontiguousarray(value, "float32").tobytes()
            buffers[-1].data = np.frombuffer(content, "uint8")
        tensors.append(made)
        return len(tensors) - 1

    def constants(values):
        return [tensor(value.shape, value) for value in values]

    def state() -> int:
        index = tensor((1, units))
        tensors[index].isVariable = True
        return index

    x, y = tensor((1, length, inputs)), tensor((1, length, units))
    operator = schema.OperatorT()
    operator.opcodeIndex = 0
    operator.inputs = [
        x,
        *constants(np.split(kernel.T, 4)),
        *constants(np.split(recurrent_kernel.T, 4)),
        *([ABSENT] * 3 if peephole_kernel is None else constants(peephole_kernel)),
        *constants(np.split(bias, 4)),
        *[ABSENT] * 2,  # a projection's
        *[state(), state()],
        *[ABSENT] * 4,  # layer normalisation's
    ]
    operator.outputs = [y]
    operator.builtinOptionsType = (
        schema.BuiltinOptions.UnidirectionalSequenceLSTMOptions
    )
    operator.builtinOptions = schema.UnidirectionalSequenceLSTMOptionsT()
    operator.builtinOptions.fusedActivationFunction = schema.ActivationFunctionType.TANH

    graph = schema.SubGraphT()
    graph.tensors, graph.operators = tensors, [operator]
    graph.inputs, graph.outputs = [x], [y]
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.UNIDIRECTIONAL_SEQUENCE_LSTM
    code.deprecatedBuiltinCode, code.version = code.builtinCode, 1
    model = schema.ModelT()
    model.version = 3  # of the format
    model.operatorCodes, model.subgraphs, model.buffers = [code], [graph], buffers
    return packed(model)
