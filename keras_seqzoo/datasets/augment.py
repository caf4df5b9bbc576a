"""Augmentations of one example, each a function of the example and a seed alone.

So what becomes of an example depends neither on the batch that it is in nor on the
order of the set. They run in a tf.data graph, where sizes may be unknown, but not the
number of axes. A seed is an int32 or int64 tensor (2,), as for
`tf.random.stateless_uniform`; the type counts, too. Two augmentations of one example
take a seed each: `tf.random.split(seed)`.

An argument outside what its description allows is a UserError.
"""

import math
import numbers
from typing import Any

import tensorflow as tf

from keras_seqzoo.arguments import natural_number, positive_integer
from keras_seqzoo.errors import UserError


def spec_augment(
    features: tf.Tensor,
    seed: tf.Tensor,
    frequency_masks: int = 1,
    frequency_width: int = 8,
    time_masks: int = 1,
    time_width: int = 20,
    time_share: float = 0.2,
) -> tf.Tensor:
    """Hides some bands and some stretches of time behind the example's mean.

    The masks of SpecAugment (Park et al. 2019, section 2), without its time warping:
    a mask's width is drawn from 0 to the widest, then its start from where it fits.

    Args:
        features: (time, bands), floats.
        seed: (2,).
        frequency_masks, time_masks: How many masks of each kind; they may overlap.
        frequency_width: Bands that a mask hides at most.
        time_width: Steps that a mask hides at most, and
        time_share: at most this part of all steps, in [0, 1].

    Returns:
        The features masked, of the same shape and type.
    """
    frequency_masks = natural_number("frequency_masks", frequency_masks)
    frequency_width = natural_number("frequency_width", frequency_width)
    time_masks = natural_number("time_masks", time_masks)
    time_width = natural_number("time_width", time_width)
    time_share = _share("time_share", time_share)
    steps, bands = tf.unstack(tf.shape(features))
    part = tf.cast(time_share * tf.cast(steps, tf.float32), tf.int32)
    time_seed, frequency_seed = tf.unstack(tf.random.split(seed))
    in_time = _masks(steps, time_masks, tf.minimum(time_width, part), time_seed)
    in_frequency = _masks(bands, frequency_masks, frequency_width, frequency_seed)
    hidden = in_time[:, None] | in_frequency
    masked = tf.where(hidden, tf.reduce_mean(features), features)
    return tf.ensure_shape(masked, features.shape)


def _masks(size, count, widest, seed):
    """Which of `size` places one of `count` masks hides: (size,) bool."""
    place, hidden = tf.range(size), tf.zeros((size,), tf.bool)
    for mask_seed in tf.unstack(tf.random.split(seed, count)) if count else []:
        width_seed, start_seed = tf.unstack(tf.random.split(mask_seed))
        width = _integer(width_seed, 0, tf.minimum(widest, size))
        start = _integer(start_seed, 0, size - width)
        hidden |= (start <= place) & (place < start + width)
    return hidden


def time_shift(
    samples: tf.Tensor, seed: tf.Tensor, most: int, repeat_edge: bool = False
) -> tf.Tensor:
    """Shifts an example by some steps of time, back or forth.

    Args:
        samples: (time, ...), of any type.
        seed: (2,).
        most: The shift is drawn from -most to most steps.
        repeat_edge: Whether the first or last step comes in again and again where
            zeros do otherwise.

    Returns:
        The samples shifted, of the same shape and type; what is shifted out is lost.
    """
    most = natural_number("most", most)
    last = tf.shape(samples)[0] - 1
    source = tf.range(last + 1) - _integer(seed, -most, most)  # (time,)
    shifted = tf.gather(samples, tf.clip_by_value(source, 0, last))
    if not repeat_edge:
        inside = (source >= 0) & (source <= last)
        inside = tf.reshape(inside, [-1] + [1] * (samples.shape.rank - 1))
        shifted = tf.where(inside, shifted, tf.zeros((), samples.dtype))
    return tf.ensure_shape(shifted, samples.shape)


