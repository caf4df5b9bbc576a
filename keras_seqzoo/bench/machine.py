"""What the figures were measured on, and with how many threads."""

import datetime
import importlib.metadata
import os
import pathlib
import platform

import keras

from keras_seqzoo.bench.gpu import gpu_name
from keras_seqzoo.bench.torch_modules import has_torch

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


def memory_bytes() -> int | None:
    """The size of the machine's memory, or None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows has no sysconf
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
