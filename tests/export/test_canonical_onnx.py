"""Graphs that differ in names, order and idle nodes alone become one and the same."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from keras_seqzoo.export.canonical_onnx import canonical


def value(name, kind=TensorProto.FLOAT, shape=("n",)):
    return helper.make_tensor_value_info(name, kind, shape)


def loop(prefix, copy_first):
    """A Loop that adds x and a constant three times, and gives each sum out too."""

    def name(text):
        return f"{prefix}{text}"

    total = name("total")
    nodes = [
        helper.make_node("Add", [name("state"), "x"], [name("a")], "in loop"),
        helper.make_node("Add", [name("a"), name("one")], [total]),
        helper.make_node("Identity", [name("going")], [name("on")]),
        helper.make_node("Identity", [total], [name("copy")]),
    ]
    pair = [name("copy"), total] if copy_first else [total, name("copy")]
    return helper.make_graph(
        nodes,
        name("body"),
        [
            value(name("i"), TensorProto.INT64, ()),
            value(name("going"), TensorProto.BOOL, ()),
            value(name("state"), shape=(name("size"),)),
        ],
        [value(name("on"), TensorProto.BOOL, ()), *map(value, pair)],
        [numpy_helper.from_array(np.ones(1, "float32"), name("one"))],
    )


def graph(prefix, swapped):
    def name(text):
        return f"{prefix}{text}"

    body = loop(prefix, copy_first=swapped)
    independent = [
        helper.make_node("Exp", ["x"], [name("exp")], name("node")),
        helper.make_node("Neg", [name("unused")], [name("idle")]),
        helper.make_node(
            "Loop",
            [name("count"), "", "x"],
            [name("end"), name("all")],
            body=body,
        ),
    ]
    ends = [
        helper.make_node("Add", [name("exp"), name("end")], ["y"]),
        helper.make_node("Identity", ["y"], ["z"]),
        helper.make_node("Identity", [name("all")], [name("all2")]),
        helper.make_node("Identity", [name("all2")], ["each"]),
    ]
    constants = [
        numpy_helper.from_array(np.int64(3), name("count")),
        numpy_helper.from_array(np.ones(4, "float32"), name("unused")),
    ]
    return helper.make_graph(
        [*(reversed(independent) if swapped else independent), *ends],
        "graph",
        [value("x")],
        [value("y"), value("z"), value("each", shape=(3, "n"))],
        constants[::-1] if swapped else constants,
    )


def run(graph):
    opset = [helper.make_opsetid("", 18)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    onnx.checker.check_model(model, full_check=True)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    return session.run(None, {"x": np.array([0.5, -2], "float32")})


def test_one_graph_whatever_it_was_called():
    one, other = graph("a", swapped=False), graph("zz/", swapped=True)
    wanted = run(one)
    canonical(one)
    canonical(other)
    assert one.SerializeToString(True) == other.SerializeToString(True)
    for found, y in zip(run(one), wanted, strict=True):
        np.testing.assert_allclose(found, y, rtol=1e-6)
    assert [x.name for x in (*one.input, *one.output)] == ["x", "y", "z", "each"]
    operators = sorted(node.op_type for node in one.node)
    assert operators == ["Add", "Exp", "Identity", "Loop"]  # z is y again
