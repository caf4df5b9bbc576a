"""Keeps a preset's config from making a model that its weights could never fill."""

import contextlib
from collections.abc import Iterator, Mapping

import numpy as np

from keras_seqzoo.errors import UserError


@contextlib.contextmanager
def no_larger_than(weights: Mapping[str, np.ndarray]) -> Iterator[None]:
    """Within it a variable far beyond these weights is refused before it is made.

    Whether names and shapes agree is checked afterwards, exactly; this is about a
    config of a few bytes that would take all memory first.

    Raises:
        UserError: at the first variable that is too much.
    """
    import tensorflow as tf

    # Twice as much, and room for what is no weight: random states, one a layer.
    most_variables = 10 * len(weights) + 100
    total = sum(array.size for array in weights.values())
    most_values = 2 * total + 1_000_000
    variables, values = 0, 0

    def create(next_creator, **arguments):
        nonlocal variables, values
        variables += 1
        initial_value = arguments["initial_value"]
        if callable(initial_value):
            # Traced, not run: the shape is known and nothing is computed.
            traced = tf.function(initial_value, autograph=False)
            initial_value = traced.get_concrete_function().outputs[0]
        values += tf.convert_to_tensor(initial_value).shape.num_elements()
        if variables > most_variables or values > most_values:
            raise UserError(
                "the config must make a model of the size of its weights, "
                f"{len(weights)} with {total} values. Received: a model of at least "
                f"{variables} variables with {values} values"
            )
        return next_creator(**arguments)

    with tf.variable_creator_scope(create):
        yield
