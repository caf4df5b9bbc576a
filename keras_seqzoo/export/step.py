"""The `step` signature: a chunk of time in, and the recurrent states in and out.

Inputs and outputs are those of `serve`, and besides them for each state an input
`state_<i>` and an output `next_state_<i>`, in the order in which the layers run.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import first_line
from keras_seqzoo.export.layer_settings import all_layers, plain_errors
from keras_seqzoo.export.serving import Served
from keras_seqzoo.export.tracing import for_inference
from keras_seqzoo.streaming import (
    READ_WHOLE,
    NotStreamable,
    called_instead,
    carried_states,
    streamed_layers,
)

# Keras itself must give the same in chunks, up to this part of the largest value.
KERAS_TOLERANCE = 1e-4

LENGTHS = (12, 64)  # the second for models that need more steps than the first
CHUNKS = (1, 1, 4)  # and then the rest


@dataclasses.dataclass
class State:
    """One recurrent state.

    Attributes:
        name: of the input; the output is `next_<name>`.
        layer: the name of the layer it is of.
        start: its value before the first step, without the batch axis.
    """

    name: str
    layer: str
    start: np.ndarray

    @property
    def next_name(self) -> str:
        return f"next_{self.name}"


@dataclasses.dataclass
class Step:
    """A model as a function of a chunk and the states before it.

    Attributes:
        served: that function; its `example` starts from the first states.
        states: the states, in order.
        sequences: the names of the inputs that come in chunks, along axis 1; the
            others are given whole with each chunk.
        time_axes: for each output of the model the axis along which the chunks'
            answers are joined; None where the last answer is the whole one.
        inputs: function `(batch, length, seed)` to whole sequences to try it on.
        carrying: makes of another function of a chunk (from text, say) one that
            takes and gives the states too.
    """

    served: Served
    states: list[State]
    sequences: list[str]
    time_axes: dict[str, int | None]
    inputs: Callable
    carrying: Callable[[Callable], Callable]

    def first_states(self, batch: int) -> dict[str, np.ndarray]:
        """The states to start from, by name, each (batch, ...)."""
        return {s.name: np.stack([s.start] * batch) for s in self.states}

    def answer(
        self, run: Callable, inputs: dict[str, np.ndarray], chunks: Sequence[int]
    ) -> dict[str, np.ndarray]:
        """Runs a sequence in chunks of so many steps of time each.

        Returns:
            The whole answer.
        """
        chunks = [self.served.unit * chunk for chunk in chunks]
        batch = len(next(iter(inputs.values())))
        states, answers = self.first_states(batch), []
        for chunk in _cut(inputs, self.sequences, chunks):
            answer = run(chunk | states)
            states = {s.name: answer.pop(s.next_name) for s in self.states}
            answers.append(answer)
        return {
            name: np.concatenate([a[name] for a in answers], self.time_axes[name])
            if self.time_axes[name] is not None
            else answers[-1][name]
            for name in answers[0]
        }


def step_function(served: Served) -> Step:
    """Makes the step of a model, after seeing that Keras gives the same in chunks.

    Raises:
        NotStreamable: if it does not; the message names the layer and says why.
    """
    layers = streamed_layers(served.model)
    try:
        with for_inference(served.model), plain_errors():
            inputs, whole, calls = _whole(served, layers)
            sequences = _sequences(served, calls[0])
            parts = _parts(served, layers, inputs, sequences)
    except NotStreamable:
        raise
    except Exception as error:  # whatever a model may do that nobody thought of
        raise NotStreamable(f"trying it failed: {first_line(error)}") from error
    time_axes = _time_axes(whole, parts)
    starts = [(call.layer.name, state) for call in calls for state in call.start]
    states = [
        State(f"state_{number}", layer, np.asarray(state)[0])
        for number, (layer, state) in enumerate(starts)
    ]
    names = [state.name for state in states]
    taken = {*names, *(s.next_name for s in states)} & {*served.inputs, *time_axes}
    if taken:
        raise NotStreamable(
            f"the model has an input or output of its own named {min(taken)!r}"
        )

    def carrying(call):
        def step(tensors):
            inputs = {name: x for name, x in tensors.items() if name not in names}
            with carried_states(layers, [tensors[name] for name in names]) as made:
                outputs = dict(call(inputs))
            ends = [state for call in made for state in call.end]
            return outputs | {s.next_name: end for s, end in zip(states, ends)}

        return step

    def example(batch, length, seed=0):
        inputs = served.example(batch, length, seed)
        (chunk,) = _cut(inputs, sequences, [served.unit * length])
        return chunk | step.first_states(len(inputs[sequences[0]]))

    specs = _specs(served, states, sequences)
    step = Step(
        Served(served.model, carrying(served.call), specs, example, unit=served.unit),
        states,
        sequences,
        time_axes,
        inputs=served.example,
        carrying=carrying,
    )
    return step


def _time_axes(whole, parts):
    """The axis of time in each of the model's outputs; None where there is none.

    Raises NotStreamable where a part of the model does not give the same in chunks.
    """
    axes = {}
    for position, (name, value) in enumerate(whole):
        found = [part[position] for part in parts if position < len(part)]
        names, values = zip(*found) if found else ((), ())
        if names != (name,) * len(parts) or not _same(value, values):
            raise NotStreamable(
                f"{name} gives another answer in chunks: it looks at several time "
                "steps at once, or at how many there are"
            )
        if name.startswith("output "):
            axes[name.removeprefix("output ")] = _time_axis(value, values)
    return axes


def _specs(served, states, sequences):
    """The step's inputs: the states, and the model's with a free length."""
    batch = served.inputs[sequences[0]].shape[0]
    specs = {
        s.name: tf.TensorSpec((batch, *s.start.shape), s.start.dtype, s.name)
        for s in states
    }
    for name, spec in served.inputs.items():
        sizes = spec.shape.as_list()
        if name in sequences:
            sizes[1] = None
        specs[name] = tf.TensorSpec(sizes, spec.dtype, name)
    return specs


# Running the Keras model, whole and in chunks, and watching each part of it. One row
# only, so that axes which fold batch and time together are in the order of time.


class _PartError(Exception):
    """A part of the model failed."""


def _whole(served, layers):
    """Inputs, what each part of the model gave for them, and the layers' calls."""
    for length in LENGTHS:
        inputs = served.example(1, length)
        try:
            with carried_states(layers) as calls:
                watched = _watched(served, inputs)
        except _PartError as error:  # too short for a convolution, say
            failure = error
            continue
        if not calls:
            raise NotStreamable(READ_WHOLE)
        for call in calls:
            if len(call.start[0]) != len(next(iter(inputs.values()))):
                raise NotStreamable(
                    f"layer {call.layer.name!r} runs along another axis than the "
                    "model's sequence"
                )
        return inputs, watched, calls
    raise NotStreamable(str(failure))


