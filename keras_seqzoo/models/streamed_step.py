"""A zoo model as a function of a chunk of time and of the states before it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.streaming import carried_states, streamed_layers

Arrays = dict[str, np.ndarray]


def streamed_step(model: ZooModel) -> Callable[[Arrays, Any], tuple[Arrays, Any]]:
    """A model's `serve` in chunks, as `Runner.step` is of an exported file.

    Args:
        model: One that streams; its weights are read at each call.

    Returns:
        `(inputs, states) -> answer, states`, of one sequence, inputs `(1, time, ...)`;
        states None at the start.

    Raises:
        NotStreamable: A layer reads its sequence from the end.
    """
    layers = streamed_layers(model)
    with carried_states(layers) as calls:
        model.serve(model.served_examples(1, 1))
    first = [state for call in calls for state in call.start]

    @tf.function(reduce_retracing=True)
    def step(inputs, states):
        with carried_states(layers, states) as calls:
            answer = model.serve(inputs)
        return answer, [state for call in calls for state in call.end]

    def step_from(inputs, states=None):
        inputs = {name: tf.constant(x) for name, x in inputs.items()}
        answer, states = step(inputs, first if states is None else states)
        return {name: x.numpy() for name, x in answer.items()}, states

    return step_from
