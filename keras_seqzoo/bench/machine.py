"""What the figures were measured on, and with how many threads."""

import datetime
import importlib.metadata
import os
import pathlib
import platform

import keras

from keras_seqzoo.bench.torch_modules import has_torch
from keras_seqzoo.errors import UserError

_LIBRARIES = "keras_seqzoo", "keras", "tensorflow", "jax", "torch", "numpy"


def set_threads(threads: int) -> None:
    """Gives TensorFlow and PyTorch so many threads. (JAX offers no such setting.)

    TensorFlow takes it only before its first operation.
    """
    if keras.config.backend() == "tensorflow":
        import tensorflow as tf

        try:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        except RuntimeError:  # it runs already, with the threads it has
            pass
    if has_torch():
        import torch

        torch.set_num_threads(threads)


def require_gpu() -> None:
    """Checks that the backend can run on a GPU, as `--gpu` wants, and readies it.

    Raises:
        UserError: if it cannot.
    """
    backend = keras.config.backend()
    if backend not in ("jax", "torch"):
        raise UserError(
            "--gpu needs the JAX or PyTorch backend: set KERAS_BACKEND=jax or "
            f"KERAS_BACKEND=torch. Received: KERAS_BACKEND={backend}"
        )
    if gpu_name() is None:
        raise UserError(
            f"--gpu needs a GPU that {backend} can use. Received: a machine without"
        )
    if backend == "torch":
        import torch

        torch.backends.cuda.matmul.allow_tf32 = True  # as cuDNN's LSTM does


def gpu_name() -> str | None:
    """The name of the GPU that the backend runs on, or None."""
    backend = keras.config.backend()
    if backend == "jax":
        import jax

        gpus = [device for device in jax.devices() if device.platform == "gpu"]
        return gpus[0].device_kind if gpus else None
    if backend == "torch":
        import torch

        return torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return None


def facts() -> dict:
    """The machine and the libraries: "cpu", "cores", "gpu", "system", "date", ..."""
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "gpu": gpu_name(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "backend": keras.config.backend(),
        "versions": {name: v for name in _LIBRARIES if (v := _version(name))},
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _cpu_name():
    cpuinfo = pathlib.Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _version(name):
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
