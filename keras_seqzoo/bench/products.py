"""The matrix products of an LSTM's training step, or inference, and nothing else.

What no LSTM in the same library can be much faster than: x W for all steps, then step
by step h U; in training then backwards dz U^T, and X^T dZ, H^T dZ and dZ W^T at the
end, each after the one before. U is one orthogonal block four times, so that the values
neither grow nor vanish over thousands of steps (tiny numbers are slow).
"""

from functools import partial
from typing import NamedTuple

import numpy as np

from keras_seqzoo.bench.shapes import Shape
from keras_seqzoo.bench.steps import Step
from keras_seqzoo.bench.torch_modules import device


class Operands(NamedTuple):
    """What is multiplied."""

    x: np.ndarray  # (batch · steps, inputs)
    kernel: np.ndarray  # (inputs, 4 units)
    recurrent_kernel: np.ndarray  # (units, 4 units)
    h: np.ndarray  # (batch, units)
    all_h: np.ndarray  # (batch · steps, units)
    all_dz: np.ndarray  # (batch · steps, 4 units)


def operands(shape: Shape) -> Operands:
    """The operands at this shape, float32."""
    random = np.random.default_rng(0)

    def normal(*size):
        return random.standard_normal(size, dtype=np.float32)

    rows = shape.batch * shape.steps
    block, _ = np.linalg.qr(normal(shape.units, shape.units))
    return Operands(
        normal(rows, shape.inputs),
        normal(shape.inputs, 4 * shape.units),
        np.tile(block, (1, 4)),
        normal(shape.batch, shape.units),
        normal(rows, shape.units),
        normal(rows, 4 * shape.units),
    )


def tensorflow_products(work: str, shape: Shape) -> dict[str, Step]:
    """The products in TensorFlow, as a graph and under XLA.

    Args:
        work: "train" or "infer".
        shape: Of the work.
    """
    import tensorflow as tf

    arguments = [tf.constant(array) for array in operands(shape)]

    def products(x, kernel, recurrent_kernel, h, all_h, all_dz):
        def forward(h):
            z = tf.matmul(h, recurrent_kernel)  # (batch, 4 units)
            return 0.25 * tf.add_n(tf.split(z, 4, axis=-1))  # so all of z is needed

        def backward(dh):
            dz = 0.25 * tf.tile(dh, (1, 4))
            return tf.matmul(dz, recurrent_kernel, transpose_b=True)

        z = tf.matmul(x, kernel)
        with tf.control_dependencies([z]):
            h = _repeated(forward, h, shape.steps)
        if work == "infer":
            return z, h
        dh = _repeated(backward, h, shape.steps)
        with tf.control_dependencies([dh]):
            d_kernel = tf.matmul(x, all_dz, transpose_a=True)
        with tf.control_dependencies([d_kernel]):
            d_recurrent = tf.matmul(all_h, all_dz, transpose_a=True)
        with tf.control_dependencies([d_recurrent]):
            dx = tf.matmul(all_dz, kernel, transpose_b=True)
        return z, dh, d_kernel, d_recurrent, dx

    def run(function):
        z, last, *weight_gradients = function(*arguments)
        last.numpy()  # the smallest: `numpy` copies
        return z, last, *weight_gradients

    functions = {
        "graph": tf.function(products),
        "xla": tf.function(products, jit_compile=True),
    }
    return {mode: partial(run, function) for mode, function in functions.items()}


def _repeated(step, state, times):
    """The step's result after so many turns of a loop."""
    import tensorflow as tf

    return tf.while_loop(
        lambda i, state: i < times,
        lambda i, state: (i + 1, step(state)),
        (0, state),
        maximum_iterations=times,
    )[1]


def torch_products(shape: Shape) -> dict[str, Step]:
    """The training step's products in PyTorch, in a Python loop without autograd."""
    import torch

    x, kernel, recurrent_kernel, first_h, all_h, all_dz = (
        torch.from_numpy(array).to(device()) for array in operands(shape)
    )
    backward_kernel = (0.25 * recurrent_kernel).T  # (4 units, units)

    def products():
        with torch.inference_mode():
            z = x @ kernel
            h = first_h
            for _ in range(shape.steps):
                h = (h @ recurrent_kernel)[:, : shape.units]
            dh = h
            for _ in range(shape.steps):
                dh = dh.repeat(1, 4) @ backward_kernel
            d_kernel, d_recurrent = x.T @ all_dz, all_h.T @ all_dz
            dx = all_dz @ kernel.T
        if dx.is_cuda:
            torch.cuda.synchronize()
        return z, dh, d_kernel, d_recurrent, dx

    return {"eager": products}
