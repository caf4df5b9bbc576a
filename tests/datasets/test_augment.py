import functools

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.datasets import augment
from keras_seqzoo.errors import UserError

SEEDS = 200
RANDOM = np.random.default_rng(0)
FEATURES = RANDOM.normal(size=(50, 40)).astype("float32")
SOUND = np.clip(RANDOM.normal(0, 5000, 4000), -(2**15), 2**15 - 1).astype("int16")
ROLL = RANDOM.random((30, 88)) < 0.03
ROLL[:, :20] = ROLL[:, 80:] = False
ROLL[3, 20] = ROLL[5, 79] = True  # So 20 keys are free below and 8 above.
PICTURE = RANDOM.integers(0, 256, (20, 30, 3), np.uint8)

CASES = {  # A value, and what is done to it.
    "spec_augment": (FEATURES, augment.spec_augment),
    "time_shift": (SOUND, functools.partial(augment.time_shift, most=900)),
    "add_noise": (SOUND, functools.partial(augment.add_noise, deviation=50.0)),
    "noise_at_ratio": (
        SOUND,
        functools.partial(augment.noise_at_ratio, lowest_db=5, highest_db=25),
    ),
    "transpose": (ROLL, functools.partial(augment.transpose, most=6)),
    "flip": (PICTURE, augment.flip),
    "crop": (PICTURE, functools.partial(augment.crop, pixels=16)),
    "resized_crop": (
        PICTURE,
        functools.partial(augment.resized_crop, pixels=16, smallest_share=0.3),
    ),
}


def drawn(function, value, *args, seeds=SEEDS, **kwargs):
    """What the function makes of a value with many seeds: (seeds, ...)."""
    value = tf.constant(value)
    dataset = tf.data.Dataset.range(seeds).map(
        lambda seed: function(value, tf.stack([seed, 5]), *args, **kwargs)
    )
    return np.stack(list(dataset.as_numpy_iterator()))


def assert_uniform(numbers, lowest, highest):
    """Pearson's test, at about one in a thousand."""
    counts = np.bincount(np.asarray(numbers) - lowest, minlength=highest - lowest + 1)
    assert len(counts) == highest - lowest + 1
    expected = len(numbers) / len(counts)
    freedom = len(counts) - 1
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < freedom + 3.5 * np.sqrt(2 * freedom) + 3


def assert_on_one_run(hidden):
    """Each row's true places are next to each other."""
    edges = np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int), axis=1)
    assert ((edges == 1).sum(axis=1) <= 1).all()


@pytest.mark.parametrize("name", CASES)
def test_depends_on_the_seed_alone(name):
    value, function = CASES[name]
    found = drawn(function, value, seeds=12)
    assert len(np.unique(found, axis=0)) > 1
    unknown = tf.TensorSpec((None,) * value.ndim, value.dtype)
    examples = tf.data.Dataset.from_generator(
        lambda: ((value, (seed, 5)) for seed in (7, 2)),
        output_signature=(unknown, tf.TensorSpec((2,), tf.int64)),
    )
    in_graph = examples.map(function, num_parallel_calls=2)
    assert in_graph.element_spec.shape.rank == value.ndim
    assert in_graph.element_spec.dtype == value.dtype
    for one, seed in zip(in_graph, (7, 2), strict=True):
        np.testing.assert_array_equal(one, found[seed])
        eager = function(tf.constant(value), tf.constant((seed, 5), tf.int64))
        np.testing.assert_array_equal(eager, one)


@pytest.mark.parametrize("name", CASES)
def test_known_sizes_stay_known(name):
    value, function = CASES[name]
    dataset = tf.data.Dataset.from_tensors(value).map(lambda x: function(x, (1, 2)))
    assert dataset.element_spec.shape == next(iter(dataset)).shape


# spec_augment


