"""Loops that carry less and own their weights compute what they did."""

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

from keras_seqzoo.export.canonical_onnx import canonical
from keras_seqzoo.export.loop_invariants import (
    give_loops_their_weights,
    hoist_invariants,
)

RNG = np.random.default_rng(0)
WEIGHTS = RNG.normal(size=(3, 3)).astype("float32")
TABLE = RNG.normal(size=(3, 3)).astype("float32")


def value(name, kind=TensorProto.FLOAT, shape=(2, 3)):
    return helper.make_tensor_value_info(name, kind, shape)


def model(carried_out=False):
    """y = x W T' four times over, W and T carried though they never change.

    T is read outside the loop too.
    """
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["state", "w"], ["product"]),
            helper.make_node("Transpose", ["t"], ["turned"], perm=[1, 0]),
            helper.make_node("MatMul", ["product", "turned"], ["after"]),
            helper.make_node("Identity", ["going"], ["on"]),
            helper.make_node("Identity", ["w"], ["w_after"]),
            helper.make_node("Identity", ["t"], ["t_copy"]),
            helper.make_node("Identity", ["t_copy"], ["t_after"]),
        ],
        "body",
        [
            value("i", TensorProto.INT64, ()),
            value("going", TensorProto.BOOL, ()),
            value("state"),
            value("w", shape=(3, 3)),
            value("t", shape=(3, 3)),
        ],
        [
            value("on", TensorProto.BOOL, ()),
            value("after"),
            value("w_after", shape=(3, 3)),
            value("t_after", shape=(3, 3)),
        ],
    )
    nodes = [
        helper.make_node("Add", ["x", "row"], ["begun"]),
        helper.make_node("Gather", ["T", "first"], ["row"]),
        helper.make_node(
            "Loop",
            ["count", "", "begun", "W", "T"],
            ["state_end", "w_end", "t_end"],
            body=body,
        ),
        helper.make_node("MatMul", ["state_end", "t_end"], ["y"]),
    ]
    nodes = [nodes[1], nodes[0], *nodes[2:]]
    outputs = [value("y")] + [value("w_end", shape=(3, 3))] * carried_out
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("x")],
        outputs,
        [
            numpy_helper.from_array(WEIGHTS, "W"),
            numpy_helper.from_array(TABLE, "T"),
            numpy_helper.from_array(np.array(4), "count"),
            numpy_helper.from_array(np.array([0]), "first"),
        ],
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    made.ir_version = 9
    return made


def run(made):
    onnx.checker.check_model(made, full_check=True)
    session = onnxruntime.InferenceSession(made.SerializeToString())
    return session.run(None, {"x": np.ones((2, 3), "float32")})


def body_of(made):
    (loop,) = (node for node in made.graph.node if node.op_type == "Loop")
    return loop, loop.attribute[0].g


def test_what_never_changes_is_read_from_around_and_weights_are_the_bodys_own():
    made = model()
    expected = run(made)
    hoist_invariants(made.graph)
    loop, body = body_of(made)
    assert list(loop.input) == ["count", "", "begun"]
    assert list(loop.output) == ["state_end"]
    assert [x.name for x in body.input] == ["i", "going", "state"]
    assert len(body.output) == 2
    for found, wanted in zip(run(made), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
    give_loops_their_weights(made.graph)
    canonical(made.graph)
    own = [numpy_helper.to_array(x) for x in body_of(made)[1].initializer]
    np.testing.assert_array_equal(own[0], WEIGHTS)
    np.testing.assert_array_equal(own[1], TABLE.T)
    assert "Transpose" not in [node.op_type for node in body_of(made)[1].node]
    # T is still needed outside, W no more.
    (outside,) = (x for x in made.graph.initializer if len(x.dims) == 2)
    np.testing.assert_array_equal(numpy_helper.to_array(outside), TABLE)
    for found, wanted in zip(run(made), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-5)


def test_what_is_given_out_stays_carried():
    made = model(carried_out=True)
    expected = run(made)
    hoist_invariants(made.graph)
    assert list(body_of(made)[0].output) == ["state_end", "w_end"]
    for found, wanted in zip(run(made), expected, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=1e-6)
