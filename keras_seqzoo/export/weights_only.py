"""From int8 weights that operators compute with to int8 weights that they read.

The converter's dynamic range form rounds an operator's input to int8 at each call, to
multiply it by int8 weights. Here the weights stay int8 in the file and a DEQUANTIZE in
front of the operator, which LiteRT runs once, makes them float32.
"""

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from keras_seqzoo.runtime.files import TFLITE_IDENTIFIER


def weights_only(content: bytes) -> bytes:
    """A TFLite file's content, with a DEQUANTIZE for each weight of hybrid operators.

    Args:
        content: a file of the converter's dynamic range form.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    dequantize = _dequantize_code(model)
    for graph in model.subgraphs:
        operators, floats = [], {}
        for operator in graph.operators or []:
            for place in _hybrid_weights(model, graph, operator):
                operator.inputs = list(operator.inputs)
                weight = operator.inputs[place]
                if weight not in floats:
                    floats[weight] = _add_float(graph, weight)
                    operators.append(_operator(dequantize, weight, floats[weight]))
                operator.inputs[place] = floats[weight]
            operators.append(operator)
        graph.operators = operators
    return packed(model)


def packed(model: schema.ModelT) -> bytes:
    """The content of a TFLite file."""
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), TFLITE_IDENTIFIER)
    return bytes(builder.Output())


def _hybrid_weights(model, graph, operator):
    """Which inputs of an operator are int8 constants beside a float32 input."""
    tensors = [None if i < 0 else graph.tensors[i] for i in operator.inputs]
    if not any(t is not None and t.type == schema.TensorType.FLOAT32 for t in tensors):
        return []
    return [
        place
        for place, tensor in enumerate(tensors)
        if tensor is not None
        and tensor.type == schema.TensorType.INT8
        and model.buffers[tensor.buffer].data is not None
    ]


def _add_float(graph, weight):
    """Adds the tensor that a weight becomes; returns its index."""
    tensor = schema.TensorT()
    tensor.name = graph.tensors[weight].name + b"/float"
    tensor.shape = graph.tensors[weight].shape
    tensor.type = schema.TensorType.FLOAT32
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _dequantize_code(model):
    """The index of DEQUANTIZE among the file's operator codes, added if need be."""
    number = schema.BuiltinOperator.DEQUANTIZE
    for index, code in enumerate(model.operatorCodes):
        if number == code.builtinCode:
            return index
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = number
    code.version = 2  # the first with int8
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _operator(code, source, target):
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, [source], [target]
    return operator
