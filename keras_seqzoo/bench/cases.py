"""What is timed against what."""

import dataclasses
from collections.abc import Callable
from functools import partial

import keras

from keras_seqzoo import cells, layers
from keras_seqzoo.bench.products import tensorflow_products, torch_products
from keras_seqzoo.bench.shapes import GPU, INFER, LONG, TRAIN, Shape
from keras_seqzoo.bench.steps import Step, input_shape, layer_steps
from keras_seqzoo.bench.torch_modules import has_torch, module_steps

LayerMaker = Callable[[int], keras.layers.Layer]  # units -> layer

OURS = "ours"
PRODUCTS, TORCH_PRODUCTS = "matrix products", "matrix products in torch"
PERIODS = tuple(2**k for k in range(8))  # of the clockwork RNN: 8 modules


@dataclasses.dataclass(frozen=True)
class Case:
    """A layer of this package and its peers.

    Args:
        ours: Makes our layer.
        peers: Name -> what makes a Keras layer to compare with.
        torch: The class in torch.nn to compare with, if any.
        products: Whether to compare with the matrix products alone.
        train: The shapes of the training step.
        infer: The shapes of the inference.
    """

    ours: LayerMaker
    peers: dict[str, LayerMaker]
    torch: str | None = None
    products: bool = False
    train: tuple[Shape, ...] = TRAIN
    infer: tuple[Shape, ...] = INFER


def _sequences(layer_class: type, **arguments) -> LayerMaker:
    return partial(layer_class, return_sequences=True, **arguments)


def _cell_in_keras_rnn(cell_class: type, **arguments) -> LayerMaker:
    return lambda units: keras.layers.RNN(
        cell_class(units, **arguments), return_sequences=True
    )


CASES = {
    "peephole_lstm": Case(
        ours=_sequences(layers.PeepholeLSTM),
        peers={
            "keras.layers.RNN(PeepholeLSTMCell)": _cell_in_keras_rnn(
                cells.PeepholeLSTMCell
            ),
            "keras.layers.LSTM": _sequences(keras.layers.LSTM),
        },
        torch="LSTM",
        products=True,
    ),
    "coupled_lstm": Case(
        ours=_sequences(layers.CoupledLSTM),
        peers={
            "PeepholeLSTM": _sequences(layers.PeepholeLSTM),
            "keras.layers.RNN(CoupledLSTMCell)": _cell_in_keras_rnn(
                cells.CoupledLSTMCell
            ),
        },
        torch="LSTM",
    ),
    "clockwork_rnn": Case(
        ours=_sequences(layers.ClockworkRNN, periods=PERIODS),
        peers={
            "keras.layers.SimpleRNN": _sequences(keras.layers.SimpleRNN),
            "keras.layers.RNN(ClockworkRNNCell)": _cell_in_keras_rnn(
                cells.ClockworkRNNCell, periods=PERIODS
            ),
        },
        torch="RNN",
    ),
    "scrn": Case(
        ours=_sequences(layers.SCRN),
        peers={"keras.layers.RNN(SCRNCell)": _cell_in_keras_rnn(cells.SCRNCell)},
    ),
    "min_gru": Case(
        ours=_sequences(layers.MinGRU),
        peers={"keras.layers.GRU": _sequences(keras.layers.GRU)},
        torch="GRU",
        train=(LONG,),
        infer=(LONG._replace(batch=1),),
    ),
}

# Case -> the peer whose memory in training is compared: the same cell, run by Keras.
MEMORY_PEERS = {
    name: next(peer for peer in case.peers if peer.startswith("keras.layers.RNN"))
    for name, case in CASES.items()
    if name != "min_gru"
}

# On a GPU against cuDNN, which counts in TF32 by default, so XLA (by default) and torch
# (by `allow_tf32`) may too. On JAX Keras' LSTM is cuDNN's as well.
_KERAS_CUDNN = {
    "keras.layers.LSTM (cuDNN)": _sequences(keras.layers.LSTM, use_cudnn=True)
}
_ON_A_GPU = {
    "peephole_lstm": ("LSTM", GPU),
    "coupled_lstm": ("LSTM", GPU),
    "min_gru": ("GRU", LONG),
}
GPU_CASES = {
    backend: {
        name: Case(
            ours=CASES[name].ours,
            peers=_KERAS_CUDNN if (backend, module) == ("jax", "LSTM") else {},
            torch=module,
            train=(shape,),
            infer=(shape,),
        )
        for name, (module, shape) in _ON_A_GPU.items()
    }
    for backend in ("jax", "torch")
}


def contenders(
    case: Case, work: str, shape: Shape
) -> dict[str, Callable[[], dict[str, Step]]]:
    """Who takes part, `OURS` first.

    Args:
        case: What is compared.
        work: "train" or "infer".
        shape: Of the work.

    Returns:
        Name -> a function that builds it and gives its step in each mode.
    """
    found = {
        name: partial(_built_layer_steps, work, make, shape)
        for name, make in {OURS: case.ours, **case.peers}.items()
    }
    if case.torch and has_torch():
        found[f"torch.nn.{case.torch}"] = partial(module_steps, work, case.torch, shape)
    if case.products:
        if keras.config.backend() == "tensorflow":
            found[PRODUCTS] = partial(tensorflow_products, work, shape)
        if has_torch() and work == "train":
            found[TORCH_PRODUCTS] = partial(torch_products, shape)
    return found


def _built_layer_steps(work, make, shape):
    layer = make(shape.units)
    layer.build(input_shape(shape))
    return layer_steps(work, layer, shape)
