"""The GPU that the backend runs on, if any."""

import keras

from keras_seqzoo.errors import UserError


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