def test_bands_are_hidden_behind_the_mean():
    found = drawn(augment.spec_augment, FEATURES, time_masks=0, frequency_width=8)
    hidden = (found != FEATURES).all(axis=1)  # (seeds, bands)
    np.testing.assert_array_equal((found != FEATURES).any(axis=1), hidden)
    behind = np.broadcast_to(hidden[:, None], found.shape)
    np.testing.assert_allclose(found[behind], FEATURES.mean(), rtol=0, atol=1e-6)
    assert_on_one_run(hidden)
    assert_uniform(hidden.sum(axis=1), 0, 8)
    assert hidden[:, 0].any() and hidden[:, -1].any()


@pytest.mark.parametrize("width, share, widest", [(7, 1.0, 7), (20, 0.1, 5)])
def test_time_is_hidden(width, share, widest):
    found = drawn(
        augment.spec_augment,
        FEATURES,
        frequency_masks=0,
        time_width=width,
        time_share=share,
    )
    hidden = (found != FEATURES).all(axis=2)  # (seeds, time)
    np.testing.assert_array_equal((found != FEATURES).any(axis=2), hidden)
    assert_on_one_run(hidden)
    assert_uniform(hidden.sum(axis=1), 0, widest)
    start = np.argmax(hidden, axis=1)[hidden.sum(axis=1) == 3]
    assert start.min() < 12 and start.max() > 35


def test_several_masks():
    found = drawn(
        augment.spec_augment,
        FEATURES,
        frequency_masks=2,
        frequency_width=4,
        time_masks=3,
        time_width=4,
    )
    bands = (found != FEATURES).all(axis=1).sum(axis=1)
    steps = (found != FEATURES).all(axis=2).sum(axis=1)
    assert bands.max() > 6 and bands.max() <= 8
    assert steps.max() > 8 and steps.max() <= 12


@pytest.mark.parametrize(
    "arguments",
    [
        {"frequency_masks": 0, "time_masks": 0},
        {"frequency_width": 0, "time_width": 0},
        {"frequency_width": 0, "time_share": 0},
    ],
)
def test_masks_of_no_width(arguments):
    found = drawn(augment.spec_augment, FEATURES, seeds=5, **arguments)
    assert (found == FEATURES).all()


def test_masks_of_very_small_features():
    one = drawn(augment.spec_augment, FEATURES[:1], frequency_masks=0, seeds=5)
    assert (one == FEATURES[:1]).all()  # A fifth of one step is none.
    assert drawn(augment.spec_augment, FEATURES[:0], seeds=2).shape == (2, 0, 40)
    found = drawn(augment.spec_augment, FEATURES[:, :2], time_masks=0)
    assert_uniform((found != FEATURES[:, :2]).all(axis=1).sum(axis=1), 0, 2)


# time_shift


def test_time_is_shifted():
    ramp = np.arange(1, 21)
    found = drawn(augment.time_shift, ramp, most=4)
    steps = np.array([np.argmax(row == 10) for row in found]) - 9
    assert_uniform(steps, -4, 4)
    for row, shift in zip(found, steps):
        expected = np.zeros(20, int)
        expected[max(0, shift) : 20 + min(0, shift)] = ramp[max(0, -shift) :][
            : 20 - abs(shift)
        ]
        np.testing.assert_array_equal(row, expected)


def test_an_edge_is_repeated():
    ramp = np.arange(1, 21)
    found = drawn(augment.time_shift, ramp, most=4, repeat_edge=True)
    zeros = drawn(augment.time_shift, ramp, most=4)
    assert (zeros == 0).any()
    for row, other in zip(found, zeros):
        np.testing.assert_array_equal(row[other > 0], other[other > 0])
        assert set(row[other == 0]) <= {row[other > 0][0], row[other > 0][-1]}


