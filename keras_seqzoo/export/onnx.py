"""ONNX files with one node for a recurrent layer."""

import collections
import pathlib

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
from tf2onnx import utils

from keras_seqzoo.errors import first_line
from keras_seqzoo.export.canonical_onnx import canonical
from keras_seqzoo.export.fused_nodes import fused_nodes
from keras_seqzoo.export.loop_invariants import (
    give_loops_their_weights,
    hoist_invariants,
)
from keras_seqzoo.export.recurrent_node import node_from_marker
from keras_seqzoo.export.report import ExportError
from keras_seqzoo.export.serving import Served
from keras_seqzoo.export.tracing import frozen_function
from keras_seqzoo.export.unsupported import unsupported

OPSET = 18


def write_onnx(served: Served, path: pathlib.Path) -> dict[str, tf.Tensor]:
    """Converts to an ONNX file whose batch and length are dynamic.

    Recurrent layers without an ONNX node (see `fused_nodes`) become a Loop.

    Returns:
        The outputs, symbolic.

    Raises:
        ExportError: where an operator of the model has no ONNX counterpart.
    """
    try:
        model, outputs = _convert(served)
        onnx.checker.check_model(model, full_check=True)
    except Exception as error:
        raise ExportError(f"ONNX conversion failed: {first_line(error)}") from error
    path.write_bytes(model.SerializeToString(deterministic=True))
    return outputs


def _convert(served):
    # Frozen, because tf2onnx takes constants that a layer keeps as tensors, as
    # Normalization does, for inputs of the model.
    with fused_nodes():
        frozen = frozen_function(served)

    def call(*tensors):
        return frozen(**dict(zip(served.inputs, tensors)))

    signature = list(served.inputs.values())
    function = tf.function(call, input_signature=signature, autograph=False)
    model, _ = tf2onnx.convert.from_function(
        function,
        input_signature=signature,
        opset=OPSET,
        custom_op_handlers={
            "PyFuncStateless": (node_from_marker, []),
            "ReverseV2": (_reverse, []),
            "SelectV2": (_where, []),
            **{name: (handler, []) for name, handler in _COMPOSED.items()},
        },
        custom_rewriter=[_drop_double_reverses],
    )
    outputs = function.get_concrete_function().structured_outputs
    for node in _nodes(model):
        if not onnx.defs.has(node.op_type, node.domain):
            reason = unsupported(node.op_type, node.name, served.model, "ONNX")
            raise ExportError(reason)
    canonical(model.graph)  # different names, and none of Identity's
    hoist_invariants(model.graph)
    give_loops_their_weights(model.graph)
    canonical(model.graph)
    model.graph.name = served.model.name
    _name_sizes(model.graph.input, served.inputs)
    _name_sizes(model.graph.output, outputs)
    return model, outputs


def _name_sizes(values, tensors):
    """Gives the graph's inputs or outputs the shapes TensorFlow knows, by name."""
    for value in values:
        sizes = tensors[value.name].shape
        if sizes.rank is None:
            continue
        shape = value.type.tensor_type.shape
        shape.ClearField("dim")
        for axis, size in enumerate(sizes.as_list()):
            dimension = shape.dim.add()
            if size is not None:
                dimension.dim_value = size
            else:  # two inputs may differ in length, but not in batch
                dimension.dim_param = f"{value.name}_{axis}" if axis else "batch"


def operators(content: bytes) -> dict[str, int]:
    """Counts the operators of an ONNX file's content, those in subgraphs too."""
    nodes = _nodes(onnx.load_from_string(content))
    return dict(collections.Counter(node.op_type for node in nodes))


def _nodes(model):
    """All nodes of an ONNX model, those in subgraphs too."""
    graphs = [model.graph]
    while graphs:
        for node in graphs.pop().node:
            yield node
            graphs += [a.g for a in node.attribute if a.HasField("g")]


def _reverse(ctx, node, name, args):
    """ReverseV2 as a Slice that steps backwards; tf2onnx's own takes five nodes."""
    del name, args
    axes = _axes(node)
    first, last, step = np.array([-1, np.iinfo(np.int64).min, -1])
    values = [np.full(len(axes), value) for value in (first, last)]
    values += [axes, np.full(len(axes), step)]
    inputs = [node.input[0]]
    for value in values:
        constant = ctx.make_const(utils.make_name("reverse"), value)
        inputs.append(constant.output[0])
    shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
    ctx.remove_node(node.name)
    ctx.make_node("Slice", inputs, outputs=outputs, shapes=shapes, dtypes=dtypes)


def _where(ctx, node, name, args):
    """SelectV2 as Where; tf2onnx's own, products and a sum, makes NaN of infinity."""
    del name, args
    condition, x, y = node.input
    shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
    ctx.remove_node(node.name)
    own = {"outputs": outputs, "shapes": shapes, "dtypes": dtypes}
    if dtypes[0] != onnx.TensorProto.BOOL:
        ctx.make_node("Where", [condition, x, y], **own)
        return
    # onnxruntime has no Where of booleans.
    other = ctx.make_node("Not", [condition], shapes=shapes, dtypes=dtypes)
    parts = [
        ctx.make_node("And", pair, shapes=shapes, dtypes=dtypes).output[0]
        for pair in ([condition, x], [other.output[0], y])
    ]
    ctx.make_node("Or", parts, **own)


def _composed(*steps):
    """A handler that makes an operator of others: (their type, the constant beside it).

    The constant is the first input of a step whose type begins with "-".
    """

    def handler(ctx, node, name, args):
        del name, args
        shapes, dtypes, outputs = node.output_shapes, node.output_dtypes, node.output
        (x,) = node.input
        ctx.remove_node(node.name)
        for number, (kind, constant) in enumerate(steps):
            inputs = [x]
            if constant is not None:
                one = np.array(constant, utils.map_onnx_to_numpy_type(dtypes[0]))
                one = ctx.make_const(utils.make_name("constant"), one).output[0]
                inputs = [one, x] if kind.startswith("-") else [x, one]
            own = {"outputs": outputs} if number == len(steps) - 1 else {}
            made = ctx.make_node(
                kind.removeprefix("-"), inputs, shapes=shapes, dtypes=dtypes, **own
            )
            x = made.output[0]

    return handler


# Operators of Keras' activations that ONNX has not: of gelu, celu and softplus.
_COMPOSED = {
    "Erfc": _composed(("Erf", None), ("-Sub", 1)),
    "Expm1": _composed(("Exp", None), ("Sub", 1)),
    "Log1p": _composed(("Add", 1), ("Log", None)),
}


def _drop_double_reverses(graph, nodes):
    """Drops the pair of reversals that Bidirectional makes: the layer's and its own."""
    for node in nodes:
        if node.type != "ReverseV2" or node.inputs[0].type != "ReverseV2":
            continue
        inner = node.inputs[0]
        if np.array_equal(_axes(node), _axes(inner)):
            graph.replace_all_inputs(node.output[0], inner.input[0])
    return graph.get_nodes()


def _axes(reverse):
    """The axes that a ReverseV2 reverses."""
    axes = reverse.inputs[1].get_tensor_value(as_list=False)
    return axes.reshape(-1).astype("int64")
