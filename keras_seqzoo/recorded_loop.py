"""The loop of a recurrent layer one step at a time, each state seen by a tape."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf


@dataclasses.dataclass
class Run:
    """One call of a recurrent layer.

    Attributes:
        layer: The layer.
        valid: `(time, batch)`, whether a step counts.
        states: The states as the cell made them, a list for each step.
    """

    layer: keras.layers.RNN
    valid: np.ndarray
    states: list[list[tf.Tensor]]

    def squared_norms(self, gradients: list[list[tf.Tensor]]) -> np.ndarray:
        """Squared norms `(states, time, batch)` of the gradients of `states`."""
        # In float64, for squares of float32 vanish at once.
        arrays = [[tf.cast(g, "float64").numpy() for g in step] for step in gradients]
        squares = [
            [(g**2).reshape(len(g), -1).sum(axis=1) for g in step] for step in arrays
        ]
        return np.moveaxis(np.array(squares), 1, 0)

    def mean(self, norms: np.ndarray) -> np.ndarray:
        """Means `(..., time)` of norms `(..., time, batch)` over the valid steps."""
        sums = np.where(self.valid, norms, 0.0).sum(axis=-1)
        return sums / np.maximum(self.valid.sum(axis=-1), 1)


def recorded_loop(
    layer: keras.layers.RNN,
    sequences: tf.Tensor,
    initial_state: list,
    mask: Any,
    training: bool = False,
    *,
    tape: tf.GradientTape,
    runs: list[Run],
) -> tuple[tf.Tensor, tf.Tensor, list]:
    """What `layer.inner_loop` returns, one step at a time.

    Args:
        layer: The layer.
        sequences: `(batch, time, ...)`.
        initial_state: Its states before the first step, each `(batch, ...)`.
        mask: Booleans `(batch, time)` or None.
        training: Not used.
        tape: Watches the states as the cell makes them.
        runs: The call is put at its end.

    Raises:
        ValueError: The layer runs in a graph.
    """
    del training  # Keras hands it to the cell by itself
    if not tf.executing_eagerly():
        raise ValueError(
            "A recurrent layer must run eagerly, and not in a graph as that of "
            f"tf.vectorized_map. Received: layer {layer.name}"
        )
    steps = tf.unstack(sequences, axis=1)  # time times (batch, features)
    masked = mask is not None
    mask = keras.tree.flatten(mask)[0] if masked else tf.ones(sequences.shape[:2])
    mask = tf.reshape(tf.cast(mask, "bool"), sequences.shape[:2])
    order = range(len(steps))
    order = reversed(order) if layer.go_backwards else order

    # The tape must see each step, also of a model that is frozen.
    states = keras.tree.map_structure(tf.convert_to_tensor, initial_state)
    _watch(tape, [sequences, states])
    outputs, recorded = [], [[] for _ in steps]
    for t in order:
        # Copies, so that a state which the cell passes on is another tensor each step.
        before = keras.tree.map_structure(tf.identity, states)
        output, states = layer.cell(steps[t], before)
        recorded[t] = keras.tree.flatten(states)
        _watch(tape, recorded[t])
        if masked:
            held = tf.zeros_like(output)
            if outputs and not layer.zero_output_for_mask:
                held = outputs[-1]
            output = _where(mask[:, t], output, held)
            states = [
                _where(mask[:, t], new, old)
                for new, old in zip(recorded[t], keras.tree.flatten(before))
            ]
        states = keras.tree.pack_sequence_as(before, keras.tree.flatten(states))
        outputs.append(output)
    runs.append(Run(layer, mask.numpy().T, recorded))
    return outputs[-1], tf.stack(outputs, axis=1), states


def _watch(tape: tf.GradientTape, tensors: Any) -> None:
    for tensor in keras.tree.flatten(tensors):
        if tensor.dtype.is_floating:
            tape.watch(tensor)


def _where(mask: tf.Tensor, new: tf.Tensor, old: tf.Tensor) -> tf.Tensor:
    """`new` in the rows where `mask` (batch,) is true, `old` in the others."""
    return tf.where(tf.reshape(mask, [-1] + [1] * (len(new.shape) - 1)), new, old)


@contextlib.contextmanager
def inner_loops(layers: list, loop: Callable) -> Iterator[None]:
    """While open, the layers run in `loop`, and no function is compiled."""
    eagerly = tf.config.functions_run_eagerly()
    originals = [dict(vars(layer)) for layer in layers]
    try:
        tf.config.run_functions_eagerly(True)
        for layer in layers:
            # Past Keras' tracking of attributes: it is no part of the layer.
            vars(layer)["inner_loop"] = functools.partial(loop, layer)
            # On a GPU Bidirectional would run both its LSTMs as one cuDNN call.
            if "use_cudnn" in vars(layer):
                vars(layer)["use_cudnn"] = False
        yield
    finally:
        tf.config.run_functions_eagerly(eagerly)
        for layer, original in zip(layers, originals):
            for name in ("inner_loop", "use_cudnn"):
                vars(layer).pop(name, None)
                if name in original:
                    vars(layer)[name] = original[name]
