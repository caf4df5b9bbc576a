"""PyTorch's own recurrent modules, timed like the layers."""

import functools
import importlib.util

from keras_seqzoo.bench.gpu import gpu_name
from keras_seqzoo.bench.shapes import Shape
from keras_seqzoo.bench.steps import (
    Step,
    random_data,
    torch_inference,
    torch_training,
)


@functools.cache
def has_torch() -> bool:
    """Whether PyTorch is installed; it is optional."""
    return importlib.util.find_spec("torch") is not None


def device() -> str:
    """Where the modules run: where Keras' layers do, or beside them on the CPU."""
    import torch

    return "cuda" if gpu_name() and torch.cuda.is_available() else "cpu"


def module_steps(work: str, name: str, shape: Shape) -> dict[str, Step]:
    """The step of torch.nn.LSTM, GRU or RNN.

    Args:
        work: "train" or "infer".
        name: The class in torch.nn.
        shape: Of the work.
    """
    import torch

    module = getattr(torch.nn, name)(shape.inputs, shape.units, batch_first=True)
    module = module.to(device())
    x, weighting = (
        torch.from_numpy(array).to(device())
        for array in random_data(shape, (shape.batch, shape.steps, shape.units))
    )

    def forward(x):
        return module(x)[0]

    if work == "infer":
        module.eval()
        return {"eager": torch_inference(forward, x)}
    parameters = list(module.parameters())
    return {"eager": torch_training(forward, parameters, x, weighting)}
