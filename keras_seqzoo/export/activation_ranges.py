"""The ranges of activations that full_int8 takes its scales from.

Two things are amiss in those of TensorFlow's calibrator.

It notes the inputs of each operator again after it ran. By then LiteRT may have written
the output (of ABS, ADD, MUL, SUB, ...) into the memory of an input, and the input gets
the output's range too: in `abs(x) * 200` the int8 scale of `abs(x)` is 200 times too
wide (github.com/tensorflow/tensorflow/issues/127842). LiteRT shares only the memory of
what one operator alone reads, so while the ranges are taken each tensor has a second
reader, an operator SHAPE.

And it gives every activation a range. In 256 levels a state loses what a step adds to
it, and attention over many steps its small weights; nor is it faster, for the time goes
into the products. An activation without a range stays float32, so only what an operator
with weights reads or writes keeps its own, as it is or moved. (That is a state too, if
a mask chooses between it and the one before.)
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from ai_edge_litert import schema_py_generated as schema

# The converter calibrates and quantises in one call, and nothing public comes between.
# tests/export/test_activation_ranges.py fails when TensorFlow moves this.
from tensorflow.lite.python.optimize import calibrator

from keras_seqzoo.export.keras_backend import replaced
from keras_seqzoo.export.weights_only import packed

WITH_WEIGHTS = (
    "FULLY_CONNECTED",
    "BATCH_MATMUL",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "TRANSPOSE_CONV",
    "GATHER",
    "EMBEDDING_LOOKUP",
)

# These move numbers or choose among them, so all they read and write has one scale.
# Were some of it without a range, the quantiser would take another's and cut it off.
ONE_SCALE = (
    "BATCH_TO_SPACE_ND",
    "BROADCAST_TO",
    "CONCATENATION",
    "DEPTH_TO_SPACE",
    "DYNAMIC_UPDATE_SLICE",
    "EXPAND_DIMS",
    "GATHER",
    "GATHER_ND",
    "MAXIMUM",
    "MAX_POOL_2D",
    "MINIMUM",
    "MIRROR_PAD",
    "PACK",
    "PAD",
    "PADV2",
    "REDUCE_MAX",
    "REDUCE_MIN",
    "RESHAPE",
    "RESIZE_NEAREST_NEIGHBOR",
    "REVERSE_V2",
    "SCATTER_ND",
    "SELECT",
    "SELECT_V2",
    "SLICE",
    "SPACE_TO_BATCH_ND",
    "SPACE_TO_DEPTH",
    "SPLIT",
    "SPLIT_V",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TILE",
    "TOPK_V2",
    "TRANSPOSE",
    "UNPACK",
)


@contextlib.contextmanager
def activation_ranges() -> Iterator[None]:
    """While open, a TFLiteConverter quantises with the ranges that are meant here."""

    class Calibrator(calibrator.Calibrator):
        def __init__(self, model_content: bytes, *args: Any, **kwargs: Any) -> None:
            super().__init__(with_readers(model_content), *args, **kwargs)

        def calibrate(self, dataset_gen: Callable) -> bytes:
            return of_products(without_readers(super().calibrate(dataset_gen)))

    with replaced(calibrator, "Calibrator", Calibrator):
        yield


def with_readers(content: bytes) -> bytes:
    """A TFLite file's content, with a SHAPE that reads each float32 an operator writes.

    They are the last operators of their graph, and their outputs its last tensors.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.SHAPE
    code.version = 1
    model.operatorCodes.append(code)
    for graph in model.subgraphs:
        operators = list(graph.operators or [])
        for source in [i for operator in operators for i in operator.outputs]:
            if graph.tensors[source].type == schema.TensorType.FLOAT32:
                graph.tensors.append(_shape_of(graph.tensors[source]))
                target = len(graph.tensors) - 1
                operators.append(_reader(len(model.operatorCodes) - 1, source, target))
        graph.operators = operators
    return packed(model)


def without_readers(content: bytes) -> bytes:
    """What `with_readers` was given, with what came to it since."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    model.operatorCodes.pop()
    code = len(model.operatorCodes)
    for graph in model.subgraphs:
        operators = list(graph.operators or [])
        while operators and operators[-1].opcodeIndex == code:
            operators.pop()
            graph.tensors.pop()
        graph.operators = operators
    return packed(model)


def of_products(content: bytes) -> bytes:
    """A calibrated file's content, with the ranges of what weights are used on alone.

    Those are of what the operators with weights read and write, and of what is moved
    from there and to there.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    names = {value: name for name, value in vars(schema.BuiltinOperator).items()}
    for graph in model.subgraphs:
        kept, groups, moved = set(), [], []
        for operator in graph.operators or []:
            constants, activations = _floats(model, graph, operator)
            name = names[_code(model, operator)]
            # (A convolution with a bias may have a kernel that is computed.)
            has_weights = any(_rank(graph.tensors[i]) > 1 for i in constants)
            if name in WITH_WEIGHTS and has_weights:
                kept |= activations
            elif name in ONE_SCALE:
                groups.append(activations)
        while reached := [group for group in groups if group & kept]:
            kept.update(*reached)
            moved += reached
            groups = [group for group in groups if group not in reached]
        for group in _connected(moved):
            _share_range([graph.tensors[index] for index in group])
        for index, tensor in enumerate(graph.tensors):
            if index not in kept:
                tensor.quantization = None
    return packed(model)


def _connected(groups):
    """The groups, those with an index in common made one."""
    found = []
    for group in groups:
        apart = [one for one in found if not one & group]
        found = [*apart, group.union(*(one for one in found if one & group))]
    return found


def _share_range(tensors):
    """Gives them the least range that holds those of all; the quantiser asks for it."""
    ranges = [t.quantization for t in tensors if _has_range(t)]
    if ranges:
        least = min(float(one.min[0]) for one in ranges)
        most = max(float(one.max[0]) for one in ranges)
        for one in ranges:
            one.min, one.max = [least], [most]


def _has_range(tensor):
    return tensor.quantization is not None and tensor.quantization.min is not None


def _code(model, operator):
    code = model.operatorCodes[operator.opcodeIndex]
    # Old files keep the code in a byte that stops at 127.
    return max(code.builtinCode, code.deprecatedBuiltinCode)


def _floats(model, graph, operator):
    """The indices of an operator's float32 constants, and of its other float32s."""
    indices = {int(i) for i in (*operator.inputs, *operator.outputs) if i >= 0}
    floats = {i for i in indices if graph.tensors[i].type == schema.TensorType.FLOAT32}
    buffers = {i: model.buffers[graph.tensors[i].buffer] for i in floats}
    constants = {i for i in floats if buffers[i].data is not None}
    return constants, floats - constants


def _rank(tensor):
    return 0 if tensor.shape is None else len(tensor.shape)


def _shape_of(tensor):
    """The tensor that a reader writes."""
    found = schema.TensorT()
    found.name, found.type = tensor.name + b"/shape", schema.TensorType.INT32
    found.shape = [_rank(tensor)]
    return found


def _reader(code, source, target):
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = code, [source], [target]
    operator.builtinOptionsType = schema.BuiltinOptions.ShapeOptions
    operator.builtinOptions = schema.ShapeOptionsT()
    operator.builtinOptions.outType = schema.TensorType.INT32
    return operator
