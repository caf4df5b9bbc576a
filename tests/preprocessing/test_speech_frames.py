"""The recognisers' front end: padding, streams, and that frames are LogMel's."""

import numpy as np
import pytest

from keras_seqzoo.preprocessing.log_mel import LogMel
from keras_seqzoo.preprocessing.speech_frames import SpeechFrames

SIZES = {"sample_rate": 1000, "bands": 6, "window_ms": 64.0, "hop_ms": 24.0}
RNG = np.random.default_rng(0)
SOUND = RNG.uniform(-0.5, 0.5, (1, 24 * 11)).astype("float32")


def test_of_a_whole_sound_they_are_log_mels():
    frames = SpeechFrames(**SIZES)(SOUND)
    np.testing.assert_allclose(frames, LogMel(**SIZES)(SOUND), atol=1e-6)
    assert SpeechFrames(**SIZES).lead == 0


def test_causal_frames_end_with_what_is_new():
    layer = SpeechFrames(**SIZES, causal=True)
    frames = np.asarray(layer(SOUND))
    assert layer.lead == 40 and frames.shape == (1, 11, 6)
    before = np.pad(SOUND, ((0, 0), (40, 0)))
    np.testing.assert_allclose(frames, LogMel(**SIZES)(before), atol=1e-6)
    changed = SOUND.copy()
    changed[:, 24 * 5 :] = 0.1  # frames 0 to 4 have not heard it
    np.testing.assert_allclose(layer(changed)[:, :5], frames[:, :5], atol=1e-6)
    assert not np.allclose(layer(changed)[:, 5], frames[:, 5])


@pytest.mark.parametrize("causal", [False, True])
def test_zeros_at_the_end_are_padding(causal):
    layer = SpeechFrames(**SIZES, causal=causal)
    rows = np.zeros((3, 400), "float32")
    rows[0, : SOUND.shape[1]] = SOUND[0]
    rows[1, :200] = SOUND[0, :200]
    frames = np.asarray(layer(rows))
    for row, length in ((0, SOUND.shape[1]), (1, 200)):
        alone = np.asarray(layer(SOUND[:, :length]))[0]
        assert len(alone) == layer.frame_count(length)
        np.testing.assert_allclose(frames[row, : len(alone)], alone, atol=1e-6)
        assert not frames[row, len(alone) :].any()
    assert not frames[2].any()


@pytest.mark.parametrize("causal", [False, True])
def test_what_is_shorter_than_a_window_has_no_frame(causal):
    layer = SpeechFrames(**SIZES, causal=causal)
    short = np.full((1, 10), 0.5, "float32")
    assert not np.asarray(layer(short)).any()
    assert np.asarray(layer(np.full((1, 64), 0.5, "float32"))).any()


def test_a_stream_has_the_same_frames():
    layer = SpeechFrames(**SIZES, causal=True)
    whole = np.asarray(layer(SOUND))
    layer.return_state = True
    state, parts = layer.get_initial_state(1), []
    for start, end in ((0, 1), (1, 4), (4, 11)):
        part, last = layer(SOUND[:, 24 * start : 24 * end], initial_state=state)
        parts.append(part)
        state = [last]
        assert last.shape == (1, 40)
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-6)
    # Of a stream zeros are silence.
    silence, _ = layer(np.zeros((1, 48), "float32"), initial_state=state)
    assert silence.shape == (1, 2, 6) and np.all(silence != 0.0)


def test_it_is_kept():
    layer = SpeechFrames(**SIZES, causal=True)
    again = SpeechFrames.from_config(layer.get_config())
    assert again.get_config() == layer.get_config() and again.lead == 40