def _parts(served, layers, inputs, sequences):
    """What each part of the model gave for each chunk of the inputs."""
    length = inputs[sequences[0]].shape[1]
    states, parts = None, []
    sizes = _partition(length, [served.unit * size for size in CHUNKS])
    for chunk in _cut(inputs, sequences, sizes):
        try:
            with carried_states(layers, states) as calls:
                parts.append(_watched(served, chunk))
        except _PartError as error:
            raise NotStreamable(f"{error} (on one chunk of the sequence)") from error
        states = [state for call in calls for state in call.end]
    return parts


def _watched(served, inputs):
    """(name, array) of all that the model's parts return, in the order they run."""
    seen = []

    def watching(operation):
        original = operation.call
        kind = "layer" if isinstance(operation, keras.Layer) else "operation"
        name = f"{kind} {operation.name!r}"

        def call(*args, **kwargs):
            try:
                outputs = original(*args, **kwargs)
            except NotStreamable:
                raise
            except Exception as error:
                raise _PartError(f"{name} fails: {first_line(error)}") from error
            seen.extend((name, y) for y in keras.tree.flatten(outputs))
            return outputs

        return call

    with contextlib.ExitStack() as stack:
        for operation in _operations(served.model):
            stack.enter_context(called_instead(operation, watching(operation)))
        tensors = {name: tf.constant(array) for name, array in inputs.items()}
        try:
            outputs = served.call(tensors)
        except (_PartError, NotStreamable):
            raise
        except Exception as error:
            raise _PartError(f"the model fails: {first_line(error)}") from error
    seen += [(f"output {name}", y) for name, y in outputs.items()]
    return [(name, np.asarray(y)) for name, y in seen if y is not None]


def _operations(model):
    """The layers and operations that a functional model is made of, and in it."""
    # (A subclassed model's attributes may be the cells of its recurrent layers.)
    cells = {
        id(part)
        for layer in all_layers(model)
        if isinstance(layer, keras.layers.RNN)
        for part in layer.cell._flatten_layers()
    }
    found = []
    for one in getattr(model, "operations", None) or model.layers:
        if isinstance(one, keras.Model):
            found += _operations(one)
        elif one not in found and id(one) not in cells:
            found.append(one)
    return found


def _sequences(served, first):
    """The names of the inputs that have a time axis; `first` is the first call."""
    inputs = {n: x.shape for n, x in served.inputs.items() if x.shape.rank > 1}
    open_ended = [name for name, sizes in inputs.items() if sizes[1] is None]
    if open_ended:
        return open_ended
    # All sizes are fixed: those as long as what the first recurrent layer reads.
    found = [name for name, sizes in inputs.items() if sizes[1] == first.length]
    if not found:
        raise NotStreamable(
            f"no input is as long as the sequence that layer {first.layer.name!r} reads"
        )
    return found


def _partition(length, chunks):
    """`length` in chunks of these sizes, and one more of the rest."""
    sizes = []
    for size in chunks:
        if sum(sizes) + size < length:
            sizes.append(size)
    return [*sizes, length - sum(sizes)]


def _cut(inputs, sequences, chunks) -> Iterator[dict]:
    """The inputs of each chunk."""
    start = 0
    for size in chunks:
        yield {
            name: array[:, start : start + size] if name in sequences else array
            for name, array in inputs.items()
        }
        start += size


def _same(whole, parts):
    """Whether the parts, joined along the axis of time, are the whole."""
    axis = _time_axis(whole, parts)
    joined = parts[-1] if axis is None else np.concatenate(parts, axis)
    if joined.shape != whole.shape or joined.dtype != whole.dtype:
        return False
    if whole.dtype.kind not in "fc":
        return bool((joined == whole).all())
    scale = max(1.0, float(np.abs(whole).max(initial=0)))
    return np.allclose(joined, whole, rtol=0, atol=KERAS_TOLERANCE * scale)


def _time_axis(whole, parts):
    """The one axis along which sizes differ; None if there is none, or several."""
    if len({part.ndim for part in (whole, *parts)}) > 1:
        return None
    shapes = np.array([part.shape for part in parts])
    (axes,) = np.nonzero((shapes != whole.shape).any(axis=0))
    return int(axes[0]) if len(axes) == 1 else None