def time_warp(features: tf.Tensor, seed: tf.Tensor, most: float) -> tf.Tensor:
    """Makes one part of an example slower and the other faster, in the same time.

    SpecAugment's warp of time (Park et al. 2019, section 2), with linear interpolation:
    what was at a place drawn from the middle half is moved, and the rest with it.

    Args:
        features: (time, features), floats.
        seed: (2,).
        most: The part of all steps, in [0, 0.5), that it is moved back or forth at most
            (and not beyond a half of the way to either end).

    Returns:
        The features warped, of the same shape and type.
    """
    most = _share("most", most)
    place_seed, move_seed = tf.unstack(tf.random.split(seed))
    last = tf.cast(tf.shape(features)[0] - 1, tf.float32)
    place = last * _number(place_seed, 0.25, 0.75)
    room = tf.minimum(most * last, 0.5 * tf.minimum(place, last - place))
    moved = place + room * _number(move_seed, -1.0, 1.0)
    time = tf.range(last + 1.0)  # (time,)
    before = time * tf.math.divide_no_nan(place, moved)
    rest = tf.math.divide_no_nan(last - place, last - moved)
    source = tf.where(time < moved, before, place + (time - moved) * rest)
    source = tf.clip_by_value(source, 0.0, last)
    low = tf.cast(tf.floor(source), tf.int32)
    high = tf.minimum(low + 1, tf.cast(last, tf.int32))
    part = (source - tf.floor(source))[:, None]
    warped = (1.0 - part) * tf.gather(features, low) + part * tf.gather(features, high)
    return tf.ensure_shape(warped, features.shape)


def loudness(
    features: tf.Tensor, seed: tf.Tensor, most_db: float, floor: float
) -> tf.Tensor:
    """Log-mel spectra of the same sound, louder or softer.

    Args:
        features: (time, bands), floats: ln(power + floor), as `LogMel` makes them.
        seed: (2,).
        most_db: Decibels that it becomes louder or softer at most.
        floor: As `LogMel` has it.

    Returns:
        The features, of the same shape and type.
    """
    gain = 10.0 ** (_number(seed, -most_db, most_db) / 10.0)
    power = tf.maximum(tf.exp(features) - floor, 0.0)
    return tf.math.log(gain * power + floor)


def add_noise(
    samples: tf.Tensor, seed: tf.Tensor, deviation: float | tf.Tensor
) -> tf.Tensor:
    """Adds Gaussian noise, another value in each place.

    Args:
        samples: Of any shape; floats, or integers, which are rounded and clipped.
        seed: (2,).
        deviation: The noise's standard deviation, in the samples' own unit.

    Returns:
        The samples with noise, of the same shape and type.
    """
    wide = samples if samples.dtype.is_floating else tf.cast(samples, tf.float32)
    noise = tf.random.stateless_normal(tf.shape(samples), seed, dtype=wide.dtype)
    noisy = wide + tf.cast(deviation, wide.dtype) * noise
    return tf.ensure_shape(_like(noisy, samples), samples.shape)


def noise_at_ratio(
    samples: tf.Tensor, seed: tf.Tensor, lowest_db: float, highest_db: float
) -> tf.Tensor:
    """Adds Gaussian noise at a signal-to-noise ratio that is drawn too.

    The ratio is that of the example's mean square to the noise's variance, so silence
    stays silence.

    Args:
        samples: As for `add_noise`.
        seed: (2,).
        lowest_db, highest_db: The ratio is drawn from this range, in decibels.

    Returns:
        The samples with noise, of the same shape and type.
    """
    real = all(isinstance(db, numbers.Real) for db in (lowest_db, highest_db))
    if not real or not -math.inf < lowest_db <= highest_db < math.inf:
        raise UserError(
            "`lowest_db` and `highest_db` must be numbers, in this order. Received: "
            f"lowest_db={lowest_db!r}, highest_db={highest_db!r}"
        )
    ratio_seed, noise_seed = tf.unstack(tf.random.split(seed))
    ratio = _number(ratio_seed, lowest_db, highest_db)  # dB
    power = tf.reduce_mean(tf.cast(samples, tf.float32) ** 2)
    deviation = tf.sqrt(power) * 10.0 ** (-ratio / 20.0)
    return add_noise(samples, noise_seed, deviation)


def rotate(values: tf.Tensor, seed: tf.Tensor, most: float) -> tf.Tensor:
    """Vectors in space as a sensor gives them that sits a little askew.

    Args:
        values: `(time, 3)`, float.
        seed: An integer tensor `(2,)`.
        most: Degrees; the angle is drawn from 0 to `most`, the axis from all.

    Returns:
        `(time, 3)`, all steps turned alike.
    """
    seeds = tf.random.split(seed)
    axis = tf.random.stateless_normal((3,), seeds[0])
    axis /= tf.norm(axis) + 1e-12
    angle = tf.random.stateless_uniform((), seeds[1], 0.0, most) * (math.pi / 180.0)
    # Rodrigues' formula.
    values = tf.ensure_shape(values, (None, 3))
    axis = tf.broadcast_to(axis, tf.shape(values))
    along = tf.reduce_sum(values * axis, axis=-1, keepdims=True) * axis
    across = tf.linalg.cross(axis, values)
    return along + tf.cos(angle) * (values - along) + tf.sin(angle) * across


