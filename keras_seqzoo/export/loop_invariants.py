"""What an ONNX loop reads and never changes.

TensorFlow's loops, and so tf2onnx's, carry from step to step whatever they read. And
onnxruntime packs the weights of a product for its processor once, on opening, only
if they are constants of the graph that the product is in; of others the packing is part
of every step: those of a step of a translator took 2.2 ms so, and 1.0 ms packed.

What nothing reads any more stays: `canonical` drops it.
"""

from collections.abc import Iterator

import onnx
from onnx import numpy_helper


def hoist_invariants(graph: onnx.GraphProto) -> None:
    """Makes loops read from around them what they carry unchanged; changes the graph.

    Args:
        graph: All names in it and its subgraphs are different.
    """
    outputs = {value.name for value in graph.output}
    for node in graph.node:
        if node.op_type == "Loop":
            _hoist(graph, node, outputs)
        for inner in _subgraphs(node):
            hoist_invariants(inner)


def _hoist(graph, loop, outputs):
    (body,) = _subgraphs(loop)
    identities = {n.output[0]: n.input[0] for n in body.node if n.op_type == "Identity"}
    for number in reversed(range(len(loop.input) - 2)):
        carried, after = body.input[2 + number].name, body.output[1 + number].name
        while after in identities:
            after = identities[after]
        if after != carried or loop.output[number] in outputs:
            continue
        source = loop.input[2 + number]
        _rename_uses(body, carried, source)
        _rename_uses(graph, loop.output[number], source)
        del body.input[2 + number], body.output[1 + number]
        del loop.input[2 + number], loop.output[number]


def give_loops_their_weights(graph: onnx.GraphProto) -> None:
    """Moves the weights of products in subgraphs into these; changes the graph.

    A weight that is used elsewhere too stays there, and is in the file twice.
    """
    _give(graph, {}, set(_names(graph)))


def _give(graph, outer, names):
    """`outer` are the constants around the graph, by name; `names` all that there are.

    A transposed weight becomes a constant: nothing is left to do at run time.
    """
    transposed = {
        node.output[0]: node
        for node in graph.node
        if node.op_type == "Transpose" and node.input[0] in outer
    }
    own = {}
    for node in graph.node:
        if node.op_type not in ("MatMul", "Gemm"):
            continue
        name = node.input[1]
        turn = transposed.get(name)
        if turn is None and name not in outer:
            continue
        if name not in own:
            array = numpy_helper.to_array(outer[turn.input[0] if turn else name])
            if turn:
                axes = [list(a.ints) for a in turn.attribute if a.name == "perm"]
                array = array.transpose(*axes)
            own[name] = _new_name(name, names)
            graph.initializer.append(numpy_helper.from_array(array.copy(), own[name]))
        node.input[1] = own[name]
    inner = outer | {x.name: x for x in graph.initializer}
    for node in graph.node:
        for subgraph in _subgraphs(node):
            _give(subgraph, inner, names)


def _new_name(name, names):
    number = 0
    while (found := f"{name}_own_{number}") in names:
        number += 1
    names.add(found)
    return found


def _rename_uses(graph, old, new):
    """Reads `new` wherever the graph, or one in it, reads `old`."""
    for node in graph.node:
        for number, name in enumerate(node.input):
            if name == old:
                node.input[number] = new
        for subgraph in _subgraphs(node):
            _rename_uses(subgraph, old, new)


def _subgraphs(node) -> list[onnx.GraphProto]:
    return [a.g for a in node.attribute if a.HasField("g")]


def _graphs(graph) -> Iterator[onnx.GraphProto]:
    """The graph and all in it."""
    yield graph
    for node in graph.node:
        for subgraph in _subgraphs(node):
            yield from _graphs(subgraph)


def _names(graph) -> Iterator[str]:
    """All names of values in a graph and those in it."""
    for one in _graphs(graph):
        yield from (x.name for x in (*one.initializer, *one.input))
        for node in one.node:
            yield from node.output
