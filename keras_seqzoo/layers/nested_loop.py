"""A scan made of nested while loops, for graphs that run on a phone.

LiteRT copies a loop's variables at every turn, so a single loop that carries the
whole output takes quadratic time. Here an inner loop fills a block of 16 steps, the
next one writes it into a block of 256, and an outer loop writes that into the output: a
turn copies one block. Only slices, GATHER, WHILE and DYNAMIC_UPDATE_SLICE are used, no
tensor lists, and batch and length may be dynamic.
"""

from collections.abc import Callable
from typing import Any

from keras import ops, tree

BLOCKS = (256, 16)  # steps that a turn of the outer loops adds


def nested_loop(
    step: Callable,
    inputs: Any,
    initial_states: Any,
    mask: Any = None,
    go_backwards: bool = False,
    zero_output_for_mask: bool = False,
    return_sequences: bool = True,
) -> tuple[Any, Any, Any]:
    """Runs `step` over the time axis (axis 1) of `inputs`.

    A masked step keeps the states and repeats the output before it (zeros before
    the first step that counts), as Keras' own loop does. For inference: not every
    backend can differentiate it.

    Args:
        step: function `(x_t, states) -> (output, new_states)`, where `x_t` has the
            structure of `inputs` without the time axis.
        inputs: tensor `(batch, time, ...)`, or a nest of them.
        initial_states: nest of tensors `(batch, ...)`.
        mask: optional tensor `(batch, time)` or `(batch, time, 1)`, true where the
            step counts.
        go_backwards: run from the last step to the first; the outputs come in that
            reversed order.
        zero_output_for_mask: give zeros at masked steps.
        return_sequences: whether to keep the outputs of all steps.

    Returns:
        `(last_output, outputs, states)`: `(batch, ...)`, `(batch, time, ...)`
        (`(batch, 1, ...)` if not `return_sequences`) and the last states in the
        structure of `initial_states`. At length 0 the outputs are zero.
    """
    flat_inputs = tree.flatten(inputs)
    batch, length = ops.shape(flat_inputs[0])[:2]
    if mask is not None:
        mask = ops.cast(mask, "bool")
        mask = ops.squeeze(mask, -1) if len(mask.shape) == 3 else mask

    # One step on zeros tells the outputs' shapes and types; no graph keeps it.
    x_zero = [ops.zeros((batch, *x.shape[2:]), x.dtype) for x in flat_inputs]
    example, _ = step(tree.pack_sequence_as(inputs, x_zero), initial_states)
    zeros = [ops.zeros((batch, *y.shape[1:]), y.dtype) for y in tree.flatten(example)]

    def run(time, previous, states):
        """One step: flat previous outputs and states to the new ones."""
        at = length - 1 - time if go_backwards else time
        # Not x[:, at]: LiteRT knows the shape of a strided slice from a computed start
        # only once it has run, and then sets up all that follows again at each turn.
        now = [ops.take(x, at, axis=1) for x in flat_inputs]
        x_t = tree.pack_sequence_as(inputs, now)
        output, new_states = step(x_t, tree.pack_sequence_as(initial_states, states))
        output, new_states = tree.flatten(output), tree.flatten(new_states)
        if mask is not None:
            counts = ops.take(mask, at, axis=1)  # (batch,)
            output = _where(counts, output, zeros if zero_output_for_mask else previous)
            new_states = _where(counts, new_states, states)
        return output, new_states

    states = tree.flatten(initial_states)
    if return_sequences:
        last, outputs, states = _keep_all(run, zeros, states, batch, length)
    else:
        last, states = _keep_last(run, zeros, states, 0, length)
        outputs = [ops.expand_dims(y, 1) for y in last]
    return (
        tree.pack_sequence_as(example, last),
        tree.pack_sequence_as(example, outputs),
        tree.pack_sequence_as(initial_states, states),
    )


def _keep_last(run, previous, states, start, stop):
    """One plain loop: the last outputs and states."""

    def body(time, previous, states):
        return (time + 1, *run(time, previous, states))

    loop = (ops.convert_to_tensor(start, "int32"), previous, states)
    _, previous, states = ops.while_loop(lambda time, *_: time < stop, body, loop)
    return previous, states


def _keep_all(run, previous, states, batch, length):
    """Nested loops: the last outputs, the outputs of all steps, the states."""
    zero = ops.convert_to_tensor(0, "int32")
    smallest = BLOCKS[-1]
    # A whole number of blocks, and never none: an empty tensor stops LiteRT.
    whole = ops.maximum((length + smallest - 1) // smallest, 1) * smallest

    def filled(room, blocks, start, previous, states):
        """`room` rows with the outputs from step `start` on, and what they end with."""

        def turn(offset, rows, previous, states):
            at = start + offset
            if not blocks:
                part, states = run(at, previous, states)
                previous, size = part, 1
            else:
                size, *smaller = blocks
                # All of the smallest have one shape, which LiteRT need not find anew.
                own = ops.minimum(size, whole - at) if smaller else size
                part, previous, states = filled(own, smaller, at, previous, states)
            rows = [_write(r, p, offset) for r, p in zip(rows, part)]
            return offset + size, rows, previous, states

        def goes_on(offset, *_):
            return ops.logical_and(offset < room, start + offset < length)

        empty = [ops.zeros((batch, room, *y.shape[1:]), y.dtype) for y in previous]
        _, *found = ops.while_loop(goes_on, turn, (zero, empty, previous, states))
        return found

    rows, previous, states = filled(whole, BLOCKS, zero, previous, states)
    return previous, [r[:, :length] for r in rows], states


def _write(sequence, part, time):
    """Puts `part` (one step, or a block of them) into `sequence` at `time`."""
    if len(part.shape) < len(sequence.shape):
        part = ops.expand_dims(part, 1)
    start = (0, time) + (0,) * (len(sequence.shape) - 2)
    return ops.slice_update(sequence, start, part)


def _where(counts, new, old):
    """Picks `new` in the rows that count; counts is (batch,)."""

    def pick(n, o):
        rows = ops.reshape(counts, (-1,) + (1,) * (len(n.shape) - 1))
        return ops.where(rows, n, o)

    return [pick(n, o) for n, o in zip(new, old)]
