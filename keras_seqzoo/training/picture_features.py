"""What a frozen network makes of pictures, computed once and kept on disk."""

import hashlib
import os
import pathlib
import tempfile
from collections.abc import Callable, Sequence

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from keras_seqzoo.datasets.prepared import cache_folder
from keras_seqzoo.errors import UserError

BATCH = 20


def picture_features(
    network: keras.Model,
    pictures: Sequence[np.ndarray],
    resized: Callable,
    mirrored: bool = False,
) -> np.ndarray:
    """The network's output for each picture, float16, from the cache if it is there.

    The file's name is the sha256 of weights, pictures and arguments: so a network that
    was trained on, or another set, has a file of its own.

    Args:
        network: Of pictures as `resized` gives them; its weights stay as they are.
        pictures: Arrays `(height, width, 3)`, uint8, all of one size.
        resized: From a batch of pictures to the network's input.
        mirrored: Whether to see each picture in a mirror.

    Returns:
        `(pictures, ...)`, float16; a memory map.

    Raises:
        UserError: The cache cannot be written.
    """
    shape = len(pictures), *network.output.shape[1:]
    folder = cache_folder().parent / "features"
    path = folder / f"{_sha256(network, pictures, mirrored)}.npy"
    if path.exists():
        found = np.load(path, mmap_mode="r")
        if found.shape == shape:
            return found

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8)])
    def features(batch):
        batch = batch[:, :, ::-1] if mirrored else batch
        return tf.cast(network(resized(batch), training=False), tf.float16)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".tmp", dir=folder)
        os.close(descriptor)
        temporary = pathlib.Path(name)
        try:
            found = np.lib.format.open_memmap(temporary, "w+", np.float16, shape)
            words = "Features of mirrored pictures" if mirrored else "Features"
            for start in tqdm(range(0, len(pictures), BATCH), words, disable=None):
                batch = np.stack(pictures[start : start + BATCH])
                found[start : start + BATCH] = features(batch)
            found.flush()
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be written ({error.strerror}): set KERAS_SEQZOO_HOME to "
            "another folder"
        ) from error
    return np.load(path, mmap_mode="r")


def _sha256(network, pictures, mirrored):
    found = hashlib.sha256(
        repr((network.input.shape, network.output.shape, mirrored)).encode()
    )
    for weight in network.weights:
        found.update(np.ascontiguousarray(weight))
    for picture in pictures:
        found.update(np.ascontiguousarray(picture))
    return found.hexdigest()
