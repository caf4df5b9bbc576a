"""The engine: a recurrence over time with a hand-written backward pass (BPTT).

A recurrence is z_t = x_t W + h' U + b followed by elementwise equations. Forward, the
input's products are one product before the loop, and the loop overwrites z with what
the backward pass needs. Backward, every factor that does not depend on the order of
steps is computed for a block of steps at once; the loop over them then only multiplies,
and the weights' gradients are one product after it.

The loops are written for XLA, which updates their arrays in place. Inside a plain
`tf.function` (as `fit` runs on a CPU) they are compiled for themselves, while the large
products around them stay TensorFlow's; and the batch is cut into one part a core, since
small steps gain little from several threads. Gradients are of the first order.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
from keras import ops, tree

from keras_seqzoo.layers.batch_parts import (
    blocks,
    joined,
    number_of_parts,
    parts_of,
    sums,
)
from keras_seqzoo.layers.first_order import first_order
from keras_seqzoo.layers.gpu import on_gpu
from keras_seqzoo.layers.scan import loops_for_export
from keras_seqzoo.layers.xla import compiled, under_xla

UNROLLED = 8  # steps of a GPU's loop that are written out: a launch costs as a step


class Recurrence(NamedTuple):
    """The elementwise equations of a recurrence.

    Shapes of one step are z (batch, gates, units) and states (batch, units); those of
    all steps have the time in front.

    Attributes:
        gates: Number of gates; W is (features, gates · units).
        step: `(z, states, weights) -> (kept, states)`; `kept` has z's shape.
        factors: `(kept, before, after, weights) -> factors`, of many steps: what
            `step_back` multiplies by. `before` and `after` are the states.
        step_back: `(dh, carried, factors) -> (dz, carried)`; `carried` are the
            gradients of the states after h.
        weight_gradients: `(dz, before, after) -> gradients` of the further weights.
    """

    gates: int
    step: Callable
    factors: Callable
    step_back: Callable
    weight_gradients: Callable


def engine_runs(inputs: Any) -> bool:
    """Whether `recurrent` can run on `inputs` (batch, time, ...) here and now.

    Under XLA always. In a TensorFlow graph if the length is known, since each length
    is compiled once. Not in TensorFlow's eager mode, on PyTorch (neither compiles), or
    while a model is traced for export.
    """
    backend = keras.backend.backend()
    if loops_for_export():
        return False
    if backend == "jax":
        return True
    if backend != "tensorflow":
        return False
    import tensorflow as tf

    if tf.executing_eagerly():
        return False
    return under_xla() or inputs.shape[1] is not None


def recurrent(
    recurrence: Recurrence,
    inputs: Any,
    kernel: Any,
    bias: Any,
    recurrent_kernel: Any,
    weights: Sequence[Any],
    states: Sequence[Any],
    mask: Any = None,
    recurrent_dropout_mask: Any = None,
    tbptt_steps: int | None = None,
) -> tuple[Any, list]:
    """Run a recurrence over time.

    Args:
        recurrence: Its equations.
        inputs: `(batch, time, features)`.
        kernel: W, `(features, gates · units)`.
        bias: b, `(gates · units,)`, or None.
        recurrent_kernel: U, `(units, gates · units)`.
        weights: Further weights, as the recurrence's functions take them.
        states: h and further states before the first step, `(batch, units)` each.
        mask: Booleans `(batch, time)` or None; a masked step keeps the states.
        recurrent_dropout_mask: Factor of h' for all steps, `(batch, units)`, or None.
        tbptt_steps: Gradients do not pass from step t to t - 1 where t > 0 is a
            multiple of this; None lets them pass everywhere.

    Returns:
        `(outputs, states)`: h after each step `(batch, time, units)`, and the states
        after the last.
    """
    dtype = inputs.dtype
    kernel, recurrent_kernel, *weights = (
        ops.cast(ops.convert_to_tensor(w), dtype)
        for w in (kernel, recurrent_kernel, *weights)
    )
    units = recurrent_kernel.shape[0]
    if bias is None:
        bias = ops.zeros((recurrence.gates * units,), dtype=dtype)
    bias = ops.cast(ops.convert_to_tensor(bias), dtype)
    run = _differentiable(
        *_loops(recurrence, tbptt_steps),
        None if mask is None else ops.transpose(mask)[..., None],
        recurrent_dropout_mask,
        len(weights),
        number_of_parts(inputs),
    )
    outputs, *states = run(inputs, kernel, bias, recurrent_kernel, *weights, *states)
    return outputs, states


def seen(mask: Any) -> Any:
    """Where a step that counts has come, at this step or before: `(batch, time)`.

    Before it, Keras' layers put out zeros, whatever the initial state.
    """
    return ops.cumsum(ops.cast(mask, "int32"), axis=1) > 0


class _Part(NamedTuple):
    """Some rows of the batch, and what the forward pass found for them."""

    rows: slice
    mask: Any  # (time, batch, 1) or None
    dropped: Any  # the recurrent dropout mask, (batch, units) or None
    outputs: Any  # (batch, time, units)
    states: list
    kept: Any  # (time, batch, gates, units)
    sequences: list  # the states before and after each step, (time + 1, batch, units)


def _differentiable(
    forward,
    backward,
    mask,
    recurrent_dropout_mask,
    number_of_weights,
    part_count,
):
    """Both passes as one function with a gradient, over parts of the batch."""

    @ops.custom_gradient
    def run(*arguments):
        # No tape may look inside: what is there has no gradient of its own.
        frozen = [ops.stop_gradient(argument) for argument in arguments]
        inputs, kernel, bias, recurrent_kernel, *rest = frozen
        weights, states = rest[:number_of_weights], rest[number_of_weights:]

        def part_forward(rows):
            own = (
                None if mask is None else mask[:, rows],
                None
                if recurrent_dropout_mask is None
                else recurrent_dropout_mask[rows],
            )
            start = [state[rows] for state in states]
            found = forward(
                inputs[rows], kernel, bias, recurrent_kernel, weights, start, *own
            )
            return _Part(rows, *own, *tree.map_structure(ops.stop_gradient, found))

        def part_backward(part, d_outputs, d_states, frozen):
            """The gradients of the inputs, of the weights and of the initial states."""
            inputs, kernel, _, recurrent_kernel, *rest = frozen
            weights = rest[:number_of_weights]
            units, features = recurrent_kernel.shape[0], kernel.shape[0]
            batch, length, _ = ops.shape(d_outputs)
            d_inputs, of_weights = [], []
            for start, stop in blocks(length):
                block = slice(start, stop)
                around = [sequence[start : stop + 1] for sequence in part.sequences]
                found = backward(
                    ops.convert_to_tensor(start, "int32"),
                    d_outputs[:, block],
                    d_states,
                    part.kept[block],
                    around,
                    recurrent_kernel,
                    weights,
                    None if part.mask is None else part.mask[block],
                    part.dropped,
                )
                found = tree.map_structure(ops.stop_gradient, found)
                dz, d_bias, d_weights, d_states = found
                hidden = around[0][:-1]
                if part.dropped is not None:
                    hidden = hidden * part.dropped
                hidden = ops.reshape(hidden, (-1, units))
                x = ops.transpose(inputs[part.rows, block], (1, 0, 2))
                x = ops.reshape(x, (-1, features))
                d_kernel = ops.matmul(ops.transpose(x), dz)
                d_recurrent = ops.matmul(ops.transpose(hidden), dz)
                of_weights.append([d_kernel, d_bias, d_recurrent, *d_weights])
                d_x = ops.matmul(dz, ops.transpose(kernel))
                d_x = ops.reshape(d_x, (stop - start, batch, features))
                d_inputs.append(ops.transpose(d_x, (1, 0, 2)))
            return joined(d_inputs[::-1], axis=1), sums(of_weights), d_states

        parts = [part_forward(rows) for rows in parts_of(inputs, part_count)]
        outputs = joined([part.outputs for part in parts])
        last = [joined(list(s)) for s in zip(*(part.states for part in parts))]

        def gradients(upstream, frozen):
            d_outputs, *d_states = upstream
            d_inputs, d_weights, d_initial = zip(
                *(
                    part_backward(
                        part,
                        d_outputs[part.rows],
                        [d[part.rows] for d in d_states],
                        frozen,
                    )
                    for part in parts
                )
            )
            d_initial = [joined(list(same)) for same in zip(*d_initial)]
            return (joined(list(d_inputs)), *sums(d_weights), *d_initial)

        def grad(*upstream, **_):
            if len(upstream) == 1:  # JAX hands them over as one tuple
                (upstream,) = upstream
            return first_order(gradients, upstream, arguments)

        return (outputs, *last), grad

    return run


def _loops(recurrence, tbptt_steps):
    """The forward and backward pass over some rows, compiled if need be."""
    gates = recurrence.gates

    @compiled
    def forward(inputs, kernel, bias, recurrent_kernel, weights, states, mask, dropped):
        batch, length, features = ops.shape(inputs)
        units = recurrent_kernel.shape[0]
        x = ops.transpose(inputs, (1, 0, 2))
        z = ops.matmul(ops.reshape(x, (-1, features)), kernel)
        z = ops.reshape(z, (length, batch, gates, units))
        bias = ops.reshape(bias, (gates, units))
        room = ops.zeros((length + 1, batch, units), dtype=z.dtype)
        sequences = [_put(room, state, 0) for state in states]

        def body(t, z, states, sequences):
            h = states[0] if dropped is None else states[0] * dropped
            h = ops.reshape(ops.matmul(h, recurrent_kernel), (-1, gates, units))
            kept, new = recurrence.step(z[t] + h + bias, states, weights)
            # Keras' tanh is of 32 bits on JAX, whatever it is given.
            new = [ops.cast(n, z.dtype) for n in new]
            if mask is not None:
                new = [ops.where(mask[t], n, s) for n, s in zip(new, states)]
            sequences = [_put(q, n, t + 1) for q, n in zip(sequences, new)]
            return _put(z, kept, t), new, sequences

        z, states, sequences = _repeat(length, body, (z, list(states), sequences))
        outputs = ops.transpose(sequences[0][1:], (1, 0, 2))
        return outputs, states, z, sequences

    @compiled
    def backward(
        start,
        d_outputs,
        d_states,
        kept,
        sequences,
        recurrent_kernel,
        weights,
        mask,
        dropped,
    ):
        """A block of steps, the first of which is step `start` of all."""
        flat = (-1, gates * recurrent_kernel.shape[0])
        transposed = ops.transpose(recurrent_kernel)
        before, after = zip(*((q[:-1], q[1:]) for q in sequences))
        factors = recurrence.factors(kept, before, after, weights)
        length = ops.shape(kept)[0]

        def body(i, dh, carried, dz):
            t = length - 1 - i
            dh = dh + d_outputs[:, t]
            now, new = recurrence.step_back(dh, carried, [f[t] for f in factors])
            if mask is not None:
                counts = mask[t]
                now = ops.where(counts[:, None], now, ops.zeros_like(now))
                new = [ops.where(counts, n, c) for n, c in zip(new, carried)]
            dz = _put(dz, now, t)
            # Read back, so that XLA computes it once, in its place.
            d_hidden = ops.matmul(ops.reshape(dz[t], flat), transposed)
            if dropped is not None:
                d_hidden = d_hidden * dropped
            if mask is not None:
                d_hidden = d_hidden + ops.where(counts, ops.zeros_like(dh), dh)
            if tbptt_steps is not None:
                step = start + t
                cut = ops.logical_and(step > 0, ops.equal(step % tbptt_steps, 0))
                passes = 1 - ops.cast(cut, dh.dtype)
                d_hidden, new = d_hidden * passes, [n * passes for n in new]
            return d_hidden, new, dz

        dh, *carried = d_states
        dh, carried, dz = _repeat(length, body, (dh, carried, ops.zeros_like(kept)))
        d_bias = ops.reshape(ops.sum(dz, axis=(0, 1)), (-1,))
        d_weights = recurrence.weight_gradients(dz, before, after)
        dz = ops.reshape(dz, flat)
        return dz, d_bias, d_weights, [dh, *carried]

    return forward, backward


def _repeat(times, body, values):
    """`values = body(i, *values)` for each i below `times`.

    It counts up to a constant where it can: a GPU's loop then need not ask the host
    whether to go on.
    """
    together = UNROLLED if isinstance(times, int) and on_gpu() else 1
    looped = times // together * together

    def several(i, *values):
        for k in range(together):
            values = body(i + k, *values)
        return (i + together, *values)

    start = ops.convert_to_tensor(0, "int32")
    _, *values = ops.while_loop(lambda i, *_: i < looped, several, (start, *values))
    if together > 1:
        for i in range(looped, times):
            values = body(i, *values)
    return values


def _put(sequence, step, t):
    # One type of index for all axes: JAX, with 64 bits, makes others of plain numbers.
    t, zero = (ops.convert_to_tensor(i, dtype="int32") for i in (t, 0))
    start = (t,) + (zero,) * (len(sequence.shape) - 1)
    return ops.slice_update(sequence, start, ops.cast(step, sequence.dtype)[None])
