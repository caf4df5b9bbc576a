"""The peephole and the coupled LSTM for the engine: forward, and backward by hand.

All gates are kept as tanh: σ(v) = ½ + ½ tanh(v / 2), so one function serves them all.
With c' the old cell state, and z the gates' pre-activations without peepholes, the
gradients are

    dL/dc   += dL/dh · A        A = o (1 − tanh²c) + p_o F_o
    dL/dz_k  = dL/dc · F_k      k every gate but o
    dL/dz_o  = dL/dh · F_o      F_o = tanh(c) o (1 − o)
    dL/dc'   = dL/dc · K        K = ∂c/∂c' + Σ_k p_k F_k

where A, F and K do not depend on the order of steps.
"""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.layers.bptt import Recurrence


def has_equations(cell: Any) -> bool:
    """Whether the cell has the activations that these equations are written for."""
    return (
        cell.activation is keras.activations.tanh
        and cell.recurrent_activation is keras.activations.sigmoid
    )


def peephole_lstm() -> Recurrence:
    """Gates i, f, c, o; weights: `(peephole_kernel (3, units),)`."""
    return Recurrence(4, _peephole_step, _peephole_factors, _step_back, _peephole_grads)


def coupled_lstm(peephole: bool) -> Recurrence:
    """Gates f, c, o; weights: `(peephole_kernel (2, units),)` with `peephole`, or `()`.

    The input gate is 1 − f.
    """
    gradients = _coupled_grads if peephole else lambda *_: []
    return Recurrence(3, _coupled_step, _coupled_factors, _step_back, gradients)


def _peephole_step(z: Any, states: list, weights: list) -> tuple[Any, list]:
    (_, c), (p,) = states, weights
    i = ops.tanh((z[:, 0] + p[0] * c) / 2)
    f = ops.tanh((z[:, 1] + p[1] * c) / 2)
    g = ops.tanh(z[:, 2])
    c = (0.5 + 0.5 * f) * c + (0.5 + 0.5 * i) * g
    o = ops.tanh((z[:, 3] + p[2] * c) / 2)
    h = (0.5 + 0.5 * o) * ops.tanh(c)
    return ops.stack([i, f, g, o], axis=1), [h, c]


def _peephole_factors(kept: Any, before: list, after: list, weights: list) -> list:
    (p,) = weights
    i, f, g, o = (kept[:, :, gate] for gate in range(4))  # as tanh
    old, tanh_c = before[1], ops.tanh(after[1])
    f_i = 0.25 * (1 - i * i) * g
    f_f = 0.25 * (1 - f * f) * old
    f_g = (0.5 + 0.5 * i) * (1 - g * g)
    f_o = 0.25 * (1 - o * o) * tanh_c
    a = (0.5 + 0.5 * o) * (1 - tanh_c * tanh_c) + p[2] * f_o
    k = 0.5 + 0.5 * f + p[0] * f_i + p[1] * f_f
    return [ops.stack([f_i, f_f, f_g, f_o], axis=2), a, k]


def _peephole_grads(dz: Any, before: list, after: list) -> list:
    old, new = before[1], after[1]
    parts = [dz[:, :, 0] * old, dz[:, :, 1] * old, dz[:, :, 3] * new]
    return [ops.stack([ops.sum(part, axis=(0, 1)) for part in parts])]


def _coupled_step(z: Any, states: list, weights: list) -> tuple[Any, list]:
    _, c = states
    z_f, z_o = z[:, 0], z[:, 2]
    if weights:
        z_f = z_f + weights[0][0] * c
    f, g = ops.tanh(z_f / 2), ops.tanh(z[:, 1])
    c = g + (0.5 + 0.5 * f) * (c - g)
    if weights:
        z_o = z_o + weights[0][1] * c
    o = ops.tanh(z_o / 2)
    h = (0.5 + 0.5 * o) * ops.tanh(c)
    return ops.stack([f, g, o], axis=1), [h, c]


def _coupled_factors(kept: Any, before: list, after: list, weights: list) -> list:
    f, g, o = (kept[:, :, gate] for gate in range(3))  # as tanh
    old, tanh_c = before[1], ops.tanh(after[1])
    f_f = 0.25 * (1 - f * f) * (old - g)
    f_g = (0.5 - 0.5 * f) * (1 - g * g)
    f_o = 0.25 * (1 - o * o) * tanh_c
    a = (0.5 + 0.5 * o) * (1 - tanh_c * tanh_c)
    k = 0.5 + 0.5 * f
    if weights:
        (p,) = weights
        a, k = a + p[1] * f_o, k + p[0] * f_f
    return [ops.stack([f_f, f_g, f_o], axis=2), a, k]


def _coupled_grads(dz: Any, before: list, after: list) -> list:
    parts = [dz[:, :, 0] * before[1], dz[:, :, 2] * after[1]]
    return [ops.stack([ops.sum(part, axis=(0, 1)) for part in parts])]


def _step_back(dh: Any, carried: list, factors: list) -> tuple[Any, list]:
    (dc,), (f, a, k) = carried, factors
    dc = dc + dh * a
    last = f.shape[1] - 1  # the gate o: its gradient comes from h, the others' from c
    from_c = ops.cast(ops.arange(last + 1) < last, f.dtype)[:, None]
    return (dc[:, None] * from_c + dh[:, None] * (1 - from_c)) * f, [dc * k]
