"""Whether the layers run on a GPU, where a loop's launches cost more than its sums."""

import keras


def on_gpu() -> bool:
    """Whether the backend, JAX or TensorFlow, has a GPU."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.default_backend() == "gpu"
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return bool(tf.config.list_logical_devices("GPU"))
    return False
