"""What training hides and how loud it makes sounds: against what it should be."""

import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.spec_augment import RandomLoudness, SpecAugment
from keras_seqzoo.preprocessing.log_mel import LogMel

ONES = np.ones((200, 40, 12), "float32")


def test_masks_hide_stretches_of_features_and_of_time():
    found = np.asarray(SpecAugment(4, 6, seed=1)(ONES, training=True))
    assert set(np.unique(found)) == {0.0, 1.0}
    in_frequency = (found == 0).all(axis=1)  # (batch, features)
    in_time = (found == 0).all(axis=2)  # (batch, time)
    np.testing.assert_array_equal(
        found == 0, in_frequency[:, None, :] | in_time[..., None]
    )
    for hidden, most in ((in_frequency, 8), (in_time, 12)):
        count = hidden.sum(axis=1)
        assert count.min() == 0 and most - 2 <= count.max() <= most
        edges = np.abs(np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int))).sum(
            axis=1
        )
        assert edges.max() == 4  # two stretches
        # Every place is hidden as often as its neighbours, but for those at an end.
        share = hidden.mean(axis=0)
        assert share[1:-1].min() > 0.1 * share.max() and share.max() < 0.6


def test_masks_of_time_are_in_what_is_there_and_no_large_part_of_it():
    lengths = np.array([40, 10, 4, 0] * 50)
    mask = np.arange(40)[None, :] < lengths[:, None]
    layer = SpecAugment(0, 30, time_share=0.2, masks=1, seed=1)
    hidden = (np.asarray(layer(ONES, mask=mask, training=True)) == 0).all(axis=2)
    assert not (hidden & ~mask).any()
    for length, most in ((40, 8), (10, 2), (4, 0)):
        assert hidden[lengths == length].sum(axis=1).max() == most


def test_each_step_draws_anew_and_without_training_nothing_is_hidden():
    layer = SpecAugment(4, 6, seed=1)
    first, second = (np.asarray(layer(ONES, training=True)) for _ in range(2))
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(layer(ONES), ONES)
    np.testing.assert_array_equal(SpecAugment()(ONES, training=True), ONES)
    again = SpecAugment.from_config(layer.get_config())
    np.testing.assert_array_equal(again(ONES, training=True), first)


def test_warped_time_is_two_straight_lines_through_the_ends():
    lengths = np.array([40, 10, 2, 1, 0] * 40)
    place = np.arange(40, dtype="float32")[None, :]
    mask = place < lengths[:, None]
    # Features that say when they were: warping reads them at another time.
    ramp = np.repeat(np.where(mask, place, -1.0)[..., None], 3, axis=-1)
    layer = SpecAugment(time_warp=0.2, seed=1)
    found = np.asarray(layer(ramp.astype("float32"), mask=mask, training=True))
    assert (found == found[..., :1]).all()
    moved = []
    for row, length in zip(found[..., 0], lengths):
        assert (row[length:] == -1).all()
        if length > 2:
            assert row[0] == 0 and row[length - 1] == pytest.approx(length - 1)
            slopes = np.diff(row[:length])
            assert slopes.min() > 0
            bends = np.abs(np.diff(slopes)) > 1e-4
            assert bends.sum() <= 2  # The point lies between two steps.
            moved.append(np.abs(row[:length] - np.arange(length)).max() / (length - 1))
        else:
            np.testing.assert_allclose(row[:length], np.arange(length), atol=0.5)
    assert 0.15 < max(moved) <= 0.2 and min(moved) < 0.02


@pytest.mark.parametrize("value", [-0.1, 0.25, float("nan")])
def test_a_point_cannot_move_past_an_end(value):
    with pytest.raises(UserError, match="`time_warp` must be from 0 to below 0.25"):
        SpecAugment(time_warp=value)


def test_a_louder_sound_has_the_frames_of_the_louder_sound():
    sound = np.random.default_rng(0).normal(0, 0.02, (1, 4000)).astype("float32")
    log_mel = LogMel(8000, 20)
    frames = np.repeat(log_mel(sound), 50, axis=0)
    layer = RandomLoudness(12.0, log_mel.floor, seed=1)
    gains = []
    for louder in np.asarray(layer(frames, training=True)):
        gain = np.median(louder - frames[0]) / np.log(10) * 10  # dB
        expected = log_mel(sound * 10 ** (gain / 20))[0]
        np.testing.assert_allclose(louder, expected, atol=0.02)
        gains.append(gain)
    assert -12.1 < min(gains) < -8 and 8 < max(gains) < 12.1
    silent = np.full((2, 3, 20), np.log(log_mel.floor), "float32")
    np.testing.assert_allclose(layer(silent, training=True), silent, atol=1e-5)
    np.testing.assert_array_equal(layer(frames), frames)
    again = RandomLoudness.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    with pytest.raises(UserError, match="`most_db` must be 0 or a positive number"):
        RandomLoudness(-1.0)
