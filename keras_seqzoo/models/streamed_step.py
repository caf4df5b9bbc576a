"""A zoo model as a function of a chunk of time and of the states before it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.runtime.runner import ArrayStream, checked
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


class SteppedModel(ZooModel):
    """A zoo model of one input and one direction, whose arrays come in chunks."""

    _step = None

    def step(
        self, inputs: Arrays | np.ndarray, states: Any = None
    ) -> tuple[Arrays, Any]:
        """`serve` of the next steps of one sequence, as `Runner.step`.

        Args:
            inputs: The input `(1, time, ...)` by its name, or alone.
            states: What the call for the steps before returned; None to start.

        Raises:
            UserError: The input is missing, or of another dtype or shape.
        """
        ((name, spec),) = self.served_inputs().items()
        if not isinstance(inputs, dict):
            inputs = {name: inputs}
        shape = [1, "time", *spec.shape[2:]]
        inputs = checked(inputs, {name: {"dtype": spec.dtype, "shape": shape}})
        if self._step is None:  # once: making it takes seconds
            self._step = streamed_step(self)
        return self._step(inputs, states)

    def stream(self) -> ArrayStream:
        """A function of the next steps, as `step` takes them, that keeps the states."""
        return ArrayStream(self)
