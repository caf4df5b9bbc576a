"""Networks that turn a picture into a grid of features."""

import keras

from keras_seqzoo.errors import UserError
from keras_seqzoo.models.mobilenet_v2 import SMALLEST, keep_statistics, mobilenet_v2

ENCODERS = ("mobilenet_v2", "convolution")


def picture_encoder(encoder: str, image_size: int, alpha: float = 1.0) -> keras.Model:
    """A network of pictures `(batch, image_size, image_size, 3)`, RGB from 0 to 255.

    Args:
        encoder: "mobilenet_v2" (1,280 channels, each place of the grid 32 pixels wide),
            or "convolution", three layers of 8 channels, for tests.
        image_size: A multiple of 32.
        alpha: MobileNetV2's width multiplier.

    Returns:
        A model named "encoder" of grids `(batch, rows, columns, channels)`. Its batch
        norms are not trainable: they use their own statistics in training, too.

    Raises:
        UserError: There is no such encoder, or it cannot be of this size.
    """
    if encoder not in ENCODERS:
        raise UserError(
            f"`encoder` must be {' or '.join(ENCODERS)}. Received: encoder={encoder!r}"
        )
    if image_size % SMALLEST:
        raise UserError(
            f"`image_size` must be a multiple of {SMALLEST}. "
            f"Received: image_size={image_size}"
        )
    if isinstance(alpha, bool) or not isinstance(alpha, int | float) or alpha <= 0:
        raise UserError(f"`alpha` must be a positive number. Received: alpha={alpha!r}")
    images = keras.Input((image_size, image_size, 3), name="pixels")
    scaled = keras.layers.Rescaling(1 / 127.5, offset=-1.0, name="scale")(images)
    if encoder == "mobilenet_v2":
        network = mobilenet_v2(scaled, alpha)
        keep_statistics(network)
        return keras.Model(images, network.output, name="encoder")
    grid = scaled
    for number in range(3):
        grid = keras.layers.Conv2D(
            8,
            3,
            strides=2 if number else 4,
            padding="same",
            activation="relu",
            name=f"convolution_{number}",
        )(grid)
    return keras.Model(images, grid, name="encoder")