def test_shifts_of_very_small_examples():
    one = drawn(augment.time_shift, [[3.0, 4.0]], most=1)
    assert {tuple(row[0]) for row in one} == {(0.0, 0.0), (3.0, 4.0)}
    assert (drawn(augment.time_shift, [3], most=5, repeat_edge=True) == 3).all()
    assert drawn(augment.time_shift, SOUND[:0], most=5, seeds=2).shape == (2, 0)
    assert (drawn(augment.time_shift, SOUND, most=0, seeds=3) == SOUND).all()
    assert drawn(augment.time_shift, ROLL, most=3, seeds=2).dtype == bool


# Noise


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16"])
def test_noise_has_its_deviation(dtype):
    sound = SOUND.astype(dtype)
    noise = drawn(augment.add_noise, sound, 100.0, seeds=20) - sound.astype(float)
    inside = abs(sound.astype(float)) < 2**14
    assert noise[:, inside].std() == pytest.approx(100, rel=0.01)
    assert noise[:, inside].mean() == pytest.approx(0, abs=1)
    assert abs(np.corrcoef(noise[0], noise[1])[0, 1]) < 0.05
    assert abs(np.corrcoef(noise[0, 1:], noise[0, :-1])[0, 1]) < 0.05


def test_noise_on_integers_is_rounded_and_clipped():
    quiet = np.arange(-50, 50)
    found = drawn(augment.add_noise, quiet.astype("int16"), 5.0, seeds=3)
    floats = drawn(augment.add_noise, quiet.astype("float32"), 5.0, seeds=3)
    np.testing.assert_array_equal(found, np.round(floats))
    loud = np.array([2**15 - 1, -(2**15)] * 50, "int16")
    found = drawn(augment.add_noise, loud, 1000.0, seeds=3)
    assert (found[:, ::2] > 2**14).all() and (found[:, 1::2] < -(2**14)).all()


def test_no_noise():
    assert (drawn(augment.add_noise, SOUND, 0.0, seeds=3) == SOUND).all()
    silence = np.zeros_like(SOUND)
    for dtype in ("int16", "float32"):
        found = drawn(augment.noise_at_ratio, silence.astype(dtype), 0, 10, seeds=3)
        assert (found == 0).all()
    assert drawn(augment.noise_at_ratio, SOUND[:0], 0, 10, seeds=2).shape == (2, 0)
    assert drawn(augment.noise_at_ratio, SOUND[:1], 0, 10, seeds=2).shape == (2, 1)


