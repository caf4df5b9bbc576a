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

from keras_seqzoo.datasets import augment
from keras_seqzoo.datasets.prepared import cache_folder
from keras_seqzoo.errors import UserError

BATCH = 20
SMALLEST_CROP = 0.6  # of a picture's area: most of what its captions name


def picture_features(
    network: keras.Model,
    pictures: Sequence[np.ndarray],
    resized: Callable,
    mirrored: bool = False,
    crop: int = 0,
) -> np.ndarray:
    """The network's output for each picture, float16, from the cache if it is there.

    The file's name is the sha256 of weights, pictures and arguments: so a network that
    was trained on, or another set, has a file of its own.

    Args:
        network: Of pictures as `resized` gives them; its weights stay as they are.
        pictures: Arrays `(height, width, 3)`, uint8, all of one size.
        resized: From a batch of pictures to the network's input.
        mirrored: Whether to see each picture in a mirror; crops every other time.
        crop: Which crop of each picture to see, 0 for the whole. It is a square of
            SMALLEST_CROP of the picture or more, drawn by the numbers of both.

    Returns:
        `(pictures, ...)`, float16; a memory map.

    Raises:
        UserError: The cache cannot be written.
    """
    shape = len(pictures), *network.output.shape[1:]
    view = (mirrored, crop, SMALLEST_CROP) if crop else mirrored
    folder = cache_folder().parent / "features"
    path = folder / f"{_sha256(network, pictures, view)}.npy"
    if path.exists():
        found = np.load(path, mmap_mode="r")
        if found.shape == shape:
            return found

    of_batch = tf.TensorSpec((None, None, None, 3), tf.uint8)

    @tf.function(input_signature=[of_batch, tf.TensorSpec((None,), tf.int64)])
    def features(batch, numbers):
        if crop:
            size = network.input.shape[1]
            batch = _cropped(batch, numbers, crop, size, mirrored)
        elif mirrored:
            batch = batch[:, :, ::-1]
        return tf.cast(network(resized(batch), training=False), tf.float16)

    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".tmp", dir=folder)
        os.close(descriptor)
        temporary = pathlib.Path(name)
        try:
            found = np.lib.format.open_memmap(temporary, "w+", np.float16, shape)
            words = "Features of mirrored pictures" if mirrored else "Features"
            words = f"Features of crop {crop}" if crop else words
            for start in tqdm(range(0, len(pictures), BATCH), words, disable=None):
                batch = np.stack(pictures[start : start + BATCH])
                numbers = np.arange(start, start + len(batch))
                found[start : start + BATCH] = features(batch, numbers)
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


def _cropped(pictures, numbers, crop, size, flips):
    """A square of each picture, (pictures, size, size, 3), by its number."""

    def square(numbered):
        picture, number = numbered
        of_crop, of_flip = tf.unstack(tf.random.split(tf.stack([number, crop])))
        found = augment.resized_crop(picture, of_crop, size, SMALLEST_CROP)
        return augment.flip(found, of_flip) if flips else found

    return tf.map_fn(square, (pictures, numbers), fn_output_signature=tf.uint8)


def _sha256(network, pictures, view):
    found = hashlib.sha256(
        repr((network.input.shape, network.output.shape, view)).encode()
    )
    for weight in network.weights:
        found.update(np.ascontiguousarray(weight))
    for picture in pictures:
        found.update(np.ascontiguousarray(picture))
    return found.hexdigest()
