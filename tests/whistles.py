"""A language of three tones, and small recognisers that learned it in some seconds."""

import functools

import keras
import numpy as np

import keras_seqzoo as seqzoo
from keras_seqzoo.layers import CTCLoss

RATE = 1000  # Hz
TONES = {"low": 120.0, "mid": 230.0, "high": 400.0}
SIZES = {
    "labels": list(TONES),
    "sample_rate": RATE,
    "features": 8,
    "window_ms": 64.0,
    "hop_ms": 48.0,
    "num_layers": 1,
    "dropout": 0.0,
}


def whistled(words, rng, rate=RATE):
    """The tones one after the other with pauses, floats, `(samples,)`."""
    parts = [np.zeros(int(rng.uniform(0.1, 0.3) * rate))]
    for word in words:
        time = np.arange(int(rng.uniform(0.15, 0.25) * rate)) / rate
        parts.append(rng.uniform(0.2, 0.6) * np.sin(2 * np.pi * TONES[word] * time))
        parts.append(np.zeros(int(rng.uniform(0.12, 0.3) * rate)))
    parts.append(np.zeros(int(0.3 * rate)))
    sound = np.concatenate(parts)
    return (sound + rng.normal(0.0, 0.003, len(sound))).astype("float32")


@functools.cache
def recogniser(name="coupled_lstm_speech", units=32):
    """A model that tells the tones apart: of one direction, or of both."""
    keras.utils.set_random_seed(1)
    rng = np.random.default_rng(1)
    model = seqzoo.create(name, **SIZES, units=units)
    sounds, targets = np.zeros((256, 4200), "float32"), np.full((256, 7), -1)
    for row in range(len(sounds)):
        words = rng.choice(list(TONES), rng.integers(0, 8))
        sound = whistled(words, rng)
        sounds[row, : len(sound)] = sound[:4200]
        targets[row, : len(words)] = [model.labels.index(word) for word in words]
    frames = np.asarray(model.log_mel(sounds))
    there = frames[frames.any(axis=-1)]
    normalization = model.get_layer("normalization")
    normalization.mean.assign(there.mean(axis=0))
    normalization.deviation.assign(there.std(axis=0))
    model.compile(keras.optimizers.Adam(0.02), CTCLoss())
    model.fit(
        {"frames": frames},
        targets,
        batch_size=32,
        epochs=40 if "coupled" in name else 20,
        verbose=0,
    )
    return model