@pytest.mark.parametrize("dtype", ["float32", "int16"])
def test_the_ratio_to_the_noise_is_in_its_range(dtype):
    sound = (SOUND / 10).astype(dtype)
    found = drawn(augment.noise_at_ratio, sound, 5, 25)
    noise = found - sound.astype(float)
    ratios = 10 * np.log10((sound.astype(float) ** 2).mean() / noise.var(axis=1))
    assert (ratios > 4.7).all() and (ratios < 25.3).all()  # 4,000 samples tell so well
    assert_uniform(np.clip((ratios - 5) // 2, 0, 9).astype(int), 0, 9)


# transpose


@pytest.mark.parametrize("dtype", [bool, "float32", "uint8"])
def test_notes_move_together_and_stay_on_the_keyboard(dtype):
    roll = ROLL.astype(dtype)
    found = drawn(augment.transpose, roll, most=12)
    assert found.dtype == roll.dtype
    keys = [np.flatnonzero(one.any(axis=0))[0] - 20 for one in found]
    assert_uniform(keys, -12, 8)  # There are 8 keys above the highest note.
    for one, moved in zip(found, keys):
        np.testing.assert_array_equal(np.argwhere(one), np.argwhere(roll) + [0, moved])


def test_rolls_that_cannot_move():
    full = np.eye(88, dtype=bool)
    assert (drawn(augment.transpose, full, most=6, seeds=5) == full).all()
    assert (drawn(augment.transpose, ROLL, most=0, seeds=5) == ROLL).all()
    empty = np.zeros((4, 88), bool)
    assert not drawn(augment.transpose, empty, most=100, seeds=20).any()
    assert drawn(augment.transpose, empty[:0], most=6, seeds=2).shape == (2, 0, 88)


# Pictures


def test_half_of_the_pictures_are_flipped():
    found = drawn(augment.flip, PICTURE)
    flipped = [(one == PICTURE[:, ::-1]).all() for one in found]
    same = [(one == PICTURE).all() for one in found]
    assert sum(flipped) + sum(same) == SEEDS
    assert_uniform(np.array(flipped).astype(int), 0, 1)


def places(height, width):
    """A picture whose pixels are their own row and column."""
    return np.stack(np.meshgrid(range(height), range(width), indexing="ij"), axis=-1)


def test_crops_come_from_everywhere():
    picture = places(20, 30)
    found = drawn(augment.crop, picture, pixels=16)
    assert found.shape == (SEEDS, 16, 16, 2)
    corners = found[:, :1, :1]
    np.testing.assert_array_equal(found, corners + places(16, 16))
    assert_uniform(corners[:, 0, 0, 0], 0, 4)
    assert_uniform(corners[:, 0, 0, 1], 0, 14)
    square = picture[:, :20]
    assert (drawn(augment.crop, square, pixels=20, seeds=3) == square).all()


def test_a_crop_must_fit():
    with pytest.raises(tf.errors.InvalidArgumentError, match="value.shape >= size"):
        augment.crop(PICTURE, (1, 2), 21)


def test_resized_crops_are_of_many_sizes():
    picture = places(40, 60).astype("float32")
    found = drawn(augment.resized_crop, picture, pixels=16, smallest_share=0.25)
    assert found.shape == (SEEDS, 16, 16, 2)
    # From the first pixel's middle to the last one's are 15 of its 16 pixels.
    height, width = np.moveaxis(found[:, -1, -1] - found[:, 0, 0], 1, 0) / 15 * 16
    np.testing.assert_allclose(height, width, rtol=0, atol=1e-3)
    assert height.min() >= 20 - 1e-3 and height.max() <= 40 + 1e-3
    shares = (height / 40) ** 2
    assert_uniform(np.clip((shares - 0.25) / 0.15, 0, 4).astype(int), 0, 4)
    whole = PICTURE[:, :20]
    found = drawn(augment.resized_crop, whole, pixels=20, smallest_share=1.0, seeds=3)
    assert (found == whole).all()
    tiny = drawn(augment.resized_crop, whole[:1], 4, 0.0, seeds=3)
    assert tiny.shape == (3, 4, 4, 3)


@pytest.mark.parametrize(
    "function, arguments, message",
    [
        (
            "spec_augment",
            {"frequency_masks": -1},
            "`frequency_masks` must be 0 or.*=-1",
        ),
        ("spec_augment", {"frequency_width": 2.5}, "`frequency_width` must.*=2.5"),
        ("spec_augment", {"time_masks": None}, "`time_masks` must be 0 or.*=None"),
        ("spec_augment", {"time_width": -1}, "`time_width` must be 0 or.*=-1"),
        ("spec_augment", {"time_share": 1.5}, r"`time_share` must.*\[0, 1\].*=1.5"),
        ("time_shift", {"most": -1}, "`most` must be 0 or.*=-1"),
        ("noise_at_ratio", {"lowest_db": 30}, "in this order.*lowest_db=30, h.*=25"),
        ("noise_at_ratio", {"lowest_db": "5"}, "must be numbers.*lowest_db='5'"),
        ("noise_at_ratio", {"highest_db": np.inf}, "must be numbers.*_db=inf"),
        ("transpose", {"most": 1.0}, "`most` must be 0 or.*=1.0"),
        ("crop", {"pixels": 0}, "`pixels` must be a positive integer.*=0"),
        ("resized_crop", {"pixels": -4}, "`pixels` must be a positive integer.*=-4"),
        ("resized_crop", {"smallest_share": -1}, "`smallest_share` must.*=-1"),
    ],
)
def test_bad_arguments_are_named(function, arguments, message):
    value, function = CASES[function]
    with pytest.raises(UserError, match=message):
        function(tf.constant(value), (1, 2), **arguments)


def test_rotation_is_rigid_and_by_angles_up_to_the_most():
    values = tf.constant(np.random.default_rng(0).normal(size=(30, 3)), tf.float32)
    before = values.numpy()
    angles, axes = [], []
    for number in range(200):
        after = augment.rotate(values, tf.constant([number, 7]), 30.0).numpy()
        # The matrix that takes one to the other is a rotation.
        matrix, *_ = np.linalg.lstsq(before, after, rcond=None)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-5)
        assert np.linalg.det(matrix) == pytest.approx(1.0, abs=1e-5)
        angles.append(np.degrees(np.arccos(min(1.0, (np.trace(matrix) - 1) / 2))))
        axis = np.array(
            [
                matrix[1, 2] - matrix[2, 1],
                matrix[2, 0] - matrix[0, 2],
                matrix[0, 1] - matrix[1, 0],
            ]
        )
        axes.append(axis / np.linalg.norm(axis))
    assert max(angles) <= 30.01 and np.mean(angles) == pytest.approx(15, abs=2)
    np.testing.assert_allclose(np.mean(axes, axis=0), 0, atol=0.15)
    np.testing.assert_allclose(
        augment.rotate(values, tf.constant([1, 7]), 0.0), values, atol=1e-6
    )


def test_a_warp_of_time_keeps_its_ends_and_moves_what_is_between():
    time = tf.range(101, dtype=tf.float32)
    features = tf.stack([time, -time], axis=1)
    moved = []
    for number in range(200):
        warped = augment.time_warp(features, tf.constant([number, 7]), 0.2).numpy()
        np.testing.assert_allclose(warped[:, 0], -warped[:, 1], atol=1e-4)
        np.testing.assert_allclose(warped[[0, -1], 0], [0, 100], atol=1e-3)
        steps = np.diff(warped[:, 0])
        assert steps.min() > 0.3 and steps.max() < 2.1  # slower here, faster there
        # Two straight parts: away from the knot no step changes.
        assert (np.abs(np.diff(steps)) > 1e-3).sum() <= 2
        moved.append(warped[50, 0] - 50)
    assert -20 <= min(moved) < -8 and 8 < max(moved) <= 20
    np.testing.assert_allclose(
        augment.time_warp(features, tf.constant([1, 7]), 0.0), features, atol=1e-3
    )
    for short in (1, 2):
        found = augment.time_warp(features[:short], tf.constant([1, 7]), 0.2)
        np.testing.assert_allclose(found, features[:short], atol=1e-3)


def test_a_louder_sound_has_the_frames_of_the_louder_sound():
    from keras_seqzoo.preprocessing.log_mel import LogMel

    rng = np.random.default_rng(0)
    layer = LogMel(8000, 20)
    sound = rng.normal(0, 0.02, (1, 4000)).astype("float32")
    frames = layer(sound)[0]
    gains = []
    for number in range(50):
        seed = tf.constant([number, 7])
        louder = augment.loudness(frames, seed, 12.0, layer.floor).numpy()
        gain = np.median(louder - frames) / np.log(10) * 10  # dB
        expected = layer(sound * 10 ** (gain / 20))[0]
        np.testing.assert_allclose(louder, expected, atol=0.02)
        gains.append(gain)
    assert -12.1 < min(gains) < -8 and 8 < max(gains) < 12.1
    silent = tf.fill((3, 20), float(np.log(layer.floor)))
    found = augment.loudness(silent, tf.constant([1, 7]), 12.0, layer.floor)
    np.testing.assert_allclose(found, silent, atol=1e-5)
