import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.export.serving import serving_function
from keras_seqzoo.export.tracing import (
    concrete_function,
    for_inference,
    frozen_function,
)


def model():
    keras.utils.set_random_seed(0)
    x = keras.Input((6, 2), name="x")
    gru = keras.layers.GRU(
        3, dropout=0.3, recurrent_dropout=0.2, unroll=True, dtype="mixed_bfloat16"
    )
    return keras.Model(x, keras.layers.Dense(2, name="head")(gru(x)))


def test_settings_hold_while_it_is_open_and_no_longer():
    found = model()
    gru = found.layers[1]
    with for_inference(found):
        assert (gru.cell.dropout, gru.cell.recurrent_dropout) == (0.0, 0.0)
        assert not gru.unroll and gru.compute_dtype == "float32"
    assert (gru.cell.dropout, gru.cell.recurrent_dropout) == (0.3, 0.2)
    assert gru.unroll and gru.compute_dtype == "bfloat16"


def test_a_backward_layer_that_zeroes_masked_steps_stays_unrolled():
    x = keras.Input((6, 2))
    options = {"go_backwards": True, "unroll": True, "zero_output_for_mask": True}
    found = keras.Model(x, keras.layers.SimpleRNN(3, **options)(x))
    with for_inference(found):
        assert found.layers[1].unroll


def operators(function):
    graph = function.graph.as_graph_def()
    nodes = [*graph.node, *(n for f in graph.library.function for n in f.node_def)]
    return {node.op for node in nodes}


def test_the_graph_has_a_loop_and_nothing_random():
    served = serving_function(model())
    found = operators(concrete_function(served))
    assert {"While", "StatelessWhile"} & found
    assert not [op for op in found if "Random" in op or "Dropout" in op]


def test_the_frozen_graph_holds_its_weights():
    served = serving_function(model())
    function = frozen_function(served)
    x = tf.constant(np.random.default_rng(0).normal(size=(3, 6, 2)), tf.float32)
    ((name, expected),) = served.call({"x": x}).items()
    served.model.layers[-1].kernel.assign(np.zeros((3, 2)))
    assert not {"ReadVariableOp", "VarHandleOp"} & operators(function)
    np.testing.assert_allclose(function(x=x)[name], expected, atol=2e-2)
    assert np.abs(function(x=x)[name]).max() > 0.01
