"""Recurrent layers as single ONNX RNN, GRU and LSTM nodes.

While the graph for ONNX is traced, a layer whose cell has a node emits a marker in
place of its loop: `tf.numpy_function`, holding the node's inputs in ONNX's layout
and, as a constant, its type and attributes. tf2onnx sees the marker as an operator
named PyFuncStateless, and `node_from_marker` makes it the node. The rest, masks and
directions, is ordinary TensorFlow around the marker.

Layouts are those of the ONNX operators' documentation: X (time, batch, features),
W (1, gates x units, features), R (1, gates x units, units), B (1, 2 x gates x
units), P (1, 3 x units), states (1, batch, units), Y (time, 1, batch, units).
"""

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import keras
import tensorflow as tf

from keras_seqzoo.cells.coupled_lstm import CoupledLSTMCell
from keras_seqzoo.cells.peephole_lstm import PeepholeLSTMCell
from keras_seqzoo.export.keras_backend import inner_loops, replaced
from keras_seqzoo.layers import clockwork_rnn, scrn
from keras_seqzoo.layers.simple_recurrence import simple_recurrence

# The ONNX names of Keras' activations, with alpha and beta for those that have them.
ACTIVATIONS = {
    keras.activations.tanh: ("Tanh",),
    keras.activations.sigmoid: ("Sigmoid",),
    keras.activations.relu: ("Relu",),
    keras.activations.softsign: ("Softsign",),
    keras.activations.linear: ("Affine", 1.0, 0.0),
    keras.activations.hard_sigmoid: ("HardSigmoid", 1 / 6, 0.5),
}


@contextlib.contextmanager
def fused_nodes() -> Iterator[None]:
    """While open, the layers that have an ONNX node emit its marker."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(inner_loops(_fused))
        for module in (clockwork_rnn, scrn):
            stack.enter_context(
                replaced(module, "simple_recurrence", _fused_simple_recurrence)
            )
        yield


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


# The layers.


def _fused(layer, sequences, initial_state, mask):
    """The layer's `inner_loop` with a node, or None if its cell has none."""
    make = FUSED_CELLS.get(type(layer.cell))
    if make is None or sequences.dtype != tf.float32 or len(sequences.shape) != 3:
        return None
    node = make(layer.cell)
    if node is None:
        return None
    outputs, last, states = _run(
        node, sequences, list(initial_state), mask, layer.go_backwards
    )
    if mask is not None and layer.zero_output_for_mask:
        counts = tf.cast(mask, tf.bool)[..., None]
        counts = tf.reverse(counts, [1]) if layer.go_backwards else counts
        outputs = tf.where(counts, outputs, 0.0)
        last = outputs[:, -1]
    return last, outputs, states


def _fused_simple_recurrence(
    inputs,
    kernel,
    recurrent_kernel,
    bias,
    activation,
    initial_state,
    mask=None,
    go_backwards=False,
    recurrent_dropout_mask=None,
    unroll=False,
):
    function = ACTIVATIONS.get(keras.activations.get(activation))
    if function is None or inputs.dtype != tf.float32:
        return simple_recurrence(
            inputs,
            kernel,
            recurrent_kernel,
            bias,
            activation,
            initial_state,
            mask,
            go_backwards,
            recurrent_dropout_mask,
            unroll,
        )
    node = _node("RNN", 1, kernel, recurrent_kernel, bias, [function])
    outputs, _, (last,) = _run(node, inputs, [initial_state], mask, go_backwards)
    return last, outputs


def _run(node, sequences, states, mask, go_backwards):
    """Runs a node over (batch, time, features): outputs, last output, states.

    The outputs are in the order of the loop, and repeat at masked steps.
    """
    if mask is None:
        if go_backwards:
            sequences = tf.reverse(sequences, [1])
        outputs, states = _emit(node, sequences, None, states)
        return outputs, states[0], states

    # ONNX knows masks only as padding on the right. So the steps that count move to
    # the front, and every step then reads the last of them up to itself.
    mask = tf.cast(mask, tf.bool)
    length = tf.shape(mask)[1]
    steps = tf.range(length)
    if go_backwards:
        mask, steps = tf.reverse(mask, [1]), tf.reverse(steps, [0])
    late = tf.where(mask, tf.range(length), tf.range(length) + length)
    order = tf.gather(steps, tf.argsort(late, axis=1))
    count = tf.cumsum(tf.cast(mask, tf.int32), axis=1)  # steps that count up to here
    lengths = tf.reduce_sum(tf.cast(mask, tf.int32), axis=1)
    packed, ended = _emit(node, _rows(sequences, order), lengths, states)
    # Of a row in which no step counts, the runtime would return zero states.
    some = lengths[:, None] > 0
    states = [tf.where(some, end, start) for end, start in zip(ended, states)]
    outputs = _rows(packed, tf.maximum(count - 1, 0))
    outputs = tf.where(count[..., None] > 0, outputs, 0.0)
    return outputs, outputs[:, -1], states


def _rows(sequences, positions):
    """sequences[b, positions[b]] by one flat gather, which ONNX does fast."""
    batch, length = tf.unstack(tf.shape(sequences)[:2])
    flat = tf.reshape(sequences, (-1, sequences.shape[-1]))
    return tf.gather(flat, positions + tf.range(batch)[:, None] * length)


