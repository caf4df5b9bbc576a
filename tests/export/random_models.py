"""Small recurrent Keras models drawn at random, each from a description one can read.

`drawn_models()` draws a `Drawn`. `build` makes its model, always with the same weights,
and `inputs` makes arrays for it. To repeat a failure, give `build` what it printed.
"""

import dataclasses
from dataclasses import dataclass, field

import keras
import numpy as np
from hypothesis import strategies as st
from keras import layers, ops

from keras_seqzoo import cells
from keras_seqzoo.layers.by_name import RECURRENT_LAYERS


class Brief:
    """Prints only what is not as by default."""

    def __repr__(self):
        shown = [
            f"{f.name}={getattr(self, f.name)!r}"
            for f in dataclasses.fields(self)
            if getattr(self, f.name)
            != (f.default if f.default_factory is dataclasses.MISSING else {})
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


@dataclass(frozen=True, repr=False)
class Recurrent(Brief):
    """One recurrent layer.

    Attributes:
        cell: a name in `CELLS`.
        units: the size of its states; of some cells a multiple of it.
        arguments: the layer's or the cell's, where they are not the defaults.
        by_cell: whether it is `keras.layers.RNN` over the cell.
        way: "forward", "backward", or the merge mode of a Bidirectional ("pair" for
            None).
        backward_cell: the cell of a Bidirectional's backward layer, if another.
        return_state: whether its states are outputs of the model.
        given_state: whether its initial states are inputs of the model.
    """

    cell: str = "simple_rnn"
    units: int = 1
    arguments: dict = field(default_factory=dict)
    by_cell: bool = False
    way: str = "forward"
    backward_cell: str | None = None
    return_state: bool = False
    given_state: bool = False


@dataclass(frozen=True, repr=False)
class Drawn(Brief):
    """A model.

    Attributes:
        form: "functional", "sequential" or "subclassed".
        features: of the input; of the embedding if `ids`.
        ids: whether the input is word ids.
        length, batch: fixed sizes, or None.
        mask: "none", "layer" (Masking, or Embedding(mask_zero=True)), "given" (an
            input of booleans) or "lengths" (an input of integers).
        before: names in `AROUND` of the layers before the recurrent ones.
        recurrent: the recurrent layers, one after the other.
        return_sequences: whether the last of them returns all steps.
        decoder: whether another of the last one's kind runs over a second input from
            its states.
        after: names in `AROUND` and `OVER_TIME` of the layers after them.
        policy: the dtype policy.
        seed: of the weights.
    """

    form: str = "functional"
    features: int = 1
    ids: bool = False
    length: int | None = None
    batch: int | None = None
    mask: str = "none"
    before: tuple = ()
    recurrent: tuple = (Recurrent(),)
    return_sequences: bool = True
    decoder: bool = False
    after: tuple = ()
    policy: str = "float32"
    seed: int = 0

    @property
    def stateful(self):
        return any(r.arguments.get("stateful") for r in self.recurrent)

    @property
    def streams(self):
        """Whether the model's answer can be had in chunks."""
        return (
            all(r.way == "forward" and not r.given_state for r in self.recurrent)
            and not self.decoder
            and self.mask != "lengths"
            and not {*self.before, *self.after} & {*OVER_TIME, *CONVOLUTIONS}
        )


# What the models are made of.


@keras.saving.register_keras_serializable("random_models")
class OwnCell(keras.layers.Layer):
    """Somebody's own cell: its output is no state, and it does not start from zero."""

    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.state_size = [units, 1]
        self.output_size = units + 1

    def build(self, shape):
        self.kernel = self.add_weight(shape=(shape[-1], self.state_size[0]))

    def get_initial_state(self, batch_size=None):
        start = ops.ones((batch_size, self.state_size[0]), self.compute_dtype)
        return [0.5 * start, ops.zeros((batch_size, 1), self.compute_dtype)]

    def call(self, x, states):
        h, count = states
        h = 0.7 * h + ops.matmul(x, self.kernel) / (1 + count)
        return ops.concatenate([ops.tanh(h), count], -1), [h, count + 1]


@keras.saving.register_keras_serializable("random_models")
class PlainCell:
    """Somebody's own cell that is no Keras layer, with one state."""

    compute_dtype = "float32"

    def __init__(self, units, dtype=None):
        self.state_size = units

    def call(self, x, states):
        h = 0.6 * states[0] + ops.mean(x, -1, keepdims=True)
        return h, h

    __call__ = call

    def get_config(self):  # a Bidirectional copies its layer
        return {"units": self.state_size}

    @classmethod
    def from_config(cls, config):
        return cls(**config)


class LengthMask(keras.layers.Layer):
    """Booleans (batch, time): which steps are before the row's length."""

    def call(self, x, lengths):
        return ops.arange(ops.shape(x)[1], dtype="int32")[None] < lengths[:, None]


def _stacked(units, **arguments):
    made = [layers.GRUCell(units, **arguments), layers.LSTMCell(units + 1, **arguments)]
    return layers.StackedRNNCells(made, dtype=arguments.get("dtype"))


def _mixed_stack(units, dtype=None):
    made = [cells.PeepholeLSTMCell(units, dtype=dtype), OwnCell(units, dtype=dtype)]
    made.append(layers.SimpleRNNCell(units, dtype=dtype))
    return layers.StackedRNNCells(made, dtype=dtype)


# name: (cell, the layer if there is one, kinds of arguments)
CELLS = {
    "simple_rnn": (layers.SimpleRNNCell, layers.SimpleRNN, "activation bias"),
    "lstm": (layers.LSTMCell, layers.LSTM, "activation gate bias"),
    "gru": (layers.GRUCell, layers.GRU, "activation gate bias reset"),
    "peephole_lstm": (cells.PeepholeLSTMCell, None, "bias"),
    "coupled_lstm": (cells.CoupledLSTMCell, None, "bias peephole"),
    "clockwork_rnn": (cells.ClockworkRNNCell, None, "bias"),
    "scrn": (cells.SCRNCell, None, ""),
    "min_gru": (cells.MinGRUCell, None, "bias"),
    "min_lstm": (cells.MinLSTMCell, None, "bias"),
    "lru": (cells.LRUCell, None, ""),
    "stacked": (_stacked, None, "bias dropout"),
    "mixed_stack": (_mixed_stack, None, ""),
    "own": (OwnCell, None, ""),
    "plain": (PlainCell, None, ""),
}
ALWAYS_BY_CELL = ("stacked", "mixed_stack", "own", "plain")
NODE_ACTIVATIONS = ("tanh", "sigmoid", "relu", "softsign", "linear", "hard_sigmoid")
OTHER_ACTIVATIONS = ("silu", "elu", "gelu", "softplus", "exponential")
WAYS = ("forward", "backward", "concat", "sum", "mul", "ave", "pair")

CONVOLUTIONS = {
    "convolution": lambda size, **k: layers.Conv1D(size, 3, padding="same", **k),
    "causal": lambda size, **k: layers.Conv1D(size, 2, padding="causal", **k),
}
AROUND = {
    "dense": lambda size, **k: layers.Dense(size, "tanh", **k),
    "time_distributed": lambda size, **k: layers.TimeDistributed(
        layers.Dense(size, **k), **k
    ),
    "normalization": lambda size, **k: layers.LayerNormalization(**k),
    "dropout": lambda size, **k: layers.Dropout(0.5, **k),
    **CONVOLUTIONS,
}
OVER_TIME = {
    "attention": lambda size, **k: layers.Attention(**k),
    "additive_attention": lambda size, **k: layers.AdditiveAttention(**k),
    "multi_head_attention": lambda size, **k: layers.MultiHeadAttention(2, size, **k),
    "mean": lambda size, **k: layers.GlobalAveragePooling1D(**k),
    "max": lambda size, **k: layers.GlobalMaxPooling1D(**k),
}
ATTENTIONS = [name for name in OVER_TIME if name.endswith("attention")]


def _one_way(recurrent, cell, run, dtype):
    """The recurrent layer, in one direction."""
    make_cell, make_layer, _ = CELLS[cell]
    units = recurrent.units
    arguments = dict(recurrent.arguments)
    if cell == "clockwork_rnn":
        arguments["periods"], units = (1, 2), 2 * units
    if cell == "scrn":
        arguments["context_units"] = units + 1
    run = run | {
        key: arguments.pop(key)
        for key in ("stateful", "unroll", "zero_output_for_mask")
        if key in arguments
    }
    if recurrent.by_cell:
        made = make_cell(units, dtype=dtype, **arguments)
        return layers.RNN(made, dtype=dtype, **run)
    make = make_layer or RECURRENT_LAYERS[cell]
    return make(units, dtype=dtype, **arguments, **run)


def _layer(drawn, number, **more):
    """The recurrent layer of this number."""
    recurrent = drawn.recurrent[number]
    last = number == len(drawn.recurrent) - 1
    run = {
        "return_sequences": not last or drawn.return_sequences,
        "return_state": recurrent.return_state or (last and drawn.decoder),
    } | more
    backward = run | {"go_backwards": True}
    dtype = drawn.policy
    if recurrent.way == "forward":
        return _one_way(recurrent, recurrent.cell, run, dtype)
    if recurrent.way == "backward":
        return _one_way(recurrent, recurrent.cell, backward, dtype)
    forward_layer = _one_way(recurrent, recurrent.cell, run, dtype)
    backward_layer = _one_way(
        recurrent, recurrent.backward_cell or recurrent.cell, backward, dtype
    )
    return layers.Bidirectional(
        forward_layer,
        merge_mode=None if recurrent.way == "pair" else recurrent.way,
        backward_layer=backward_layer,
        dtype=dtype,
    )


class Network:
    """The layers of a model, and how tensors go through them."""

    def __init__(self, drawn):
        self.drawn, k = drawn, {"dtype": drawn.policy}
        masked = drawn.mask == "layer"
        self.first = []
        if drawn.ids:
            self.first = [layers.Embedding(9, drawn.features, mask_zero=masked, **k)]
        elif masked:
            self.first = [layers.Masking(**k)]
        self.length_mask = LengthMask() if drawn.mask == "lengths" else None
        self.before = [AROUND[name](3, **k) for name in drawn.before]
        self.recurrent = [_layer(drawn, n) for n in range(len(drawn.recurrent))]
        self.join = layers.Concatenate(**k)
        self.decoder = _layer(drawn, -1, return_sequences=True, return_state=False)
        self.after = [(AROUND | OVER_TIME)[name](2, **k) for name in drawn.after]

    def used(self):
        """All its layers."""
        found = [*self.first, *self.before, *self.recurrent, *self.after]
        found += [self.length_mask] if self.length_mask else []
        found += [self.join] if self.drawn.form != "sequential" else []
        found += [self.decoder] if self.drawn.decoder else []
        return found

    def __call__(self, tensors):
        """From a dict of inputs to the output, or to a dict of several."""
        x, arguments = tensors["x"], {}
        if self.drawn.mask == "given":
            arguments["mask"] = tensors["mask"]
        elif self.drawn.mask == "lengths":
            arguments["mask"] = self.length_mask(x, tensors["lengths"])
        for layer in (*self.first, *self.before):
            x = layer(x)
        outputs, given, states = [], 0, []
        for recurrent, layer in zip(self.drawn.recurrent, self.recurrent):
            start = {}
            if recurrent.given_state:
                sizes = state_sizes(layer)
                flat = keras.tree.flatten(sizes)
                found = [tensors[f"start_{given + i}"] for i in range(len(flat))]
                start["initial_state"] = keras.tree.pack_sequence_as(sizes, found)
                given += len(flat)
            found = layer(x, **start, **arguments)
            found = list(found) if isinstance(found, (list, tuple)) else [found]
            x = found.pop(0)
            if recurrent.way == "pair":
                x = self.join([x, found.pop(0)])
            states = found
            if recurrent.return_state:
                outputs += keras.tree.flatten(states)
        if self.drawn.decoder:
            outputs.append(self.decoder(tensors["y"], initial_state=states))
        for name, layer in zip(self.drawn.after, self.after):
            if name == "multi_head_attention":
                x = layer(x, x)
            else:
                x = layer([x, x] if name in OVER_TIME and name in ATTENTIONS else x)
        outputs = [x, *outputs]
        if len(outputs) == 1:
            return x
        return {f"y{number}": y for number, y in enumerate(outputs)}


def state_sizes(layer):
    """The sizes of a recurrent layer's states, as it takes them."""
    if isinstance(layer, layers.Bidirectional):
        both = layer.forward_layer, layer.backward_layer
        return [size for one in both for size in one.state_size]
    return layer.state_size


class Subclassed(keras.Model):
    def __init__(self, network):
        super().__init__()
        self.network, self.parts = network, network.used()

    def call(self, x):
        return self.network(x if isinstance(x, dict) else {"x": x})


def build(drawn):
    """The Keras model."""
    keras.utils.set_random_seed(drawn.seed)
    network = Network(drawn)
    if drawn.form == "sequential":
        x = _symbolic_inputs(drawn, network)["x"]
        model = keras.Sequential([x, *network.used()])
    elif drawn.form == "subclassed":
        model = Subclassed(network)
        model(packed(inputs(drawn, drawn.batch or 2, drawn.length or 5)))
    else:
        tensors = _symbolic_inputs(drawn, network)
        model = keras.Model(packed(tensors), network(tensors))
    random = np.random.default_rng(drawn.seed)
    for weight in model.trainable_weights:
        if "_log" not in weight.path:  # the LRU's must stay what they are
            value = 0.6 * np.asarray(weight) + random.normal(0, 0.2, weight.shape)
            weight.assign(value)
    return model


def packed(tensors):
    """A dict of inputs as the models take it."""
    return tensors["x"] if list(tensors) == ["x"] else tensors


def _specs(drawn, network):
    """(shape without batch, dtype) of each input by name."""
    floats = "float32"
    length = drawn.length
    x = ((length,), "int32") if drawn.ids else ((length, drawn.features), floats)
    found = {"x": x}
    if drawn.mask == "given":
        found["mask"] = ((length,), "bool")
    if drawn.mask == "lengths":
        found["lengths"] = ((), "int32")
    if drawn.decoder:
        found["y"] = ((None, drawn.features), floats)
    number = 0
    for recurrent, layer in zip(drawn.recurrent, network.recurrent):
        if recurrent.given_state:
            for size in keras.tree.flatten(state_sizes(layer)):
                found[f"start_{number}"] = ((size,), floats)
                number += 1
    return found


def _symbolic_inputs(drawn, network):
    return {
        name: keras.Input(shape, drawn.batch, dtype, name=name)
        for name, (shape, dtype) in _specs(drawn, network).items()
    }


def inputs(drawn, batch, length, seed=0):
    """Arrays for the model, by name; masks pad on the right, or are of any kind."""
    random = np.random.default_rng(seed)
    counts = random.integers(0, length + 1, batch)
    steps = np.arange(length)
    mask = steps < counts[:, None]
    if drawn.mask in ("layer", "given") and random.random() < 0.7:
        mask = random.random((batch, length)) < 0.6
    found = {}
    for name, (shape, dtype) in _specs(drawn, Network(drawn)).items():
        sizes = (batch, *[length if size is None else size for size in shape])
        if name == "x" and drawn.ids:
            found[name] = random.integers(1, 9, sizes)
        elif name == "mask":
            found[name] = mask
        elif name == "lengths":
            found[name] = counts
        else:
            found[name] = random.normal(size=sizes)
        found[name] = found[name].astype(dtype)
    if drawn.mask == "layer":
        found["x"] *= mask if drawn.ids else mask[..., None].astype("float32")
    return found


# The strategy. What is simpler stands first, so that failures shrink to it.


@st.composite
def recurrent_layers(draw, unroll, mask, stateful):
    masked = mask != "none"
    cell = draw(st.sampled_from(list(CELLS)))
    kinds = CELLS[cell][2].split()
    arguments = {}

    def maybe(name, values, kind=None):
        if (kind is None or kind in kinds) and draw(st.integers(0, 2)) == 2:
            arguments[name] = draw(st.sampled_from(values))

    maybe("activation", NODE_ACTIVATIONS + OTHER_ACTIVATIONS[:4], "activation")
    maybe("recurrent_activation", NODE_ACTIVATIONS[1:] + OTHER_ACTIVATIONS[:2], "gate")
    maybe("use_bias", [False], "bias")
    maybe("reset_after", [False], "reset")
    maybe("peephole", [True], "peephole")
    if masked:
        maybe("zero_output_for_mask", [True])
    way = draw(st.sampled_from(WAYS))
    if unroll and (way == "forward" or not masked):
        # (Unrolled, Keras masks what runs backwards in the wrong order.)
        maybe("unroll", [True])
    if stateful:
        arguments["stateful"] = True
    one_way = way in ("forward", "backward")
    other = None
    if not one_way and not arguments and draw(st.booleans()):
        # Of one output size with it, so that all merge modes work.
        same = ("simple_rnn", "lstm", "gru", "peephole_lstm", "coupled_lstm", "min_gru")
        other = draw(st.sampled_from(same)) if cell in same else None
    return Recurrent(
        cell=cell,
        units=draw(st.integers(1, 4)),
        arguments=arguments,
        by_cell=cell in ALWAYS_BY_CELL or (other is None and draw(st.booleans())),
        way=way,
        backward_cell=other,
        # (Of a stateful Bidirectional that returns states, Keras' compute_mask fails.)
        return_state=not (other or (stateful and not one_way)) and draw(st.booleans()),
        given_state=not (stateful or other) and draw(st.integers(0, 3)) == 3,
    )


@st.composite
def drawn_models(draw, depth=3):
    """Draws a `Drawn` of up to `depth` recurrent layers."""
    form = draw(st.sampled_from(["functional", "sequential", "subclassed"]))
    mask = draw(st.sampled_from(["none", "layer", "given", "lengths"]))
    # (Of a stateful subclassed model Keras has no record of what it was called on.)
    stateful = form != "subclassed" and draw(st.integers(0, 5)) == 5
    length = draw(st.sampled_from([None, None, 6]))
    parts = recurrent_layers(length is not None, mask, stateful)
    recurrent = draw(st.lists(parts, min_size=1, max_size=depth))
    if form == "sequential":
        mask = {"given": "none", "lengths": "layer"}.get(mask, mask)
        recurrent = [
            dataclasses.replace(
                part,
                return_state=False,
                given_state=False,
                way="concat" if part.way == "pair" else part.way,
            )
            for part in recurrent
        ]
    last = recurrent[-1]
    plain = not (last.given_state or stateful) and last.way == "forward"
    decoder = form != "sequential" and plain and draw(st.integers(0, 4)) == 4
    return_sequences = draw(st.booleans())
    around = st.sampled_from(list(AROUND))
    vectors = st.sampled_from(["dense", "normalization", "dropout"])
    after = draw(st.lists(around if return_sequences else vectors, max_size=2))
    if return_sequences and draw(st.integers(0, 2)) == 2:
        names = ["mean", "max"] if form == "sequential" else list(OVER_TIME)
        after.append(draw(st.sampled_from(names)))
    policies = ["float32"]
    if not any(part.cell == "plain" for part in recurrent):  # it knows nothing of them
        policies = ["float32"] * 4 + ["mixed_float16", "mixed_bfloat16"]
    return Drawn(
        form=form,
        features=draw(st.integers(1, 3)),
        ids=draw(st.booleans()),
        length=length,
        batch=2 if stateful else draw(st.sampled_from([None, None, None, 2])),
        mask=mask,
        before=tuple(draw(st.lists(around, max_size=2))),
        recurrent=tuple(recurrent),
        return_sequences=return_sequences,
        decoder=decoder,
        after=tuple(after),
        policy=draw(st.sampled_from(policies)),
        seed=draw(st.integers(0, 3)),
    )
