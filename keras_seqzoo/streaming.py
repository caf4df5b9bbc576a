"""Recurrent models one chunk of time at a time: states in, states out.

A model whose recurrent layers all read forward, and whose other layers look at one
step at a time, gives the same answer for a sequence in one piece and in chunks, if
each chunk starts from the states in which the one before it ended.
"""

import contextlib
import dataclasses
import inspect
from collections.abc import Callable, Iterator, Sequence

import keras
from keras import ops, tree

from keras_seqzoo.cells.clockwork_rnn import ClockworkRNNCell
from keras_seqzoo.cells.coupled_lstm import CoupledLSTMCell
from keras_seqzoo.cells.peephole_lstm import PeepholeLSTMCell
from keras_seqzoo.cells.scrn import SCRNCell

# Cells whose output can be told from their states.
_OUTPUT_OF_STATES = {
    keras.layers.SimpleRNNCell: lambda states: states[0],
    keras.layers.LSTMCell: lambda states: states[0],
    keras.layers.GRUCell: lambda states: states[0],
    PeepholeLSTMCell: lambda states: states[0],
    CoupledLSTMCell: lambda states: states[0],
    ClockworkRNNCell: lambda states: states[0],
    SCRNCell: lambda states: ops.concatenate(states, axis=-1),
}


READ_WHOLE = (
    "the model reads its input whole: no recurrent layer runs along it, so there is no "
    "state to carry"
)


class NotStreamable(Exception):
    """The model cannot be run in chunks. The message says which layer, and why."""


@dataclasses.dataclass
class Carried:
    """The states of one call of a recurrent layer.

    Attributes:
        layer: the layer, recurrent or with `carries_state`.
        start: its states before the chunk, flat, each `(batch, ...)`.
        end: the same after it.
        length: the chunk's steps, None if the graph leaves them open.
    """

    layer: keras.layers.Layer
    start: list
    end: list
    length: int | None


def streamed_layers(model: keras.Layer) -> list[keras.layers.Layer]:
    """The layers that carry a state along the model's sequence.

    They are the recurrent ones, and others that say so by `carries_state = True`. These
    have `get_initial_state` and `return_state` as recurrent ones have, and take
    `initial_state` in a call. Those inside a TimeDistributed run along something else.

    Raises:
        NotStreamable: if there is none, or one reads its sequence from the end.
    """
    layers = _layers(model)
    for layer in layers:
        if isinstance(layer, keras.layers.Bidirectional):
            raise NotStreamable(
                f"layer {layer.name!r} is bidirectional: it reads the sequence from "
                "its end too, which a stream does not have yet"
            )
    recurrent = [layer for layer in layers if isinstance(layer, keras.layers.RNN)]
    for layer in recurrent:
        if layer.go_backwards:
            raise NotStreamable(
                f"layer {layer.name!r} has go_backwards=True: it reads the sequence "
                "from its end, which a stream does not have yet"
            )
    if not recurrent:
        raise NotStreamable(READ_WHOLE)
    return [x for x in layers if x in recurrent or getattr(x, "carries_state", False)]


@contextlib.contextmanager
def carried_states(
    layers: Sequence[keras.layers.Layer], states: Sequence | None = None
) -> Iterator[list[Carried]]:
    """While open, recurrent layers start from states given, and tell their last.

    Args:
        layers: the layers, as `streamed_layers` finds them.
        states: for all their calls in turn, the states to start from, as one flat
            list of tensors `(batch, ...)`; None for each layer's own initial states.

    Yields:
        A list that gets an item for each call, in their order.

    Raises:
        NotStreamable: from the call of a layer whose initial state is given to it.
    """
    calls: list[Carried] = []
    left = None if states is None else list(states)

    def carrying(layer):
        original = layer.call
        signature = inspect.signature(original)

        def call(*args, **kwargs):
            bound = signature.bind(*args, **kwargs)
            if bound.arguments.get("initial_state") is not None:
                raise NotStreamable(
                    f"layer {layer.name!r} starts from a state that it is given, not "
                    "from one of its own"
                )
            sequences = bound.args[0]
            batch, mask = ops.shape(sequences)[0], bound.arguments.get("mask")
            mask = mask[0] if tree.is_nested(mask) else mask
            # A masked step repeats the output before it. Where the states do not
            # tell that output, it is carried as one more state.
            repeats = mask is not None and not layer.zero_output_for_mask
            output_of = repeats and _OUTPUT_OF_STATES.get(type(layer.cell))
            initial = layer.get_initial_state(batch_size=batch)
            initial = list(initial) if tree.is_nested(initial) else [initial]
            start = tree.flatten(initial)
            count = len(start)
            if repeats and output_of is None:
                start.append(_zero_output(layer, sequences.shape, batch))
            if left is not None:
                start = [left.pop(0) for _ in start]
            given = tree.pack_sequence_as(initial, start[:count])
            bound.arguments["initial_state"] = given

            returns_state, layer.return_state = layer.return_state, True
            try:
                output, *last = original(*bound.args, **bound.kwargs)
            finally:
                layer.return_state = returns_state
            end = tree.flatten(last)
            if repeats:
                before = start[count] if output_of is None else output_of(given)
                output = _repeated(output, mask, before, layer.return_sequences)
                if output_of is None:
                    end.append(output[:, -1] if layer.return_sequences else output)
            calls.append(Carried(layer, start, end, sequences.shape[1]))
            return (output, *last) if returns_state else output

        return call

    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(called_instead(layer, carrying(layer)))
        yield calls


@contextlib.contextmanager
def called_instead(operation: keras.Operation, function: Callable) -> Iterator[None]:
    """While open, calling a Keras layer or operation calls `function`."""
    before = vars(operation).get("call")
    operation.call = function
    try:
        yield
    finally:
        if before is None:
            del operation.call  # and the class's method is found again
        else:
            operation.call = before


def _zero_output(layer, shape, batch):
    """What the layer gives before its first step: zeros (batch, ...)."""
    size = layer.compute_output_shape(shape)
    size = size[0] if layer.return_state else size
    size = size[2:] if layer.return_sequences else size[1:]
    return ops.zeros((batch, *size), layer.compute_dtype)


def _repeated(output, mask, before, return_sequences):
    """Puts the output from before the chunk where no step of it has counted yet."""
    counts = ops.cast(mask, "int32")  # (batch, time) or (batch, time, 1)
    counts = ops.squeeze(counts, -1) if len(counts.shape) == 3 else counts
    if return_sequences:
        seen = ops.cumsum(counts, axis=1) > 0
        before = ops.expand_dims(before, 1)
    else:
        seen = ops.max(counts, axis=1) > 0
    for _ in range(len(output.shape) - len(seen.shape)):
        seen = ops.expand_dims(seen, -1)
    return ops.where(seen, output, before)


def _layers(layer):
    """The layer and all in it, at any depth, but what a TimeDistributed holds."""
    if isinstance(layer, keras.layers.TimeDistributed):
        return [layer]
    # Keras' public `layers` stops short of layers inside layers.
    children = layer._flatten_layers(include_self=False, recursive=False)
    found = [layer]
    for child in children:
        found += [one for one in _layers(child) if one not in found]
    return found
