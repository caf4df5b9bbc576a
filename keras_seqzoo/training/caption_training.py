"""The part of a captioner that is trained, over the features of what is frozen."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.models.mobilenet_v2 import keep_statistics
from keras_seqzoo.runtime.captions import CaptionWords
from keras_seqzoo.training.picture_features import picture_features


class CaptionTraining(keras.Model):
    """A captioner behind the frozen part of its encoder, which sees each picture once.

    Its layers are the captioner's own, but the pictures' features come from a table.

    Args:
        captioner: The model; its encoder is frozen up to `tuned_from`.
        names: Of the pictures of the training set.
        pictures: These, uint8 arrays of one size.
        mirror: Whether the table has each picture in a mirror, too.
        tuned_from: Name of the encoder's layer behind which its weights are trained;
            None freezes it whole.
        crops: How many crops of each picture the table has, too; with `mirror` every
            other one is mirrored.

    Input: `picture` (batch,), int32, the place in the table: that of the picture times
    `views`, plus the number of the view, 0 for the picture itself; and `tokens`
    (batch, length), as of the captioner. Output: the captioner's.

    Raises:
        UserError: The encoder has no such layer.
    """

    def __init__(
        self,
        captioner: Any,
        names: Sequence[str],
        pictures: Sequence[np.ndarray],
        mirror: bool = False,
        tuned_from: str | None = None,
        crops: int = 0,
    ) -> None:
        frozen, tail = _parts(captioner.parts["network"], tuned_from)
        seen = [(False, 0)] + [(True, 0)] * mirror
        seen += [(mirror, crop) for crop in range(1, crops + 1)]
        views = [
            picture_features(frozen, pictures, captioner.resized, *one) for one in seen
        ]
        table = _Table(np.stack(views, axis=1), name="table")
        del views
        picture = keras.Input((), dtype="int32", name="picture")
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        grid = table(picture)
        grid = grid if tail is None else tail(grid, training=False)
        super().__init__(
            {"picture": picture, "tokens": tokens}, captioner.logits_of(grid, tokens)
        )
        self.captioner = captioner
        self.frozen = frozen
        self.tail = tail
        self.views = len(seen)
        self.places = {name: place for place, name in enumerate(names)}

    @property
    def words(self) -> CaptionWords:
        """The captioner's."""
        return self.captioner.words

    def picture_inputs(self, rows: Sequence[Any]) -> dict[str, np.ndarray]:
        """The places in the table of pictures by their `name`, int32 (rows,)."""
        places = [self.places[row.name] * self.views for row in rows]
        return {"picture": np.array(places, np.int32)}

    def features(self, pictures: Sequence[np.ndarray]) -> np.ndarray:
        """What the frozen part makes of other pictures, float16."""
        return picture_features(self.frozen, pictures, self.captioner.resized)

    def search(self, features: Any) -> dict[str, Any]:
        """The captioner's answer from these features on."""
        grid = tf.cast(features, tf.float32)
        grid = grid if self.tail is None else self.tail(grid, training=False)
        return self.captioner.search(grid)


class _Table(keras.layers.Layer):
    """Rows of a constant (pictures, views, ...) by their number, as float32."""

    def __init__(self, rows: np.ndarray, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.shape = rows.shape[2:]
        with tf.device("CPU"):
            self.rows = tf.constant(rows.reshape(-1, *self.shape))

    def call(self, numbers: Any) -> Any:
        return tf.cast(tf.gather(self.rows, numbers), tf.float32)

    def compute_output_spec(self, numbers: Any) -> keras.KerasTensor:
        return keras.KerasTensor((None, *self.shape), "float32")


def _parts(
    network: keras.Model, tuned_from: str | None
) -> tuple[keras.Model, keras.Model | None]:
    """The network up to a layer, frozen, and what follows."""
    if tuned_from is None:
        network.trainable = False
        return network, None
    names = [layer.name for layer in network.layers]
    if tuned_from not in names:
        raise UserError(
            f"`tuned_from` must be a layer of the encoder: {names[1]}, ..., "
            f"{names[-1]}. Received: tuned_from={tuned_from!r}"
        )
    border = network.get_layer(tuned_from).output
    frozen = keras.Model(network.input, border)
    try:
        tail = keras.Model(border, network.output)
    except ValueError as error:  # a path leads around it
        raise UserError(
            "`tuned_from` must be a layer that all of the encoder goes through, the "
            f"end of a block. Received: tuned_from={tuned_from!r}"
        ) from error
    for layer in network.layers:
        layer.trainable = layer not in frozen.layers
    keep_statistics(network)
    return frozen, tail
