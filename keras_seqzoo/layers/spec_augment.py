"""Augmentation of frames of features, drawn anew in each training step."""

import math
from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import natural_number
from keras_seqzoo.errors import UserError


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SpecAugment(keras.layers.Layer):
    """Hides some features and some stretches of time behind 0, in training only.

    The masks of SpecAugment: a mask's width is drawn from 0 to the widest, then its
    start from where it fits. For features whose mean is 0.

    Args:
        frequency_width: Features that a mask hides at most; 0 for none.
        time_width: Steps that a mask hides at most; 0 for none, and
        time_share: at most this part of all steps.
        masks: How many masks of each kind; they may overlap.
        seed: Of what is drawn.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: `(batch, time, features)`; `mask`, booleans `(batch, time)`, True for the
    steps that are there, first; `training`. Returns the same shape.

    Source: Park et al. 2019, SpecAugment, arXiv 1904.08779, section 2, without its
    warping of time.
    """

    def __init__(
        self,
        frequency_width: int = 0,
        time_width: int = 0,
        time_share: float = 0.2,
        masks: int = 2,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.frequency_width = natural_number("frequency_width", frequency_width)
        self.time_width = natural_number("time_width", time_width)
        self.time_share = float(time_share)
        self.masks = natural_number("masks", masks)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        if not training or not (self.frequency_width or self.time_width):
            return inputs
        batch, steps, features = ops.shape(inputs)
        x, dtype = inputs, inputs.dtype
        if self.frequency_width:
            sizes = ops.zeros((batch, 1)) + features
            widest = ops.minimum(sizes, self.frequency_width)
            hidden = self._hidden(features, sizes, widest)  # (batch, features)
            x = x * ops.cast(ops.logical_not(hidden), dtype)[:, None, :]
        if self.time_width:
            there = (
                ops.ones((batch, steps)) if mask is None else ops.cast(mask, "float32")
            )
            sizes = ops.sum(there, axis=1, keepdims=True)  # (batch, 1)
            widest = ops.minimum(ops.floor(self.time_share * sizes), self.time_width)
            hidden = self._hidden(steps, sizes, widest)  # (batch, steps)
            x = x * ops.cast(ops.logical_not(hidden), dtype)[..., None]
        return x

    def _hidden(self, count: Any, sizes: Any, widest: Any) -> Any:
        """Which of `count` places the masks hide: booleans (batch, count)."""
        place = ops.cast(ops.arange(count), "float32")[None, None, :]
        shape = (ops.shape(sizes)[0], self.masks)
        drawn = keras.random.uniform(shape, seed=self.seed_generator)
        width = ops.floor(drawn * (widest + 1.0))  # (batch, masks)
        drawn = keras.random.uniform(shape, seed=self.seed_generator)
        start = ops.floor(drawn * (sizes - width + 1.0))
        hidden = ops.logical_and(
            place >= start[..., None], place < (start + width)[..., None]
        )  # (batch, masks, count)
        return ops.any(hidden, axis=1)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "frequency_width": self.frequency_width,
            "time_width": self.time_width,
            "time_share": self.time_share,
            "masks": self.masks,
            "seed": self.seed,
        }


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class RandomLoudness(keras.layers.Layer):
    """Log-mel spectra of the same sound, louder or softer, in training only.

    Args:
        most_db: Decibels that an example becomes louder or softer at most.
        floor: As `LogMel` has it: what it adds to the power of a band.
        seed: Of what is drawn.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: `(batch, time, bands)`, ln(power + floor); `training`. Returns the same shape.
    """

    def __init__(
        self,
        most_db: float,
        floor: float = 1e-6,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= most_db < math.inf:
            raise UserError(
                f"`most_db` must be 0 or a positive number. Received: {most_db!r}"
            )
        self.most_db, self.floor, self.seed = float(most_db), float(floor), seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        if not training or not self.most_db:
            return inputs
        shape = (ops.shape(inputs)[0], 1, 1)
        drawn = keras.random.uniform(shape, -1.0, 1.0, seed=self.seed_generator)
        gain = ops.exp(drawn * (self.most_db * math.log(10.0) / 10.0))
        power = ops.maximum(ops.exp(inputs) - self.floor, 0.0)
        return ops.log(ops.cast(gain, inputs.dtype) * power + self.floor)

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return input_shape

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            "most_db": self.most_db,
            "floor": self.floor,
            "seed": self.seed,
        }
