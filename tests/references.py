"""The cells' equations, step by step in NumPy float64, written from the papers.

Each `*_step` takes one input `(batch, features)`, the states and the weights by the
names of DESIGN's table, and returns `(output, states)`.
"""

import numpy as np


def sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def simple_rnn_step(x, states, w, activation=np.tanh):
    (h,) = states
    h = activation(x @ w["kernel"] + h @ w["recurrent_kernel"] + w.get("bias", 0.0))
    return h, [h]


def lstm_step(x, states, w):
    h, c = states
    z = x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"]
    i, f, g, o = np.split(z, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    h = sigmoid(o) * np.tanh(c)
    return h, [h, c]


def peephole_lstm_step(x, states, w):
    h, c = states
    n = h.shape[-1]
    p_i, p_f, p_o = w["peephole_kernel"]

    def z(gate):
        part = slice(gate * n, (gate + 1) * n)
        return (
            x @ w["kernel"][:, part]
            + h @ w["recurrent_kernel"][:, part]
            + w["bias"][part]
        )

    i = sigmoid(z(0) + p_i * c)
    f = sigmoid(z(1) + p_f * c)
    new_c = f * c + i * np.tanh(z(2))
    o = sigmoid(z(3) + p_o * new_c)
    new_h = o * np.tanh(new_c)
    return new_h, [new_h, new_c]


def coupled_lstm_step(x, states, w):
    h, c = states
    p_f, p_o = w.get("peephole_kernel", np.zeros((2, h.shape[-1])))
    z = x @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"]
    z_f, z_c, z_o = np.split(z, 3, axis=-1)
    f = sigmoid(z_f + p_f * c)
    new_c = f * c + (1.0 - f) * np.tanh(z_c)
    new_h = sigmoid(z_o + p_o * new_c) * np.tanh(new_c)
    return new_h, [new_h, new_c]


def gru_step(x, states, w):
    """In the form h = (1 - z) h' + z n."""
    (h,) = states
    n = h.shape[-1]
    w_z, w_r, w_n = (w["kernel"][:, k * n : (k + 1) * n] for k in range(3))
    u_z, u_r, u_n = (w["recurrent_kernel"][:, k * n : (k + 1) * n] for k in range(3))
    b_z, b_r, b_n = np.split(w["bias"], 3)
    z = sigmoid(x @ w_z + h @ u_z + b_z)
    r = sigmoid(x @ w_r + h @ u_r + b_r)
    new = np.tanh(x @ w_n + (r * h) @ u_n + b_n)
    h = (1.0 - z) * h + z * new
    return h, [h]


def clockwork_rnn_step(x, states, w, periods):
    """Module by module; module k hears modules j >= k, and ticks if t mod T_k = 0."""
    h, t = states
    size = h.shape[-1] // len(periods)
    new_h = h.copy()
    for k, period in enumerate(periods):
        own = slice(k * size, (k + 1) * size)
        z = x @ w["kernel"][:, own] + w["bias"][own]
        for j in range(k, len(periods)):
            sender = slice(j * size, (j + 1) * size)
            z = z + h[:, sender] @ w["recurrent_kernel"][sender, own]
        ticks = (np.round(t[:, 0]).astype(int) % period) == 0
        new_h[ticks, own] = np.tanh(z)[ticks]
    return new_h, [new_h, t + 1]


def scrn_step(x, states, w, alpha=0.95):
    h, s = states
    if "alpha_logit" in w:
        alpha = sigmoid(w["alpha_logit"])
    s = (1.0 - alpha) * (x @ w["context_kernel"]) + alpha * s
    h = sigmoid(
        s @ w["context_recurrent_kernel"] + x @ w["kernel"] + h @ w["recurrent_kernel"]
    )
    return np.concatenate([h, s], axis=-1), [h, s]


def log_space_candidate(v):
    """g of minGRU and minLSTM."""
    return np.where(v >= 0, v + 0.5, sigmoid(v))


def min_gru_step(x, states, w):
    (h,) = states
    k, v = np.split(x @ w["kernel"] + w["bias"], 2, axis=-1)
    z = sigmoid(k)
    h = (1.0 - z) * h + z * log_space_candidate(v)
    return h, [h]


def min_lstm_step(x, states, w):
    (h,) = states
    z = x @ w["kernel"] + w["bias"]
    i, f, v = np.split(z, 3, axis=-1)
    i, f = sigmoid(i), sigmoid(f)
    h = f / (f + i) * h + i / (f + i) * log_space_candidate(v)
    return h, [h]


def lru_step(x, states, w):
    """In complex numbers, as the paper writes it."""
    h = states[0] + 1j * states[1]
    eigenvalues = np.exp(-np.exp(w["nu_log"]) + 1j * np.exp(w["theta_log"]))
    b_re, b_im = np.split(w["kernel"], 2, axis=1)
    c_re, c_im = np.split(w["output_kernel"], 2, axis=0)
    h = eigenvalues * h + np.exp(w["gamma_log"]) * (x @ (b_re + 1j * b_im))
    skip = w["skip_kernel"]
    y = (h @ (c_re + 1j * c_im)).real + (x * skip if skip.ndim == 1 else x @ skip)
    return y, [h.real, h.imag]


def run(step, x, states, mask=None, go_backwards=False):
    """Run a step over `x` (batch, time, features), as `keras.layers.RNN` does.

    A masked row keeps its states and repeats its output, zeros before the first.

    Returns:
        `(outputs, states)`; outputs (batch, time, size) in the order of the loop.
    """
    states = [np.asarray(state, "float64") for state in states]
    x = np.asarray(x, "float64")
    if go_backwards:
        x = x[:, ::-1]
        mask = None if mask is None else mask[:, ::-1]
    outputs, last = [], None
    for time in range(x.shape[1]):
        output, new_states = step(x[:, time], states)
        if mask is not None:
            keep = mask[:, time, None]
            last = np.zeros_like(output) if last is None else last
            output = np.where(keep, output, last)
            new_states = [
                np.where(keep, n, o) for n, o in zip(new_states, states, strict=True)
            ]
        states, last = new_states, output
        outputs.append(output)
    return np.stack(outputs, axis=1), states
