"""Recurrent layers as single ONNX RNN, GRU and LSTM nodes.

While the graph for ONNX is traced, a layer whose cell has a node runs as one, in place
of its loop. The two layers of a Bidirectional make one node if their cells are of one
kind and size.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from contextvars import ContextVar

import keras
import tensorflow as tf

from keras_seqzoo.cells.coupled_lstm import CoupledLSTMCell
from keras_seqzoo.cells.peephole_lstm import PeepholeLSTMCell
from keras_seqzoo.export.keras_backend import inner_loops, replaced
from keras_seqzoo.export.recurrent_node import run_nodes, steps_that_count
from keras_seqzoo.layers import clockwork_rnn, scrn
from keras_seqzoo.layers.cell_layer import CellLayer
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
        both = _both_directions(keras.layers.Bidirectional.call)
        stack.enter_context(replaced(keras.layers.Bidirectional, "call", both))
        for module in (clockwork_rnn, scrn):
            stack.enter_context(
                replaced(module, "simple_recurrence", _fused_simple_recurrence)
            )
        yield


# The layers.


@dataclasses.dataclass
class _Pair:
    """A Bidirectional that is being called.

    Attributes:
        forward, backward: its layers.
        start: function of the batch to the backward layer's initial states.
        made: the backward layer's part of the node, once there is one.
    """

    forward: keras.layers.RNN
    backward: keras.layers.RNN
    start: Callable
    made: tuple | None = None


_pair: ContextVar[_Pair | None] = ContextVar("pair", default=None)

# How a layer's `call` comes to its inner loop: nothing but initial states before it.
_LAYERS = (
    keras.layers.RNN,
    keras.layers.SimpleRNN,
    keras.layers.LSTM,
    keras.layers.GRU,
    CellLayer,
)
PLAIN_CALLS = {layer.call for layer in _LAYERS}


def _both_directions(original):
    """`Bidirectional.call`, whose two layers know of each other."""

    def call(self, sequences, initial_state=None, mask=None, training=None):
        def start(batch):
            if initial_state is not None:
                states = initial_state[len(initial_state) // 2 :]
            else:
                states = self.backward_layer.get_initial_state(batch)
            return [tf.cast(state, tf.float32) for state in states]

        token = _pair.set(_Pair(self.forward_layer, self.backward_layer, start))
        try:
            return original(self, sequences, initial_state, mask, training)
        finally:
            _pair.reset(token)

    return call


def _fused(layer, sequences, initial_state, mask):
    """The layer's `inner_loop` with a node, or None if its cell has none."""
    pair = _pair.get()
    if pair is not None and layer is pair.backward and pair.made is not None:
        return _as_asked(layer, pair.made, mask)
    node = _node_of(layer, sequences)
    if node is None:
        return None
    nodes, starts, backwards = [node], [list(initial_state)], [layer.go_backwards]
    if pair is not None and layer is pair.forward and not layer.go_backwards:
        other = _node_of(pair.backward, sequences)
        if other is not None and _fit(node, other) and _calls_plainly(pair.backward):
            nodes, backwards = [node, other], [False, True]
            starts.append(pair.start(tf.shape(sequences)[0]))
    found, *others = run_nodes(nodes, sequences, starts, mask, backwards)
    if others:
        (pair.made,) = others
    return _as_asked(layer, found, mask)


def _node_of(layer, sequences):
    make = FUSED_CELLS.get(type(layer.cell))
    if make is None or sequences.dtype != tf.float32 or len(sequences.shape) != 3:
        return None
    return make(layer.cell)


def _fit(one, other):
    """Whether two nodes can be one in both directions: their functions may differ."""

    def form(node):
        description, weights = node
        functions = ("activations", "activation_alpha", "activation_beta")
        attributes = description["attributes"].items()
        kept = {name: value for name, value in attributes if name not in functions}
        return description["type"], kept, weights.keys()

    return form(one) == form(other)


def _calls_plainly(layer):
    return type(layer).call in PLAIN_CALLS


def _as_asked(layer, found, mask):
    """A node's outputs, last output and states as the layer's `inner_loop` has them."""
    outputs, last, states = found
    if mask is not None and layer.zero_output_for_mask:
        counts = steps_that_count(mask)[..., None]
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
    function = ACTIVATIONS.get(activation)
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
    ((outputs, _, (last,)),) = run_nodes(
        [node], inputs, [[initial_state]], mask, [go_backwards]
    )
    return last, outputs


# The cells: (description, weights) of each one's node, or None if it has none.


def _node(kind, gates, kernel, recurrent_kernel, bias, activations, **attributes):
    kernel, recurrent_kernel = map(tf.convert_to_tensor, (kernel, recurrent_kernel))
    units = recurrent_kernel.shape[0]
    if bias is None:
        bias = tf.zeros((2 * gates * units,))
    elif bias.shape[-1] == gates * units:  # the input's bias alone
        bias = tf.concat([bias, tf.zeros((gates * units,))], 0)
    attributes |= {
        "hidden_size": int(units),
        "activations": [a[0] for a in activations],
    }
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
