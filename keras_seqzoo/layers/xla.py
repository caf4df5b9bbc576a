"""Whether XLA compiles what runs here, on TensorFlow, and how to have it compiled."""

from collections.abc import Callable

import keras


def compiled(function: Callable) -> Callable:
    """The function, compiled by XLA inside a TensorFlow graph that is not already."""
    if keras.backend.backend() != "tensorflow" or under_xla():
        return function
    import tensorflow as tf

    return tf.function(function, jit_compile=True, autograph=False)


def under_xla() -> bool:
    """Whether TensorFlow is tracing a function that XLA compiles."""
    if keras.backend.backend() != "tensorflow":
        return False
    import tensorflow as tf

    # TensorFlow has no public way to ask.
    from tensorflow.python.ops import control_flow_util

    graph = tf.compat.v1.get_default_graph()
    return control_flow_util.GraphOrParentsInXlaContext(graph)
