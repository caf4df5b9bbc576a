"""What is timed does the work it says, against NumPy."""

import keras
import numpy as np
import pytest

from keras_seqzoo.bench.cases import CASES, MEMORY_PEERS, OURS, contenders
from keras_seqzoo.bench.products import (
    operands,
    tensorflow_products,
    torch_products,
)
from keras_seqzoo.bench.shapes import INFER, SWEEPS, TRAIN, Shape
from keras_seqzoo.bench.steps import (
    input_shape,
    layer_steps,
    random_data,
    start_backend,
    torch_inference,
    torch_training,
)
from keras_seqzoo.bench.torch_modules import has_torch, module_steps

SHAPE = Shape(2, 5, 3, 4)
MODES = "graph", "xla"
needs_torch = pytest.mark.skipif(not has_torch(), reason="torch is not installed")


def of_linear_layer(kernel):
    """Loss and gradients of sum(x W ⊙ weighting)."""
    x, weighting = random_data(SHAPE, (2, 5, 4))
    d_kernel = np.einsum("bti,btu->iu", x, weighting)
    return ((x @ kernel) * weighting).sum(), [weighting @ kernel.T, d_kernel]


def assert_step_is(step, kernel):
    loss, gradients = step()
    expected_loss, expected = of_linear_layer(kernel)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4)
    assert len(gradients) == len(expected)
    for gradient, wanted in zip(gradients, expected):
        np.testing.assert_allclose(gradient, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
def test_training_step_of_a_layer(mode):
    layer = keras.layers.Dense(SHAPE.units, use_bias=False)
    layer.build(input_shape(SHAPE))
    step = layer_steps("train", layer, SHAPE)[mode]
    assert_step_is(step, layer.get_weights()[0])


@pytest.mark.parametrize("mode", MODES)
def test_inference_of_a_layer(mode):
    layer = keras.layers.Dense(SHAPE.units, use_bias=False)
    layer.build(input_shape(SHAPE))
    outputs = layer_steps("infer", layer, SHAPE)[mode]()
    x, _ = random_data(SHAPE, (1,))
    np.testing.assert_allclose(outputs, x @ layer.get_weights()[0], rtol=1e-5)


@needs_torch
def test_steps_of_torch():
    import torch

    kernel = np.random.default_rng(1).normal(size=(3, 4)).astype("float32")
    weight = torch.from_numpy(kernel).requires_grad_()
    x, weighting = map(torch.from_numpy, random_data(SHAPE, (2, 5, 4)))
    step = torch_training(lambda x: x @ weight, [weight], x, weighting)

    def as_arrays():
        loss, gradients = step()
        return loss.detach().numpy(), [g.numpy() for g in gradients]

    assert_step_is(as_arrays, kernel)
    outputs = torch_inference(lambda x: x @ weight, x)()
    np.testing.assert_allclose(outputs.numpy(), x.numpy() @ kernel, rtol=1e-5)


@needs_torch
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
def test_modules_of_torch(name):
    _, gradients = module_steps("train", name, SHAPE)["eager"]()
    assert len(gradients) == 5  # inputs, two kernels, two biases
    assert module_steps("infer", name, SHAPE)["eager"]().shape == (2, 5, 4)


def of_products(shape):
    x, kernel, recurrent_kernel, h, all_h, all_dz = operands(shape)
    block = recurrent_kernel[:, : shape.units]
    dh = h @ np.linalg.matrix_power(block, shape.steps)
    dh = dh @ np.linalg.matrix_power(block.T, shape.steps)
    return x @ kernel, dh, x.T @ all_dz, all_h.T @ all_dz, all_dz @ kernel.T


@pytest.mark.parametrize("mode", MODES)
def test_matrix_products_of_tensorflow(mode):
    for found, wanted in zip(
        tensorflow_products("train", SHAPE)[mode](), of_products(SHAPE), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_matrix_products_of_an_inference():
    z, h = tensorflow_products("infer", SHAPE)["xla"]()
    x, kernel, recurrent_kernel, first_h, *_ = operands(SHAPE)
    block = recurrent_kernel[:, : SHAPE.units]
    np.testing.assert_allclose(z, x @ kernel, rtol=1e-4, atol=1e-5)
    last = first_h @ np.linalg.matrix_power(block, SHAPE.steps)
    np.testing.assert_allclose(h, last, rtol=1e-4, atol=1e-5)


@needs_torch
def test_matrix_products_of_torch():
    for found, wanted in zip(
        torch_products(SHAPE)["eager"](), of_products(SHAPE), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-4, atol=1e-5)


def test_products_neither_grow_nor_vanish():
    shape = Shape(2, 2000, 3, 16)
    dh = tensorflow_products("train", shape)["graph"]()[1]
    np.testing.assert_allclose(dh, operands(shape).h, rtol=1e-2, atol=1e-2)


def test_every_case_is_timed_against_its_peers():
    torch = ["torch.nn.LSTM"] if has_torch() else []
    bare = ["matrix products"] + ["matrix products in torch"] * has_torch()
    keras_peers = ["keras.layers.RNN(PeepholeLSTMCell)", "keras.layers.LSTM"]
    case = CASES["peephole_lstm"]
    train = [OURS, *keras_peers, *torch, *bare]
    assert list(contenders(case, "train", SHAPE)) == train
    infer = [OURS, *keras_peers, *torch, bare[0]]
    assert list(contenders(case, "infer", SHAPE)) == infer
    for name, peer in MEMORY_PEERS.items():
        assert peer in contenders(CASES[name], "train", SHAPE)


@pytest.mark.parametrize("name", CASES)
def test_all_layers_of_a_case_have_the_shape_of_the_work(name):
    case = CASES[name]
    for make in (case.ours, *case.peers.values()):
        layer = make(16)
        shape = layer.compute_output_shape((2, 5, 3))
        width = 16 + layer.cell.context_units if name == "scrn" else 16
        assert tuple(shape) == (2, 5, width)
    for work in (case.train, case.infer, *SWEEPS.values()):
        assert all(case.ours(shape.units) for shape in work)
    assert all(shape.batch == 1 for shape in case.infer)


def test_inference_is_of_the_same_sizes():
    assert {shape[1:] for shape in INFER} == {shape[1:] for shape in TRAIN}


def test_the_backend_starts():
    start_backend()
