"""One training step, or one inference, of a recurrent layer, ready to be timed.

A training step computes a scalar loss of all outputs and its gradients with respect to
the inputs and all weights, and gives (loss, gradients). A step is a function of no
arguments that does the work and returns when it is done.
"""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_seqzoo.bench.shapes import Shape

Step = Callable[[], object]

# Backend -> the ways a function is run there; the best of them is a layer's figure.
# On TensorFlow, `fit` runs a training step either way.
MODES = {"tensorflow": ("graph", "xla"), "jax": ("jit",), "torch": ("eager",)}


def layer_steps(work: str, layer: keras.layers.Layer, shape: Shape) -> dict[str, Step]:
    """A built Keras layer's step in each mode of the backend.

    Args:
        work: "train" or "infer".
        layer: Built, with `return_sequences=True`.
        shape: Of the inputs.
    """
    x, weighting = random_data(shape, layer.compute_output_shape(input_shape(shape)))
    x = keras.ops.convert_to_tensor(x)
    weighting = keras.ops.convert_to_tensor(weighting)
    backend = keras.config.backend()
    make = {
        ("tensorflow", "train"): _tensorflow_training,
        ("tensorflow", "infer"): _tensorflow_inference,
        ("jax", "train"): _jax_training,
        ("jax", "infer"): _jax_inference,
        ("torch", "train"): _torch_training,
        ("torch", "infer"): _torch_inference,
    }[backend, work]
    return {mode: make(layer, x, weighting, mode) for mode in MODES[backend]}


def start_backend() -> None:
    """Run something small in every mode.

    What the libraries set up once would else count as the first layer's first call.
    """
    shape = Shape(1, 1, 1, 1)
    layer = keras.layers.Dense(shape.units)
    layer.build(input_shape(shape))
    for step in layer_steps("train", layer, shape).values():
        step()


def input_shape(shape: Shape) -> tuple[int, int, int]:
    """(batch, time, features)."""
    return shape.batch, shape.steps, shape.inputs


def random_data(shape: Shape, output_shape: tuple) -> tuple[np.ndarray, np.ndarray]:
    """Inputs, and the outputs' weights in the loss (so that no gradient is uniform)."""
    random = np.random.default_rng(0)
    return tuple(
        random.standard_normal(size, dtype=np.float32)
        for size in (input_shape(shape), output_shape)
    )


def _tensorflow_training(layer, x, weighting, mode):
    import tensorflow as tf

    variables = [weight.value for weight in layer.trainable_variables]

    def step(x, weighting):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x, training=True) * weighting)
        return loss, tape.gradient(loss, [x, *variables])

    compiled = _tensorflow_function(step, mode)

    def run():
        loss, gradients = compiled(x, weighting)
        # A function's results on the CPU are there together: the loss stands for all.
        return loss.numpy(), gradients

    return run


def _tensorflow_inference(layer, x, weighting, mode):
    del weighting
    compiled = _tensorflow_function(lambda x: layer(x, training=False), mode)
    return lambda: compiled(x).numpy()


def _tensorflow_function(function, mode):
    import tensorflow as tf

    if mode == "xla":
        return tf.function(function, jit_compile=True)
    return tf.function(function)  # not jit_compile=False: as `fit` does it


def _jax_training(layer, x, weighting, mode):
    del mode
    import jax

    trainable = [weight.value for weight in layer.trainable_variables]
    other = [weight.value for weight in layer.non_trainable_variables]

    def loss(x, trainable, weighting):
        outputs, _ = layer.stateless_call(trainable, other, x, training=True)
        return (outputs * weighting).sum()

    compiled = jax.jit(jax.value_and_grad(loss, argnums=(0, 1)))

    def run():
        loss, (dx, others) = jax.block_until_ready(compiled(x, trainable, weighting))
        return loss, [dx, *others]

    return run


def _jax_inference(layer, x, weighting, mode):
    del weighting, mode
    import jax

    trainable = [weight.value for weight in layer.trainable_variables]
    other = [weight.value for weight in layer.non_trainable_variables]

    def outputs(x, trainable):
        return layer.stateless_call(trainable, other, x, training=False)[0]

    compiled = jax.jit(outputs)
    return lambda: jax.block_until_ready(compiled(x, trainable))


def _torch_training(layer, x, weighting, mode):
    del mode
    parameters = [weight.value for weight in layer.trainable_variables]
    return torch_training(lambda x: layer(x, training=True), parameters, x, weighting)


def _torch_inference(layer, x, weighting, mode):
    del weighting, mode
    return torch_inference(lambda x: layer(x, training=False), x)


def torch_training(forward: Callable, parameters: list, x: Any, weighting: Any) -> Step:
    """A training step of PyTorch's autograd.

    Args:
        forward: Inputs -> outputs.
        parameters: What to derive by, besides the inputs.
        x: The inputs, a torch tensor.
        weighting: The outputs' weights in the loss, a torch tensor.
    """
    import torch

    x = x.detach().requires_grad_()

    def step():
        loss = (forward(x) * weighting).sum()
        gradients = torch.autograd.grad(loss, [x, *parameters])
        _wait_for(x)
        return loss, gradients

    return step


def torch_inference(forward: Callable, x: Any) -> Step:
    """A call of PyTorch without autograd; arguments as of `torch_training`."""
    import torch

    def step():
        with torch.inference_mode():
            outputs = forward(x)
        _wait_for(x)
        return outputs

    return step


def _wait_for(tensor):
    import torch

    if tensor.is_cuda:
        torch.cuda.synchronize()
