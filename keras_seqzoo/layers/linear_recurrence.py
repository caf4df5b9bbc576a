"""The linear recurrence h_t = a_t ⊙ h_(t−1) + b_t, with all a_t and b_t known.

No step waits for a matrix product, so time is cut in chunks of 8 steps, and all
chunks go through their 8 steps side by side: once to find what each does to the h
that enters it, which makes a loop over the chunks alone, and once more, from those
h, to write the result. The gradient is the same recurrence run from the end.

There are no logarithms: with |a| <= 1 nothing can overflow, while sums of log a lose
digits as they grow.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from keras_seqzoo.layers.gpu import on_gpu
from keras_seqzoo.layers.scan import loops_for_export, scan

# Longer chunks make the loop shorter, which counts without XLA, and more to compile.
CHUNK = 8


def linear_recurrence(
    a: Any,
    b: Any,
    h0: Any,
    mask: Any = None,
    tbptt_steps: int | None = None,
    unroll: bool = False,
) -> Any:
    """Run h_t = a_t ⊙ h_(t−1) + b_t over time, with its exact gradient.

    Args:
        a: `(batch or 1, time or 1, units)`; 1 means the same in every row or step.
            Numbers in [−1, 1], or else h may overflow.
        b: `(batch, time, units)`.
        h0: `(batch, units)`, of any sign.
        mask: Booleans `(batch, time)` or None; a masked step keeps h.
        tbptt_steps: Gradients do not pass from step t to t − 1 where t > 0 is a
            multiple of this; None lets them pass everywhere.
        unroll: Whether to write out the loop over chunks.

    Returns:
        h after each step, `(batch, time, units)`, of b's dtype.

    Source: Martin & Cundy 2018, Parallelizing Linear Recurrent Neural Nets Over
    Sequence Length, arXiv 1709.04057.
    """
    if mask is not None:
        a, b = _held(a, b, mask, ops.ones_like(a))
    run = _differentiable(ops.multiply, _real_conjugate, tbptt_steps, unroll)
    return run(a, b, h0)


def complex_linear_recurrence(
    a: Any,
    b: Any,
    h0: Any,
    mask: Any = None,
    tbptt_steps: int | None = None,
    unroll: bool = False,
) -> Any:
    """`linear_recurrence` of complex numbers, without a complex dtype.

    Args:
        a, b, h0: As there, with `2·units` in place of `units`: the real parts,
            then the imaginary parts.
        mask, tbptt_steps, unroll: As there.

    Returns:
        h after each step, `(batch, time, 2·units)`.
    """
    if mask is not None:
        real, imaginary = ops.split(a, 2, axis=-1)
        one = ops.concatenate([ops.ones_like(real), ops.zeros_like(imaginary)], axis=-1)
        a, b = _held(a, b, mask, one)
    run = _differentiable(_complex_multiply, _complex_conjugate, tbptt_steps, unroll)
    return run(a, b, h0)


def _held(a, b, mask, one):
    """a and b that keep h where the step is masked, whatever they hold there."""
    mask = ops.expand_dims(mask, axis=-1)
    return ops.where(mask, a, one), ops.where(mask, b, ops.zeros_like(b))


def _real_conjugate(a):
    return a


def _complex_multiply(a, h):
    a_re, a_im = ops.split(a, 2, axis=-1)
    h_re, h_im = ops.split(h, 2, axis=-1)
    return ops.concatenate(
        [a_re * h_re - a_im * h_im, a_re * h_im + a_im * h_re], axis=-1
    )


def _complex_conjugate(a):
    real, imaginary = ops.split(a, 2, axis=-1)
    return ops.concatenate([real, -imaginary], axis=-1)


def _differentiable(multiply, conjugate, tbptt_steps, unroll):
    """The recurrence as a function of (a, b, h0)."""

    def forward(a, b, h):
        h = multiply(a, h) + b
        return h, h

    # δ_t = d loss / d h_t: what comes from h_t's own use, and from h_(t+1) = a h_t + b.
    def backward(a, upstream, carried):
        delta = upstream + carried
        return delta, multiply(a, delta)

    def run(step, a, b, carry, reverse=False):
        return _run(step, multiply, a, b, carry, reverse, unroll)

    @ops.custom_gradient
    def recurrence(a, b, h0):
        h = run(forward, a, b, h0)

        def gradient(*args, upstream=None):
            if upstream is None:  # PyTorch gives it by name, after the inputs
                (upstream,) = args
            a_bar = conjugate(a)
            passed = a_bar
            if tbptt_steps is not None:
                t = ops.arange(ops.shape(h)[1], dtype="int32")[None, :, None]
                cut = ops.logical_and(t > 0, ops.equal(t % tbptt_steps, 0))
                passed = ops.where(cut, ops.zeros_like(a), a_bar)
            delta = run(backward, passed, upstream, ops.zeros_like(h0), reverse=True)
            previous = ops.concatenate([h0[:, None], h[:, :-1]], axis=1)
            d_a = multiply(conjugate(previous), delta)
            for axis in (0, 1):
                if a.shape[axis] == 1:
                    d_a = ops.sum(d_a, axis=axis, keepdims=True)
            return d_a, delta, multiply(a_bar[:, 0], delta[:, 0])

        return h, gradient

    def converted(a, b, h0):
        return recurrence(*map(ops.convert_to_tensor, (a, b, h0)))

    return converted


def _run(
    step: Callable,
    multiply: Callable,
    a: Any,
    b: Any,
    carry: Any,
    reverse: bool,
    unroll: bool,
) -> Any:
    """All outputs of `step(a_t, b_t, carry) -> (output, carry)`, linear in carry."""
    batch, length, units = ops.shape(b)
    chunks = (length + CHUNK - 1) // CHUNK
    padding = chunks * CHUNK - length

    def by_position(x):
        """The steps of all chunks, in the order they run: (batch, chunks, units)."""
        if x.shape[1] == 1:  # the same in every step
            return [x] * CHUNK
        if not isinstance(padding, int) or padding > 0:
            zeros = ops.zeros((ops.shape(x)[0], padding, units), dtype=x.dtype)
            x = ops.concatenate([zeros, x] if reverse else [x, zeros], axis=1)
        x = ops.reshape(x, (ops.shape(x)[0], chunks, CHUNK, units))
        positions = ops.unstack(x, CHUNK, axis=2)
        return positions[::-1] if reverse else positions

    if b.shape[1] == 1:
        return step(a, b, carry[:, None])[0]
    a, b = by_position(a), by_position(b)

    # A chunk takes a carry to `factor * carry + total`.
    factor, (_, total) = a[0], step(a[0], b[0], ops.zeros_like(b[0]))
    for a_t, b_t in zip(a[1:], b[1:]):
        factor, (_, total) = multiply(a_t, factor), step(a_t, b_t, total)

    factor = ops.broadcast_to(factor, ops.shape(total))
    # `associative_scan` takes known lengths only.
    if isinstance(chunks, int) and on_gpu() and not loops_for_export():
        ends = _ends_side_by_side(multiply, factor, total, carry, reverse)
    else:
        ends = _ends_in_a_loop(multiply, factor, total, carry, reverse, unroll)
    carry = ops.concatenate([carry[:, None], ends[:, :-1]], axis=1)
    carry = ops.flip(carry, axis=1) if reverse else carry

    outputs = []
    for a_t, b_t in zip(a, b):
        output, carry = step(a_t, b_t, carry)  # (batch, chunks, units)
        outputs.append(output)
    outputs = ops.stack(outputs[::-1] if reverse else outputs, axis=2)
    outputs = ops.reshape(outputs, (batch, chunks * CHUNK, units))
    return outputs[:, padding:] if reverse else outputs[:, :length]


def _ends_in_a_loop(multiply, factor, total, carry, reverse, unroll):
    """`carry` after each chunk, in the order they run, one chunk after the other."""
    units = total.shape[-1]

    def pass_chunk(chunk, states):
        end = multiply(chunk[:, :units], states[0]) + chunk[:, units:]
        return end, [end]

    _, ends, _ = scan(
        pass_chunk,
        ops.concatenate([factor, total], axis=-1),
        [carry],
        go_backwards=reverse,
        unroll=unroll,
    )
    return ends


def _ends_side_by_side(multiply, factor, total, carry, reverse):
    """`_ends_in_a_loop`, in as many rounds as its logarithm has."""

    def both(first, second):
        return multiply(second[0], first[0]), multiply(second[0], first[1]) + second[1]

    if reverse:
        factor, total = ops.flip(factor, axis=1), ops.flip(total, axis=1)
    factor, total = ops.associative_scan(both, (factor, total), axis=1)
    return multiply(factor, carry[:, None]) + total
