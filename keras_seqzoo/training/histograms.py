"""TensorBoard's histograms of what goes on inside recurrent layers."""

import contextlib
import pathlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.cells import CoupledLSTMCell, PeepholeLSTMCell

# What a cell's `recurrent_activation` computes, in the order of its calls.
GATES = {
    keras.layers.LSTMCell: ("input", "forget", "output"),
    keras.layers.GRUCell: ("update", "reset"),
    PeepholeLSTMCell: ("input", "forget", "output"),
    CoupledLSTMCell: ("forget", "output"),
}


def gate_values(model: keras.Model, inputs: Any) -> dict[str, np.ndarray]:
    """The gates' values in every recurrent layer of a model.

    Args:
        model: With layers of `keras.layers.RNN` whose cells are in `GATES`.
        inputs: A batch without padding: its steps would count too.

    Returns:
        "<layer>/<gate>" -> values (steps, batch, units), between 0 and 1, the steps in
        the order in which the layer takes them.
    """
    found = {}
    with contextlib.ExitStack() as taps:
        for name, cell in _cells(model):
            found[name] = taps.enter_context(_tapped(cell))
        model(inputs, training=False)
    gates = {}
    for (name, cell), calls in zip(_cells(model), found.values()):
        names = GATES[type(cell)]
        for i, gate in enumerate(names):
            steps = [np.asarray(values) for values in calls[i :: len(names)]]
            if len(steps) > 1 and np.array_equal(steps[0], steps[1]):
                del steps[0]  # Keras calls the cell once more, to see its outputs
            gates[f"{name}/{gate}"] = np.stack(steps)
    return gates


def gradients(
    model: keras.Model, inputs: Any, targets: Any, weights: Any
) -> dict[str, np.ndarray]:
    """The loss's gradient of each trainable weight, by the weight's path."""
    with tf.GradientTape() as tape:
        outputs = model(inputs, training=False)
        loss = model.compute_loss(inputs, targets, outputs, weights, training=False)
    variables = model.trainable_weights
    found = tape.gradient(loss, [variable.value for variable in variables])
    return {
        variable.path: np.asarray(tf.convert_to_tensor(gradient))
        for variable, gradient in zip(variables, found)
        if gradient is not None
    }


class Histograms(keras.callbacks.Callback):
    """Writes gates, gradients and weights on one batch after each epoch.

    Args:
        folder: Of TensorBoard's files.
        batch: `(inputs, targets, weights)` without padding.
    """

    def __init__(self, folder: pathlib.Path, batch: tuple) -> None:
        super().__init__()
        self.folder = folder
        self.batch = batch

    def on_train_begin(self, logs: dict | None = None) -> None:
        self._writer = tf.summary.create_file_writer(str(self.folder))

    def on_train_end(self, logs: dict | None = None) -> None:
        self._writer.close()

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        with self._writer.as_default(epoch):
            for name, values in gate_values(self.model, self.batch[0]).items():
                tf.summary.histogram(f"gate/{name}", values)
            for name, values in gradients(self.model, *self.batch).items():
                tf.summary.histogram(f"gradient/{name}", values)
            for variable in self.model.trainable_weights:
                tf.summary.histogram(f"weight/{variable.path}", variable)
        self._writer.flush()


def _cells(model: keras.Model) -> Iterator[tuple[str, Any]]:
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.RNN) and type(layer.cell) in GATES:
            yield layer.path, layer.cell


@contextlib.contextmanager
def _tapped(cell: Any) -> Iterator[list]:
    """A list of all that the cell's `recurrent_activation` gives, call by call."""
    values, activation = [], cell.recurrent_activation

    def tap(z: Any) -> Any:
        values.append(activation(z))
        return values[-1]

    cell.recurrent_activation = tap
    try:
        yield values
    finally:
        cell.recurrent_activation = activation
