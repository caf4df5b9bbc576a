"""Augmentation of frames of features, drawn anew in each training step."""

import math
from typing import Any

import keras
from keras import ops

from keras_seqzoo.arguments import natural_number
from keras_seqzoo.errors import UserError


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SpecAugment(keras.layers.Layer):
    """Warps time, and hides features and stretches of time behind 0, in training only.

    As in SpecAugment, a point of time moves to another and what is before and behind
    it is squeezed or stretched evenly (read between two steps in a straight line); a
    mask's width is drawn from 0 to the widest, then its start from where it fits. For
    features whose mean is 0.

    Args:
        frequency_width: Features that a mask hides at most; 0 for none.
        time_width: Steps that a mask hides at most; 0 for none, and
        time_share: at most this part of all steps.
        masks: How many masks of each kind; they may overlap.
        time_warp: How far a point between 1/4 and 3/4 of the steps moves at most, as a
            part of all steps, below 1/4; 0 for none.
        seed: Of what is drawn.
        **kwargs: Arguments of `keras.layers.Layer`.

    Call: `(batch, time, features)`; `mask`, booleans `(batch, time)`, True for the
    steps that are there, first; `training`. Returns the same shape.

    Source: Park et al. 2019, SpecAugment, arXiv 1904.08779, section 2.
    """

    def __init__(
        self,
        frequency_width: int = 0,
        time_width: int = 0,
        time_share: float = 0.2,
        masks: int = 2,
        time_warp: float = 0.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if not 0 <= time_warp < 0.25:
            raise UserError(
                f"`time_warp` must be from 0 to below 0.25. Received: {time_warp!r}"
            )
        self.time_warp = float(time_warp)
        self.frequency_width = natural_number("frequency_width", frequency_width)
        self.time_width = natural_number("time_width", time_width)
        self.time_share = float(time_share)
        self.masks = natural_number("masks", masks)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)
        self.supports_masking = True

    def call(self, inputs: Any, mask: Any = None, training: bool = False) -> Any:
        if not training or not (
            self.frequency_width or self.time_width or self.time_warp
        ):
            return inputs
        batch, steps, features = ops.shape(inputs)
        x, dtype = inputs, inputs.dtype
        there = ops.ones((batch, steps)) if mask is None else ops.cast(mask, "float32")
        lengths = ops.sum(there, axis=1, keepdims=True)  # (batch, 1)
        if self.time_warp:
            x = self._warped(x, lengths)
        if self.frequency_width:
            sizes = ops.zeros((batch, 1)) + features
            widest = ops.minimum(sizes, self.frequency_width)
            hidden = self._hidden(features, sizes, widest)  # (batch, features)
            x = x * ops.cast(ops.logical_not(hidden), dtype)[:, None, :]
        if self.time_width:
            widest = ops.minimum(ops.floor(self.time_share * lengths), self.time_width)
            hidden = self._hidden(steps, lengths, widest)  # (batch, steps)
            x = x * ops.cast(ops.logical_not(hidden), dtype)[..., None]
        return x

    def _warped(self, x: Any, lengths: Any) -> Any:
        """Each example's `lengths` (batch, 1) steps with one point moved."""
        shape = ops.shape(lengths)
        drawn = keras.random.uniform(shape, 0.25, 0.75, seed=self.seed_generator)
        moved = keras.random.uniform(shape, -1.0, 1.0, seed=self.seed_generator)
        last = ops.maximum(lengths - 1.0, 1.0)
        before = drawn * last
        after = before + self.time_warp * moved * last
        place = ops.cast(ops.arange(ops.shape(x)[1]), "float32")[None, :]
        source = ops.where(
            place < after,
            place * before / after,
            before + (place - after) * (last - before) / (last - after),
        )
        source = ops.where(place < lengths, ops.clip(source, 0.0, last), place)
        lower = ops.floor(source)
        share = ops.cast(source - lower, x.dtype)[..., None]
        lower = ops.cast(lower, "int32")
        # The last step has none behind it, and a share of 0.
        upper = ops.minimum(lower + 1, ops.shape(x)[1] - 1)
        lower, upper = (
            ops.take_along_axis(x, i[..., None], axis=1) for i in (lower, upper)
        )
        return lower * (1.0 - share) + upper * share

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
            "time_warp": self.time_warp,
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
