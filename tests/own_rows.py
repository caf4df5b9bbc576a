"""Tiny models, and arrays that they can learn: what the tests of own rows share."""

from typing import NamedTuple

import keras
import numpy as np

import keras_seqzoo as seqzoo
from keras_seqzoo.models import ZooModel
from keras_seqzoo.registry import architectures

# What keeps a model from fitting a handful of rows in some steps.
NOISE = ("input_noise", "loudness", "frequency_mask", "time_mask")


class Arrays(NamedTuple):
    """Rows' arrays by kind: of 1,000 Hz, 4 features, 2 channels, 12 keys."""

    sounds: list[np.ndarray]
    frames: list[np.ndarray]
    series: list[np.ndarray]
    roll: np.ndarray
    pictures: list[np.ndarray]


def _arrays() -> Arrays:
    rng = np.random.default_rng(0)
    time = np.arange(400) / 1000
    sounds = [
        np.sin(2 * np.pi * 100 * time).astype("float32"),
        (9000 * np.sin(2 * np.pi * 300 * time[:300])).astype("int16"),
        rng.uniform(-0.01, 0.01, (200, 2)),
    ]
    frames = [rng.normal(size=(n, 4)).astype("float32") for n in (9, 6)]
    series = [rng.normal(size=(n, 2)).astype("float32") for n in (6, 3, 9)]
    roll = np.eye(12, dtype=int)[[0, 4, 7, 11, 7, 4, 5]] | np.eye(12, dtype=int)[0]
    pictures = [np.full((20, 50), 30, "uint8"), np.full((64, 40, 3), 220, "uint8")]
    return Arrays(sounds, frames, series, roll, pictures)


ARRAYS = _arrays()


def tiny(name: str, **overrides) -> ZooModel:
    """A very small model of one layer without dropout and noise, always the same."""
    keras.utils.set_random_seed(1)
    arguments = architectures()[name].model_class.tiny()
    plain = {key: 0 for key in NOISE if key in arguments} | {"dropout": 0.0}
    if "num_layers" in arguments:
        plain["num_layers"] = 1
    return seqzoo.create(name, **{**arguments, **plain, **overrides})
