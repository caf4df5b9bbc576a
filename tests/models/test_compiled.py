"""Graphs of models' own functions."""

import logging

import tensorflow as tf

from keras_seqzoo.models.compiled import compiled


class Times:
    def __init__(self, factor):
        self.factor = factor

    def call(self, x):
        return self.factor * x


def test_many_models_of_a_class_are_no_retracing(caplog):
    spec = tf.TensorSpec((None,), tf.int32)
    with caplog.at_level(logging.WARNING, logger="tensorflow"):
        for factor in range(8):
            function = compiled(Times(factor).call, [spec])
            assert function(tf.constant([1, 2])).numpy().tolist() == [
                factor,
                2 * factor,
            ]
            assert function(tf.constant([3])).numpy().tolist() == [3 * factor]
            assert function.experimental_get_tracing_count() == 1
    assert "retracing" not in caplog.text
