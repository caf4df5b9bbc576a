"""How far back in time the gradient of a loss reaches."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.recorded_loop import Run, inner_loops, recorded_loop

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["GradientFlow", "gradient_flow"]


@dataclasses.dataclass(frozen=True, eq=False)
class GradientFlow:
    """The size of d loss / d h_t at every time step of every recurrent layer.

    The keys are the layers' names (their paths, where a name comes twice), in the
    order they ran; each cell of a `keras.layers.StackedRNNCells` has its own, as
    `rnn[0]`, and each further call of a shared layer, as `lstm (call 2)`. The arrays
    are float64, and t is the place in the input sequence, also for a layer that reads
    it backwards.

    Attributes:
        loss: The batch's loss L.
        norms: |dL/dh_t|, `(time,)`; h is the first of the layer's states.
        state_norms: The same of each state, `(states, time)`, in the order of
            `return_state`; of an LSTM |dL/dh_t| and |dL/dc_t|.
        whole_norms: The norm of all states' derivatives as one vector, `(time,)`.
    """

    loss: float
    norms: dict[str, np.ndarray]
    state_norms: dict[str, np.ndarray]
    whole_norms: dict[str, np.ndarray]

    def __str__(self) -> str:
        width = max(len(name) for name in ["|dL/dh_t| of", *self.norms])
        lines = [
            f"loss {self.loss:.6g}",
            f"{'|dL/dh_t| of':<{width}}  steps  first step   last step  smallest",
        ]
        for name, norms in self.norms.items():
            first, last, smallest = (f"{x:.1e}" for x in (*norms[[0, -1]], norms.min()))
            lines.append(
                f"{name:<{width}}  {len(norms):>5}  {first:>10}  {last:>10}"
                f"  {smallest:>8}"
            )
        return "\n".join(lines)

    def plot(self, where: str | Path | Axes) -> Axes:
        """Draw `norms` against the time step on a log scale, one line a layer.

        Args:
            where: A file to write, or the matplotlib axes to draw on.

        Returns:
            The axes.

        Raises:
            ImportError: without matplotlib, which is in the extra `plots`.
            ValueError: if `where` is neither, or in a folder that is not there.
        """
        try:
            from matplotlib.axes import Axes
            from matplotlib.figure import Figure
        except ImportError:
            raise ImportError(
                "A plot needs matplotlib: pip install 'keras_seqzoo[plots]'"
            ) from None

        axes = where
        if isinstance(where, str | os.PathLike):
            file = Path(where)
            if not file.name or not file.parent.is_dir():
                raise UserError(
                    "`where` must be a file in a folder that is there. Received: "
                    f"where={str(where)!r}"
                )
            axes = Figure(figsize=(7, 4), layout="constrained").subplots()
        elif not isinstance(where, Axes):
            raise UserError(
                f"`where` must be a file or matplotlib axes. Received: where={where!r}"
            )
        for name, norms in self.norms.items():
            # A log scale has no place for the zeros of masked steps.
            axes.plot(np.where(norms > 0, norms, np.nan), label=name)
        axes.set(yscale="log", xlabel="time step", ylabel="|dL/dh_t|")
        axes.legend()
        if axes is not where:
            axes.figure.savefig(where)
        return axes


def gradient_flow(
    model: keras.Model,
    batch: tuple,
    loss: Any = None,
    layer: keras.Layer | str | None = None,
) -> GradientFlow:
    """Measure how much each time step's state matters to the loss.

    For each recurrent layer (this package's, Keras' own, `keras.layers.RNN` of any
    cell; also inside `Bidirectional`, `RNNStack` and nested models) and each step t it
    takes the derivative of the loss with respect to the hidden state h_t, its L2 norm
    over the units, and the mean of that over the batch. In a network that forgets, it
    falls off exponentially with the distance from the steps that the loss reads: the
    vanishing gradient (Hochreiter 1991; Bengio et al. 1994; Pascanu et al. 2013, arXiv
    1211.5063).

    The derivative is the total one. It counts all that is computed from the tensor
    that the cell returned as its state: the output at t, all later steps, and those
    states of the same step that are made from it. So an LSTM's dL/dc_t includes what
    goes through h_t = o ⊙ tanh(c_t), as in the textbooks' backward pass, while its
    dL/dh_t does not include c_t, which is made before h_t; h_t reaches later steps
    through the gates alone. To compare cells by what they can learn, take
    `whole_norms`, for much of an LSTM's gradient travels in c and of an SCRN's in s. A
    counter among the states, as the clockwork RNN's, has norm 0.

    A layer's `tbptt_steps` cuts nothing here: what training with them leaves out is in
    the norms.

    A masked step computes nothing that is kept: its example is left out of that step's
    mean, and a step that is masked in all examples has norm 0.

    The model runs once, eagerly, as in inference (no dropout), one step at a time, in
    its own precision, and is left as it was, states of stateful layers included. Only
    on the TensorFlow backend.

    Args:
        model: A built model: functional, Sequential, subclassed or a zoo model.
        batch: `(inputs, targets)` or `(inputs, targets, sample_weight)`, as `fit`
            takes them.
        loss: A `keras.losses.Loss`, a loss's name, or a function
            `(targets, outputs) -> tensor`, of which the mean is taken. By default
            the loss that the model was compiled with. Where it is a mean over the
            batch, as Keras' losses are, each example's gradient is a share of that.
        layer: A layer of the model or its name, to measure that one alone; of a
            wrapper or stack, the recurrent layers in it.

    Raises:
        ValueError: if an argument is wrong, no recurrent layer ran, or one runs in a
            graph, as under `tf.vectorized_map`.
    """
    if keras.config.backend() != "tensorflow":
        raise ValueError(
            "gradient_flow needs the TensorFlow backend. Received: "
            f"backend={keras.config.backend()!r}"
        )
    if not isinstance(model, keras.Model) or not model.built:
        raise ValueError(f"`model` must be a built keras.Model. Received: {model!r}")
    if not isinstance(batch, tuple) or len(batch) not in (2, 3):
        size = f" of {len(batch)}" if isinstance(batch, tuple | list) else ""
        raise ValueError(
            "`batch` must be a tuple (inputs, targets) or (inputs, targets, "
            f"sample_weight). Received: a {type(batch).__name__}{size}"
        )
    inputs, targets, sample_weight = keras.utils.unpack_x_y_sample_weight(batch)
    layers = _recurrent_layers(model, layer)
    _check_shapes(model, inputs)

    runs: list[Run] = []
    tape = tf.GradientTape(watch_accessed_variables=False)
    loop = functools.partial(recorded_loop, tape=tape, runs=runs)
    with _left_as_it_was(model), inner_loops(layers, loop), tape:
        outputs = model(inputs, training=False)
        value = _loss(model, loss, inputs, targets, outputs, sample_weight)
    if not runs:
        raise ValueError(
            "`model` must run the layer on this batch. Received: a call that did not "
            f"run {', '.join(x.name for x in layers)}"
        )
    gradients = tape.gradient(
        value,
        [run.states for run in runs],
        unconnected_gradients=tf.UnconnectedGradients.ZERO,
    )

    flow = GradientFlow(float(value), {}, {}, {})
    seen = Counter()
    names = _names(_recurrent_layers(model, None))
    for run, gradient in zip(runs, gradients):
        name = names[id(run.layer)]
        seen[name] += 1
        call = f" (call {seen[name]})" if seen[name] > 1 else ""
        squares = run.squared_norms(gradient)  # (states, time, batch)
        for part, own in _states_by_cell(run.layer.cell).items():
            key = f"{name}{part}{call}"
            flow.state_norms[key] = run.mean(np.sqrt(squares[own]))
            flow.whole_norms[key] = run.mean(np.sqrt(squares[own].sum(axis=0)))
            flow.norms[key] = flow.state_norms[key][0]
    return flow


def _check_shapes(model: keras.Model, inputs: Any) -> None:
    """Errors for inputs that Keras would print, or that hold nothing."""
    arrays = [x for x in keras.tree.flatten(inputs) if hasattr(x, "shape")]
    shapes = [tuple(x.shape) for x in arrays]
    if any(0 in shape for shape in shapes):
        raise UserError(
            "`batch` must have one example and one step or more. Received: inputs of "
            f"shapes {shapes}"
        )
    wanted = [tuple(x.shape) for x in getattr(model, "inputs", None) or []]
    if len(shapes) == len(wanted) and not all(map(_has_rank, shapes, wanted)):
        raise UserError(
            f"`batch` must have inputs of shapes {wanted}. Received: shapes {shapes}"
        )


def _has_rank(shape: tuple, wanted: tuple) -> bool:
    """Whether the ranks are the same, once Keras adds or drops a last axis of 1."""
    one, other = sorted([shape, wanted], key=len)
    return len(one) == len(other) or (len(one) == len(other) - 1 and other[-1] == 1)


@contextlib.contextmanager
def _left_as_it_was(model: keras.Model) -> Iterator[None]:
    """Afterwards put back what a call changes: carried states, seeds, metrics."""
    carried = [x.states for x in _recurrent_layers(model, None) if x.states is not None]
    variables = [
        *model.non_trainable_variables,
        *model.metrics_variables,
        *keras.tree.flatten(carried),
    ]
    values = [tf.identity(variable.value) for variable in variables]
    try:
        yield
    finally:
        for variable, value in zip(variables, values):
            variable.assign(value)


def _loss(model, loss, inputs, targets, outputs, sample_weight) -> tf.Tensor:
    """The loss as a scalar."""
    targets, sample_weight = (
        None if x is None else keras.tree.map_structure(keras.ops.convert_to_tensor, x)
        for x in (targets, sample_weight)
    )
    if loss is None:
        if not model.compiled:
            raise ValueError(
                "`loss` must be given for a model that is not compiled. Received: "
                "loss=None"
            )
        return model.compute_loss(inputs, targets, outputs, sample_weight)
    loss = keras.losses.get(loss)
    if isinstance(loss, keras.losses.Loss):
        return tf.reduce_mean(loss(targets, outputs, sample_weight))
    if sample_weight is not None:
        raise ValueError(
            "With sample weights `loss` must be a keras.losses.Loss or None. Received: "
            f"loss={loss!r}"
        )
    return tf.reduce_mean(loss(targets, outputs))


def _recurrent_layers(model: keras.Model, layer: Any) -> list[keras.layers.RNN]:
    """The model's recurrent layers at any depth, or those in `layer`."""
    # Keras' public `layers` stops short of wrapped layers.
    layers = model._flatten_layers()
    found = [x for x in layers if isinstance(x, keras.layers.RNN)]
    if not found:
        raise ValueError(
            "`model` must have a recurrent layer (keras.layers.RNN or a subclass). "
            f"Received: model {model.name} without one"
        )
    if layer is None:
        return found
    inside = {
        id(part)
        for x in layers
        if x is layer or (isinstance(layer, str) and layer in (x.name, x.path))
        for part in x._flatten_layers()
    }
    chosen = [x for x in found if id(x) in inside]
    if not chosen:
        raise ValueError(
            "`layer` must be a recurrent layer of the model, or hold one: "
            f"{', '.join(_names(found).values())}. Received: layer={layer!r}"
        )
    return chosen


def _names(layers: list) -> dict[int, str]:
    """By id, the layers' names; the paths of those that share a name."""
    count = Counter(layer.name for layer in layers)
    return {id(x): x.name if count[x.name] == 1 else x.path for x in layers}


def _states_by_cell(cell: Any) -> dict[str, slice]:
    """Which of a layer's states, laid flat, belong to which of its cells."""
    if not isinstance(cell, keras.layers.StackedRNNCells):
        return {"": slice(None)}
    parts, start = {}, 0
    for i, one in enumerate(cell.cells):
        stop = start + len(keras.tree.flatten(one.state_size))
        parts[f"[{i}]"] = slice(start, stop)
        start = stop
    return parts
