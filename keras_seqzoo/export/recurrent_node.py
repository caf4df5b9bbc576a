"""An ONNX RNN, GRU or LSTM node in a TensorFlow graph, over any mask and direction.

The node's place is held by a marker: `tf.numpy_function`, with the node's inputs in
ONNX's layout and, as a constant, its type and attributes. tf2onnx sees the marker as an
operator named PyFuncStateless, and `node_from_marker` makes it the node. Masks are
ordinary TensorFlow around it.

Layouts are those of the ONNX operators' documentation, with 1 or 2 directions:
X (time, batch, features), W (directions, gates x units, features), R (directions,
gates x units, units), B (directions, 2 x gates x units), P (directions, 3 x units),
states (directions, batch, units), Y (time, directions, batch, units).
"""

import json
from typing import Any

import tensorflow as tf


def node_from_marker(ctx: Any, node: Any, name: str, args: list) -> None:
    """tf2onnx's handler: puts the node that a marker describes in its place."""
    del name, args
    *inputs, description = node.inputs
    description = json.loads(description.get_tensor_value(as_list=False).item())
    names = iter(node.input[:-1])
    shapes, dtypes = node.output_shapes, node.output_dtypes
    outputs = list(node.output)
    given = [next(names) if present else "" for present in description["inputs"]]
    ctx.remove_node(node.name)
    ctx.make_node(
        description["type"],
        given,
        attr=description["attributes"],
        outputs=outputs,
        shapes=shapes,
        dtypes=dtypes,
    )


def run_nodes(
    nodes: list, sequences: Any, starts: list, mask: Any, backwards: list[bool]
) -> list[tuple]:
    """Runs one node, or two as one, over (batch, time, features).

    Args:
        nodes: the node, as (description, weights); or a forward and a backward one
            that fit each other.
        sequences: their input.
        starts: for each its initial states.
        mask: (batch, time) or None.
        backwards: for each whether it runs from the end.

    Returns:
        For each its outputs, last output, and last states. The outputs are in the
        order of the loop, and repeat at masked steps.
    """
    if mask is None:
        found = _emit(nodes, sequences, None, starts, backwards)
        return [
            (tf.reverse(outputs, [1]) if back else outputs, ends[0], ends)
            for (outputs, ends), back in zip(found, backwards)
        ]
    # ONNX knows masks only as padding on the right. So the steps that count move to
    # the front, and every step then reads the last of them up to itself.
    padded = is_right_padding(mask)
    mask = steps_that_count(mask)
    length = tf.shape(mask)[1]
    counts = tf.cast(mask, tf.int32)
    lengths = tf.reduce_sum(counts, axis=1)
    if not padded:
        late = tf.range(length) + tf.where(mask, 0, length)
        sequences = _rows(sequences, tf.argsort(late, axis=1))
        before = tf.cumsum(counts, axis=1, exclusive=True)  # steps that count before
    some = lengths[:, None] > 0
    results = []
    found = _emit(nodes, sequences, lengths, starts, backwards)
    for (outputs, ends), start, back in zip(found, starts, backwards):
        last = tf.where(some, ends[0], 0.0)
        if padded:
            rest = 0.0 if back else last[:, None]
            outputs = tf.where(mask[..., None], outputs, rest)
        else:
            at = before if back else before + counts - 1
            known = at < lengths[:, None] if back else at >= 0
            outputs = _rows(outputs, tf.where(known, at, 0))
            outputs = tf.where(known[..., None], outputs, 0.0)
        outputs = tf.reverse(outputs, [1]) if back else outputs
        # Of a row in which no step counts, the runtime would return zero states.
        ends = [tf.where(some, end, first) for end, first in zip(ends, start)]
        results.append((outputs, last, ends))
    return results


def steps_that_count(mask: Any) -> Any:
    """A mask as booleans (batch, time)."""
    mask = tf.cast(mask, tf.bool)
    return tf.squeeze(mask, -1) if len(mask.shape) == 3 else mask


