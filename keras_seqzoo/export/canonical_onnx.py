"""ONNX graphs in one order and under one set of names, whatever made them.

TensorFlow and tf2onnx number their names by all that the process did before, so the
same model would make another file each time.
"""

import itertools
from collections.abc import Callable, Iterable

import onnx
from onnx import helper


def canonical(graph: onnx.GraphProto) -> None:
    """Orders and renames a graph's nodes and constants, in place.

    Nodes stand in the order in which the outputs need them, and are named by their
    operator and a number, their outputs too; constants are numbered. The names of the
    graph's own inputs and outputs stay. What no output needs goes, and every Identity
    that is not there to make two outputs of one tensor.
    """
    numbers = itertools.count()
    kept = {value.name for value in (*graph.input, *graph.output)}

    def new_name(kind):
        names = (f"{kind}_{number}" for number in numbers)
        return next(name for name in names if name not in kept)

    _order(graph)
    identities = {n.output[0]: n.input[0] for n in graph.node if _is_identity(n)}
    makes_output = {}
    for value in graph.output:
        source = value.name
        while source in identities:
            source = identities[source]
        makes_output.setdefault(source, value.name)
    _rename(graph, {x.name: x.name for x in graph.input}, makes_output, new_name)


def _order(graph: onnx.GraphProto) -> None:
    """Puts the nodes in the order of the outputs' needs, in subgraphs first."""
    makers = {name: n for n, node in enumerate(graph.node) for name in node.output}
    needs = []
    for node in graph.node:
        for subgraph in _subgraphs(node):
            _order(subgraph)
        needs.append([makers[name] for name in _read(node) if name in makers])
    ordered = {}
    waiting = [makers[y.name] for y in reversed(graph.output) if y.name in makers]
    while waiting:
        missing = [other for other in needs[waiting[-1]] if other not in ordered]
        if missing:
            waiting += reversed(missing)
        else:
            ordered.setdefault(waiting.pop())
    _replace(graph.node, [graph.node[number] for number in ordered])


def _read(node: onnx.NodeProto) -> Iterable[str]:
    """The names that a node reads, in its subgraphs too, in order."""
    yield from node.input
    for subgraph in _subgraphs(node):
        for inner in subgraph.node:
            yield from _read(inner)
        yield from (value.name for value in subgraph.output)


def _rename(
    graph: onnx.GraphProto,
    names: dict[str, str],
    makes_output: dict[str, str],
    new_name: Callable,
) -> None:
    """Gives everything that a graph makes a new name.

    Args:
        graph: with its nodes in order.
        names: old name to new one of all that is known in it already.
        makes_output: old name to new one of what is an output of the file.
        new_name: function of a kind of thing to a name for it.
    """
    constants = {constant.name: constant for constant in graph.initializer}
    names = {name: new for name, new in names.items() if name not in constants}
    used, nodes, made = [], [], set()

    def renamed(name):
        if name in constants and name not in names:
            used.append(constants[name])
            names[name] = new_name("constant")
        return names[name] if name else ""

    for node in graph.node:
        if _is_identity(node):
            names[node.output[0]] = renamed(node.input[0])
            continue
        for name in filter(constants.__contains__, _read(node)):
            renamed(name)
        node.input[:] = map(renamed, node.input)
        for subgraph in _subgraphs(node):
            inputs = {x.name: new_name("input") for x in subgraph.input}
            _rename(subgraph, names | inputs, {}, new_name)
        node.name = new_name(node.op_type)
        for number, name in enumerate(filter(None, node.output)):
            new = f"{node.name}:{number}" if number else node.name
            names[name] = makes_output.get(name, new)
        node.output[:] = [names[name] if name else "" for name in node.output]
        node.ClearField("doc_string")
        nodes.append(node)
        made.update(node.output)
    for value in graph.input:
        value.name = names[value.name]
    for value in graph.output:
        source = renamed(value.name)
        if source in made:  # an output once, and by a copy from then on
            made.remove(source)
            value.name = source
            continue
        name = new_name("Identity")
        value.name = value.name if makes_output else name
        nodes.append(helper.make_node("Identity", [source], [value.name], name))
    _replace(graph.node, nodes)
    _replace(graph.initializer, used)
    for constant in graph.initializer:
        constant.name = names[constant.name]
    if not makes_output:  # a subgraph, whose own name and free sizes have numbers too
        graph.name = "graph"
        for value in (*graph.input, *graph.output):
            for size in value.type.tensor_type.shape.dim:
                size.ClearField("dim_param")
    graph.ClearField("value_info")
    graph.ClearField("doc_string")


def _is_identity(node: onnx.NodeProto) -> bool:
    return node.op_type == "Identity"


def _subgraphs(node: onnx.NodeProto) -> list[onnx.GraphProto]:
    return [a.g for a in node.attribute if a.HasField("g")]


def _replace(field, values):
    copies = [type(value).FromString(value.SerializeToString()) for value in values]
    del field[:]
    field.extend(copies)