def _emit(node, sequences, lengths, states):
    """The marker itself: outputs (batch, time, units), and the last states."""
    description, weights = node
    units = weights["R"].shape[-1]
    initial = [state[None] for state in states] + [None] * (2 - len(states))
    inputs = [
        tf.transpose(sequences, (1, 0, 2)),
        weights["W"],
        weights["R"],
        weights["B"],
        lengths,
        *initial,
        weights.get("P"),
    ]
    if description["type"] != "LSTM":
        inputs = inputs[:6]
    description = description | {"inputs": [x is not None for x in inputs]}
    shapes = [(sequences.shape[1], 1, sequences.shape[0], units)]
    shapes += [(1, sequences.shape[0], units)] * len(states)
    given = [x for x in inputs if x is not None]
    outputs = tf.numpy_function(
        _never_run,
        [*given, tf.constant(json.dumps(description))],
        [tf.float32] * len(shapes),
        stateful=False,
    )
    # Not set_shape, which the graph that tf2onnx reads would not keep.
    sequence, *states = map(tf.ensure_shape, outputs, shapes)
    return tf.transpose(sequence[:, 0], (1, 0, 2)), [state[0] for state in states]


def _never_run(*_):
    raise RuntimeError("a marker for the ONNX converter is not for running")


# The cells: (description, weights) of each one's node, or None if it has none.


def _node(kind, gates, kernel, recurrent_kernel, bias, activations, **attributes):
    kernel, recurrent_kernel = map(tf.convert_to_tensor, (kernel, recurrent_kernel))
    units = recurrent_kernel.shape[0]
    if bias is None:
        bias = tf.zeros((2 * gates * units,))
    elif bias.shape[-1] == gates * units:  # the input's bias alone
        bias = tf.concat([bias, tf.zeros((gates * units,))], 0)
    attributes |= {"hidden_size": units, "activations": [a[0] for a in activations]}
    parameters = [a[1:] for a in activations if len(a) > 1]
    if parameters:  # one alpha and one beta for each activation that has them
        alphas, betas = zip(*parameters)
        attributes |= {"activation_alpha": alphas, "activation_beta": betas}
    weights = {
        "W": tf.transpose(kernel)[None],
        "R": tf.transpose(recurrent_kernel)[None],
        "B": tf.reshape(bias, (1, -1)),
    }
    return {"type": kind, "attributes": attributes}, weights


def _simple_rnn(cell):
    function = ACTIVATIONS.get(cell.activation)
    if function is None:
        return None
    return _node("RNN", 1, cell.kernel, cell.recurrent_kernel, cell.bias, [function])


def _gru(cell):
    functions = [
        ACTIVATIONS.get(cell.recurrent_activation),
        ACTIVATIONS.get(cell.activation),
    ]
    if None in functions:
        return None
    bias = None if cell.bias is None else tf.reshape(cell.bias, (-1,))
    return _node(
        "GRU",
        3,
        cell.kernel,
        cell.recurrent_kernel,
        bias,
        functions,
        linear_before_reset=int(cell.reset_after),
    )


def _lstm(cell):
    return _lstm_node(cell, "ifco")


def _peephole_lstm(cell):
    node = _lstm_node(cell, "ifco")
    if node is not None:
        i, f, o = tf.unstack(tf.convert_to_tensor(cell.peephole_kernel))
        node[1]["P"] = tf.concat([i, o, f], 0)[None]
    return node


def _coupled_lstm(cell):
    # ONNX computes the input gate and takes f = 1 - i from it; ours is the other way
    # round. As 1 - sigmoid(z) = sigmoid(-z), the forget gate's weights change sign.
    if cell.recurrent_activation is not keras.activations.sigmoid:
        return None
    node = _lstm_node(cell, "fco")
    if node is None:
        return None
    description, weights = node
    description["attributes"]["input_forget"] = 1
    if cell.peephole:
        f, o = tf.unstack(tf.convert_to_tensor(cell.peephole_kernel))
        weights["P"] = tf.concat([-f, o, tf.zeros_like(f)], 0)[None]
    return node


def _lstm_node(cell, gates):
    """An LSTM node from a cell whose kernels hold these gates, in this order."""
    gate, activation = map(
        ACTIVATIONS.get, (cell.recurrent_activation, cell.activation)
    )
    if gate is None or activation is None:
        return None

    def reordered(weights):
        weights = tf.convert_to_tensor(weights)
        parts = dict(zip(gates, tf.split(weights, len(gates), axis=-1)))
        if "i" not in parts:
            parts |= {"i": -parts["f"], "f": tf.zeros_like(parts["f"])}
        return tf.concat([parts[gate] for gate in "iofc"], -1)

    kernel, recurrent_kernel = reordered(cell.kernel), reordered(cell.recurrent_kernel)
    bias = None if cell.bias is None else reordered(cell.bias)
    functions = [gate, activation, activation]
    return _node("LSTM", 4, kernel, recurrent_kernel, bias, functions)


FUSED_CELLS = {
    keras.layers.SimpleRNNCell: _simple_rnn,
    keras.layers.LSTMCell: _lstm,
    keras.layers.GRUCell: _gru,
    PeepholeLSTMCell: _peephole_lstm,
    CoupledLSTMCell: _coupled_lstm,
}