def is_right_padding(mask: tf.Tensor) -> bool:
    """Whether a symbolic mask is `range(time) < lengths`: True in front, whatever runs.

    `tf.sequence_mask` is one. Such a mask needs no re-ordering of the steps.
    """
    operation = _source(mask).op
    if operation.type == "LogicalAnd":
        return all(map(is_right_padding, operation.inputs))
    if operation.type not in ("Less", "LessEqual", "Greater", "GreaterEqual"):
        return False
    positions, lengths = operation.inputs
    if operation.type.startswith("Greater"):
        positions, lengths = lengths, positions
    if lengths.shape.rank is None or lengths.shape[-1:] not in ([], [1]):
        return False
    one_row = positions.shape.rank == 1 or positions.shape[:-1] == [1]
    source = _source(positions)
    if not one_row or source.op.type != "Range":
        return False
    start, _, step = map(tf.get_static_value, source.op.inputs)
    return start is not None and step is not None and step > 0


def _source(tensor):
    """The tensor behind operations that change its type or shape alone."""
    kept = ("Identity", "Cast", "ExpandDims", "Reshape", "Squeeze")
    while tensor.op.type in kept:
        tensor = tensor.op.inputs[0]
    return tensor


def _rows(sequences, positions):
    """sequences[b, positions[b]] by one flat gather, which ONNX does fast."""
    batch, length = tf.unstack(tf.shape(sequences)[:2])
    flat = tf.reshape(sequences, (-1, sequences.shape[-1]))
    return tf.gather(flat, positions + tf.range(batch)[:, None] * length)


def _emit(nodes, sequences, lengths, starts, backwards):
    """The marker itself: for each node outputs (batch, time, units) and last states.

    The outputs are in the order of time.
    """
    (description, _), *_ = nodes
    attributes = dict(description["attributes"])
    for name in ("activations", "activation_alpha", "activation_beta"):
        values = [d["attributes"].get(name, []) for d, _ in nodes]
        attributes[name] = [value for part in values for value in part]
    attributes = {name: value for name, value in attributes.items() if value != []}
    directions = {
        (False,): "forward",
        (True,): "reverse",
        (False, True): "bidirectional",
    }
    attributes["direction"] = directions[tuple(backwards)]

    def joined(name):
        return tf.concat([weights[name] for _, weights in nodes], 0)

    initial = [None if all(map(_is_zero, s)) else tf.stack(s) for s in zip(*starts)]
    inputs = [
        tf.transpose(sequences, (1, 0, 2)),
        joined("W"),
        joined("R"),
        joined("B"),
        lengths,
        *initial,
    ]
    if description["type"] == "LSTM":
        inputs.append(joined("P") if "P" in nodes[0][1] else None)
    form = {
        "type": description["type"],
        "attributes": attributes,
        "inputs": [x is not None for x in inputs],
    }
    batch, units, count = sequences.shape[0], attributes["hidden_size"], len(nodes)
    shapes = [(sequences.shape[1], count, batch, units)]
    shapes += [(count, batch, units)] * len(initial)
    outputs = tf.numpy_function(
        _never_run,
        [*(x for x in inputs if x is not None), tf.constant(json.dumps(form))],
        [tf.float32] * len(shapes),
        stateful=False,
    )
    # Not set_shape, which the graph that tf2onnx reads would not keep.
    sequence, *states = map(tf.ensure_shape, outputs, shapes)
    ends = zip(*[tf.unstack(state) for state in states])
    return [
        (tf.transpose(part, (1, 0, 2)), list(end))
        for part, end in zip(tf.unstack(sequence, axis=1), ends)
    ]


def _is_zero(state):
    """Whether a state is zeros, which a node starts from by itself."""
    value = state.op.inputs[1] if state.op.type == "Fill" else state
    value = tf.get_static_value(value)
    return value is not None and not value.any()


def _never_run(*_):
    raise RuntimeError("a marker for the ONNX converter is not for running")