def transpose(roll: tf.Tensor, seed: tf.Tensor, most: int) -> tf.Tensor:
    """Moves all notes of a piano roll up or down by the same number of keys.

    The number is drawn from -most to most, as far as no note leaves the keyboard; so
    transpose a piece before it is cut into inputs and targets, which might otherwise
    move by different numbers.

    Args:
        roll: (time, keys), not 0 or not False where a key sounds.
        seed: (2,).
        most: Keys (semitones) to move by at most.

    Returns:
        The roll transposed, of the same shape and type.
    """
    most = natural_number("most", most)
    sounds = tf.reduce_any(tf.cast(roll, tf.bool), axis=0)  # (keys,)
    key, last = tf.range(tf.shape(roll)[1]), tf.shape(roll)[1] - 1
    below = tf.reduce_min(tf.where(sounds, key, last))  # Free keys on either side.
    above = last - tf.reduce_max(tf.where(sounds, key, 0))
    keys = _integer(seed, -tf.minimum(most, below), tf.minimum(most, above))
    return tf.ensure_shape(tf.roll(roll, keys, axis=1), roll.shape)


def flip(picture: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Mirrors a picture (height, width, channels) left to right every other time."""
    return tf.image.stateless_random_flip_left_right(picture, seed)


def crop(picture: tf.Tensor, seed: tf.Tensor, pixels: int) -> tf.Tensor:
    """A square out of a picture, from any place.

    Args:
        picture: (height, width, channels).
        seed: (2,).
        pixels: Height and width of the square.

    Returns:
        (pixels, pixels, channels), of the same type.

    Raises:
        tf.errors.InvalidArgumentError: The picture is smaller.
    """
    pixels = positive_integer("pixels", pixels)
    return _square(picture, seed, pixels)


def resized_crop(
    picture: tf.Tensor, seed: tf.Tensor, pixels: int, smallest_share: float
) -> tf.Tensor:
    """A square out of a picture, of any size and from any place, scaled to one size.

    Args:
        picture: (height, width, channels), floats or integers.
        seed: (2,).
        pixels: Height and width of the result.
        smallest_share: The square's area is drawn from this part to all of that of
            the largest square in the picture; in [0, 1].

    Returns:
        (pixels, pixels, channels), of the same type; bilinear.
    """
    pixels = positive_integer("pixels", pixels)
    smallest_share = _share("smallest_share", smallest_share)
    share_seed, crop_seed = tf.unstack(tf.random.split(seed))
    largest = tf.cast(tf.reduce_min(tf.shape(picture)[:2]), tf.float32)
    side = largest * tf.sqrt(_number(share_seed, smallest_share, 1.0))
    side = tf.maximum(1, tf.cast(tf.round(side), tf.int32))
    square = _square(picture, crop_seed, side)
    return _like(tf.image.resize(square, (pixels, pixels)), picture)


def _square(picture, seed, side):
    size = tf.stack([side, side, tf.shape(picture)[2]])
    square = tf.image.stateless_random_crop(picture, size, seed)
    side = side if isinstance(side, int) else None
    return tf.ensure_shape(square, (side, side, picture.shape[-1]))


def _like(values, example):
    """Floats in the type of the example, rounded and clipped if it is an integer's."""
    if not example.dtype.is_floating:
        values = tf.round(values)
    return tf.saturate_cast(values, example.dtype)


def _integer(seed, lowest, highest):
    """Drawn from lowest to highest, both among them: int32."""
    return tf.random.stateless_uniform((), seed, lowest, highest + 1, tf.int32)


def _number(seed, lowest, highest):
    return tf.random.stateless_uniform((), seed, lowest, highest)


def _share(name: str, value: Any) -> float:
    if not isinstance(value, numbers.Real) or not 0 <= value <= 1:
        raise UserError(
            f"`{name}` must be a number in [0, 1]. Received: {name}={value!r}"
        )
    return float(value)
