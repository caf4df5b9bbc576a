"""Layers as single ONNX nodes: which, how many, and that they compute the same."""

import collections

import keras
import onnx
import pytest

from keras_seqzoo.export import export, fused_nodes
from keras_seqzoo.layers import PeepholeLSTM

QUICK = {"batches": (1, 3), "lengths": (1, 17)}


def directions(path):
    """How many nodes the file has of each operator and direction."""
    nodes = onnx.load(path).graph.node
    found = [(n.op_type, a.s.decode()) for n in nodes for a in n.attribute
             if a.name == "direction"]  # fmt: skip
    return dict(collections.Counter(found))


def test_a_bidirectional_layer_is_one_onnx_node(masked_model, tmp_path):
    path = tmp_path / "x.onnx"
    layers = keras.layers
    x = keras.Input((None, 5), name="x")
    mask = keras.Input((None,), dtype="bool", name="mask")
    starts = [keras.Input((3,), name=f"start_{n}") for n in range(4)]
    lstm = layers.LSTM(3, return_sequences=True, return_state=True)
    y, *ends = layers.Bidirectional(lstm, merge_mode="mul")(
        x, mask=mask, initial_state=starts
    )
    # Functions with and without parameters, which ONNX lists one after the other.
    one = layers.GRU(4, activation="hard_sigmoid", return_sequences=True)
    other = layers.GRU(4, recurrent_activation="linear", go_backwards=True,
                       use_bias=False, return_sequences=True)  # fmt: skip
    z = layers.Bidirectional(one, backward_layer=other, merge_mode="sum")(y)
    last = layers.SimpleRNN(2, go_backwards=True)(z)
    both = layers.Bidirectional(
        PeepholeLSTM(2), backward_layer=layers.LSTM(2, go_backwards=True)
    )
    outputs = [y, *ends, z, last, both(z)]
    report = export(keras.Model([x, mask, *starts], outputs), path, **QUICK)
    assert report.max_difference <= 2e-6
    assert directions(path) == {
        ("LSTM", "bidirectional"): 1,
        ("GRU", "bidirectional"): 1,
        ("RNN", "reverse"): 1,
        # A peephole layer and one without cannot share a node.
        ("LSTM", "forward"): 1,
        ("LSTM", "reverse"): 1,
    }


@pytest.mark.parametrize("merge_mode", ["concat", "sum", None])
def test_a_bidirectional_layer_turns_nothing_round(merge_mode, tmp_path):
    x = keras.Input((None, 5), name="x")
    gru = keras.layers.GRU(4, return_sequences=True)
    both = keras.layers.Bidirectional(gru, merge_mode=merge_mode)
    report = export(keras.Model(x, both(x)), tmp_path / "x.onnx", **QUICK)
    assert {"GRU", "Split"} <= set(report.operators)
    assert not {"Slice", "Gather", "Shape"} & set(report.operators)


@pytest.mark.parametrize("activation", ["celu", "gelu"])
def test_activations_that_onnx_lacks(activation, tmp_path):
    x = keras.Input((None, 2))
    model = keras.Model(x, keras.layers.LSTM(3, activation=activation)(x))
    export(model, tmp_path / "x.onnx", streaming=False, **QUICK)  # compares


def test_which_layers_share_a_node():
    def node(layer, kind):
        layer.build((None, None, 3))
        return kind(layer.cell)

    gru, lstm = fused_nodes._gru, fused_nodes._lstm
    layers = keras.layers
    one = node(layers.GRU(4), gru)
    assert one[1]["W"].shape == (1, 12, 3) and one[1]["B"].shape == (1, 24)
    assert fused_nodes._fit(one, node(layers.GRU(4, activation="relu"), gru))
    assert fused_nodes._fit(one, node(layers.GRU(4, use_bias=False), gru))
    assert not fused_nodes._fit(one, node(layers.GRU(5), gru))
    assert not fused_nodes._fit(one, node(layers.GRU(4, reset_after=False), gru))
    assert not fused_nodes._fit(one, node(layers.LSTM(4), lstm))
    assert node(layers.GRU(4, activation="gelu"), gru) is None
