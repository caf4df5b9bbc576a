"""The linear recurrence against NumPy, step by step in float64."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.layers import linear_recurrence as module
from keras_seqzoo.layers.linear_recurrence import (
    complex_linear_recurrence,
    linear_recurrence,
)
from keras_seqzoo.layers.scan import nested_loops

BATCH, UNITS = 3, 4
# Around the chunks of 8 steps, and around 8 chunks.
LENGTHS = (1, 2, 7, 8, 9, 16, 17, 63, 64, 65, 200)
# a in every row and step, and the same in all rows, steps, or both.
SHAPES = ("bt", "1t", "b1", "11")


def by_numpy(a, b, h0, mask=None):
    a = np.broadcast_to(a, b.shape)
    h, outputs = h0, []
    for t in range(b.shape[1]):
        new = a[:, t] * h + b[:, t]
        h = new if mask is None else np.where(mask[:, t, None], new, h)
        outputs.append(h)
    return np.stack(outputs, axis=1)


def gradients_by_numpy(a, b, h0, upstream, mask=None, tbptt_steps=None):
    """d sum(h · upstream) by a, b and h0, from the last step to the first.

    Of complex numbers, d by the real part plus i times d by the imaginary part.
    """
    h = by_numpy(a, b, h0, mask)
    before = np.concatenate([h0[:, None], h[:, :-1]], axis=1)
    full = np.broadcast_to(a, b.shape)
    d_a, d_b = np.zeros_like(b), np.zeros_like(b)
    carried = np.zeros_like(h0)
    for t in reversed(range(b.shape[1])):
        delta = upstream[:, t] + carried
        counts = np.ones((len(b), 1), bool) if mask is None else mask[:, t, None]
        d_b[:, t] = np.where(counts, delta, 0)
        d_a[:, t] = np.where(counts, np.conj(before[:, t]) * delta, 0)
        carried = np.where(counts, np.conj(full[:, t]) * delta, delta)
        if tbptt_steps is not None and t > 0 and t % tbptt_steps == 0:
            carried = np.zeros_like(h0)
    for axis in (0, 1):
        if a.shape[axis] == 1:
            d_a = d_a.sum(axis=axis, keepdims=True)
    return d_a, d_b, carried


def drawn(length, shape="bt", complex_=False, seed=0):
    """a, b, h0, upstream and a mask with an empty row."""
    rng = np.random.default_rng(seed)
    sizes = (BATCH if shape[0] == "b" else 1, length if shape[1] == "t" else 1, UNITS)
    size, sign = rng.uniform(0, 1, sizes), rng.choice([-1, 1], sizes)
    normal = [
        rng.normal(size=(2, *s))
        for s in ((BATCH, length, UNITS), (BATCH, UNITS), (BATCH, length, UNITS))
    ]
    if complex_:
        a = size * np.exp(2j * np.pi * rng.uniform(size=sizes))
        b, h0, upstream = (x[0] + 1j * x[1] for x in normal)
    else:
        a, (b, h0, upstream) = size * sign, (x[0] for x in normal)
    mask = rng.random((BATCH, length)) < 0.6
    mask[1] = False
    return a, b, h0, upstream, mask


def parts(z):
    """A complex array as the function takes it, a real one as it is."""
    return np.concatenate([z.real, z.imag], axis=-1) if np.iscomplexobj(z) else z


def evaluated(a, b, h0, upstream, mask=None, dtype="float64", **kwargs):
    """h, and the gradients of a, b and h0."""
    function = complex_linear_recurrence if np.iscomplexobj(b) else linear_recurrence
    inputs = [tf.constant(parts(x), dtype) for x in (a, b, h0)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        h = function(*inputs, mask, **kwargs)
    return h, tape.gradient(h, inputs, tf.constant(parts(upstream), dtype))


def check(a, b, h0, upstream, mask=None, tbptt_steps=None, unroll=False):
    h, gradients = evaluated(
        a, b, h0, upstream, mask, tbptt_steps=tbptt_steps, unroll=unroll
    )
    np.testing.assert_allclose(h, parts(by_numpy(a, b, h0, mask)), 0, 1e-12)
    expected = gradients_by_numpy(a, b, h0, upstream, mask, tbptt_steps)
    for part, gradient, reference in zip("abh", gradients, expected, strict=True):
        np.testing.assert_allclose(
            gradient, parts(reference), 1e-12, 1e-12, err_msg=part
        )


each_kind = pytest.mark.parametrize("complex_", [False, True], ids=["real", "complex"])


@each_kind
@pytest.mark.parametrize("length", LENGTHS)
def test_h_and_its_gradients(length, complex_):
    *arrays, mask = drawn(length, complex_=complex_)
    check(*arrays)
    check(*arrays, mask)


@each_kind
@pytest.mark.parametrize("length", [1, 8, 17, 65])
def test_as_on_a_gpu(length, complex_, monkeypatch):
    side_by_side = []

    def counting(*args):
        side_by_side.append(1)
        return run_side_by_side(*args)

    run_side_by_side = module._ends_side_by_side
    monkeypatch.setattr(module, "on_gpu", lambda: True)
    monkeypatch.setattr(module, "_ends_side_by_side", counting)
    *arrays, mask = drawn(length, complex_=complex_)
    check(*arrays)
    check(*arrays, mask, tbptt_steps=3)
    assert bool(side_by_side) == (length > 1)


def test_a_free_length_on_a_gpu(monkeypatch):
    monkeypatch.setattr(module, "on_gpu", lambda: True)
    free = [tf.TensorSpec((None, None, UNITS), "float64")] * 2
    run = tf.function(
        linear_recurrence,
        input_signature=[*free, tf.TensorSpec((None, UNITS), "float64")],
    )
    for length in (1, 8, 17):
        a, b, h0, *_ = drawn(length)
        np.testing.assert_allclose(run(a, b, h0), by_numpy(a, b, h0), 0, 1e-12)


def test_an_export_on_a_gpu_holds_a_loop(monkeypatch):
    monkeypatch.setattr(module, "on_gpu", lambda: True)
    monkeypatch.setattr(module, "_ends_side_by_side", None)
    a, b, h0, *_ = drawn(17)
    with nested_loops():
        h = linear_recurrence(*map(tf.constant, (a, b, h0)))
    np.testing.assert_allclose(h, by_numpy(a, b, h0), 0, 1e-12)


@each_kind
@pytest.mark.parametrize("shape", SHAPES)
def test_a_may_be_the_same_in_rows_or_steps(shape, complex_):
    for length in (1, 8, 19):
        *arrays, mask = drawn(length, shape, complex_)
        check(*arrays)
        check(*arrays, mask)


@each_kind
@pytest.mark.parametrize("tbptt_steps", [1, 3, 8, 30])
def test_truncated_backpropagation(tbptt_steps, complex_):
    for shape in ("bt", "11"):
        *arrays, mask = drawn(20, shape, complex_)
        check(*arrays, tbptt_steps=tbptt_steps)
        check(*arrays, mask, tbptt_steps=tbptt_steps)


def test_the_reference_is_right_about_complex_gradients():
    a, b, h0, upstream, _ = drawn(3, complex_=True)

    def loss(a):
        return (parts(by_numpy(a, b, h0)) * parts(upstream)).sum()

    d_a, *_ = gradients_by_numpy(a, b, h0, upstream)
    for step, part in ((1e-6, d_a.real), (1e-6j, d_a.imag)):
        moved = np.zeros_like(a)
        moved[1, 0, 2] = step
        slope = (loss(a + moved) - loss(a - moved)) / 2e-6
        np.testing.assert_allclose(slope, part[1, 0, 2], 1e-6)


@each_kind
@pytest.mark.parametrize("jit_compile", [False, True], ids=["graph", "xla"])
def test_batch_and_length_may_be_dynamic(jit_compile, complex_):
    width = UNITS * (2 if complex_ else 1)
    function = complex_linear_recurrence if complex_ else linear_recurrence
    specs = [
        tf.TensorSpec((None, None, width)),
        tf.TensorSpec((None, None, width)),
        tf.TensorSpec((None, width)),
        tf.TensorSpec((None, None, width)),
        tf.TensorSpec((None, None), tf.bool),
    ]
    traces = []

    @tf.function(input_signature=specs, jit_compile=jit_compile)
    def run(a, b, h0, upstream, mask):
        traces.append(1)
        results = []
        for m in (None, mask):
            with tf.GradientTape() as tape:
                tape.watch([a, b, h0])
                h = function(a, b, h0, m)
            results.append((h, tape.gradient(h, [a, b, h0], upstream)))
        return results

    for length in (1, 7, 8, 21):
        a, b, h0, upstream, mask = drawn(length, complex_=complex_)
        given = [parts(x).astype("float32") for x in (a, b, h0, upstream)]
        for m, (h, gradients) in zip((None, mask), run(*given, mask), strict=True):
            np.testing.assert_allclose(h, parts(by_numpy(a, b, h0, m)), 0, 1e-5)
            expected = gradients_by_numpy(a, b, h0, upstream, m)
            for gradient, reference in zip(gradients, expected, strict=True):
                np.testing.assert_allclose(gradient, parts(reference), 0, 1e-4)
    assert len(traces) == 1


@pytest.mark.parametrize("shape", SHAPES)
def test_form_for_phones_gives_the_same(shape):
    for length, complex_ in itertools.product((1, 9, 150), (False, True)):
        a, b, h0, _, mask = drawn(length, shape, complex_)
        function = complex_linear_recurrence if complex_ else linear_recurrence
        with nested_loops():
            for m in (None, mask):
                h = function(*map(tf.constant, map(parts, (a, b, h0))), m)
                np.testing.assert_allclose(h, parts(by_numpy(a, b, h0, m)), 0, 1e-12)


def test_unrolled():
    *arrays, mask = drawn(20)
    check(*arrays, mask, unroll=True)

    def loops(unroll):
        given = [tf.constant(x) for x in arrays[:3]]
        traced = tf.function(lambda: linear_recurrence(*given, unroll=unroll))
        graph = traced.get_concrete_function().graph
        return [op for op in graph.get_operations() if "While" in op.type]

    assert loops(False) and not loops(True)


@each_kind
@pytest.mark.parametrize("size", [0.0, 1e-30, 0.5, 1.0 - 1e-6, 1.0])
def test_float32_stays_exact_over_4000_steps(size, complex_):
    """Forgetting at once, and remembering everything: nothing over- or underflows."""
    a, b, h0, upstream, _ = drawn(4000, "11", complex_)
    a = size * a / np.abs(a)
    a, b, h0, upstream = (
        x.astype("complex64" if complex_ else "float32") for x in (a, b, h0, upstream)
    )
    h, gradients = evaluated(a, b, h0, upstream, dtype="float32")
    double = [x.astype("complex128" if complex_ else "float64") for x in (a, b, h0)]
    expected = parts(by_numpy(*double))
    scale = np.abs(expected).max()
    np.testing.assert_allclose(h, expected, 0, 1e-4 * scale)
    _, d_b, d_h0 = gradients_by_numpy(*double, upstream.astype(double[1].dtype))
    for gradient, reference in zip(gradients[1:], (d_b, d_h0), strict=True):
        reference = parts(reference)
        scale = np.abs(d_b).max()
        np.testing.assert_allclose(gradient, reference, 0, 1e-4 * scale)


def test_masked_steps_may_hold_anything():
    a, b, h0, upstream, mask = drawn(20)
    clean = evaluated(a, b, h0, upstream, mask)
    for junk in (np.nan, np.inf):
        dirty_a = np.where(mask[..., None], a, junk)
        dirty_b = np.where(mask[..., None], b, junk)
        h, gradients = evaluated(dirty_a, dirty_b, h0, upstream, mask)
        np.testing.assert_array_equal(h, clean[0])
        for gradient, expected in zip(gradients, clean[1], strict=True):
            np.testing.assert_array_equal(gradient, expected)
    np.testing.assert_array_equal(h[1], np.broadcast_to(h0[1], h[1].shape))


def test_second_derivative():
    """h_1 = a (a h0 + b) + b, so d²h_1/da² = 2 h0."""
    a = tf.constant([[[0.5]]], "float64")
    b, h0 = tf.ones((1, 2, 1), "float64"), tf.constant([[3.0]], "float64")
    with tf.GradientTape() as outer:
        outer.watch(a)
        with tf.GradientTape() as inner:
            inner.watch(a)
            last = linear_recurrence(a, b, h0)[:, -1]
        slope = inner.gradient(last, a)
    np.testing.assert_allclose(slope, [[[2 * 0.5 * 3.0 + 1]]])
    np.testing.assert_allclose(outer.gradient(slope, a), [[[6.0]]])
