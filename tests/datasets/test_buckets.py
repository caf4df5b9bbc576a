import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.datasets import buckets

LENGTHS = np.random.default_rng(0).poisson(12, 2000) + 1


def batches_of(lengths, boundaries, rows):
    """Batches of rows 1, 2, ... that hold their own number, of these lengths."""
    order = tf.data.Dataset.range(len(lengths))
    found = []
    for numbers in buckets.bucketed(order, lengths, boundaries, rows):
        of = [lengths[i] for i in numbers.numpy()]
        batch = np.zeros((len(of), max(of)), int)
        for row, (number, length) in enumerate(zip(numbers.numpy(), of)):
            batch[row, :length] = number + 1
        found.append(batch)
    return found


def numbers(batches):
    return sorted(int(row[0]) for batch in batches for row in batch)


def test_buckets_are_narrow_and_fill_a_batch():
    boundaries = buckets.length_boundaries(LENGTHS, 16)
    of = np.digitize(LENGTHS, boundaries)
    assert np.bincount(of)[:-1].min() >= 16
    for bucket in np.unique(of)[:-1]:
        inside = LENGTHS[of == bucket]
        if np.sum(inside < inside.max()) >= 16:
            assert inside.max() <= max(inside.min() + 1, 1.1 * inside.min())
    longest = buckets.longest_of(LENGTHS, boundaries)
    rows = buckets.batch_sizes(longest, batch_size=16)
    batches = batches_of(LENGTHS, boundaries, rows)
    assert numbers(batches) == list(range(1, 2001))
    assert len(batches) == buckets.number_of_batches(LENGTHS, boundaries, rows)
    assert 1 - LENGTHS.sum() / sum(b.size for b in batches) < 0.08


def test_pairs_buckets_are_narrow_in_both_lengths():
    pairs = np.random.default_rng(1).poisson([12, 8], (4000, 2)) + 1
    of = buckets.pair_buckets(pairs, 16)
    assert of.dtype == np.int32 and np.unique(of).tolist() == [*range(of.max() + 1)]
    for bucket in range(of.max() + 1):
        inside = pairs[of == bucket]
        # The last by the second length may be small, and then it is joined to none.
        for one in inside.T if len(inside) >= 32 else []:
            if np.sum(one < one.max()) >= 16:
                assert one.max() <= max(one.min() + 1, 1.1 * one.min())
    cells = sum(
        pairs[of == bucket].max(axis=0) * np.sum(of == bucket)
        for bucket in range(of.max() + 1)
    )
    assert (1 - pairs.sum(axis=0) / cells < 0.08).all()


def test_one_length_is_one_bucket():
    assert buckets.length_boundaries([5] * 100, 8) == []
    assert buckets.longest_of([5] * 100, []) == [5]
    assert buckets.batch_sizes([5], tokens_per_batch=50) == [10]


def test_tokens_are_level_over_the_buckets():
    boundaries = buckets.length_boundaries(LENGTHS, 16)
    longest = buckets.longest_of(LENGTHS, boundaries)
    rows = buckets.batch_sizes(longest, tokens_per_batch=200)
    batches = batches_of(LENGTHS, boundaries, rows)
    sizes = np.array([batch.size for batch in batches])
    assert sizes.max() <= 200
    assert np.median(sizes) > 170


@pytest.mark.parametrize("devices", [2, 3])
def test_rows_are_a_multiple_of_the_devices_and_at_least_one_each(devices):
    rows = buckets.batch_sizes([9, 50], tokens_per_batch=40, multiple_of=devices)
    assert rows == [40 // 9 // devices * devices or devices, devices]


def test_every_length_has_its_buckets_one_shape():
    boundaries = [4, 9]
    shapes = {
        length: tuple(
            int(n) for n in buckets.static_shape(length, boundaries, [8, 4, 2], 30)
        )
        for length in (1, 3, 4, 8, 9, 30)
    }
    assert shapes[1] == shapes[3] == (8, 3)
    assert shapes[4] == shapes[8] == (4, 8)
    assert shapes[9] == shapes[30] == (2, 30)
    assert tuple(map(int, buckets.static_shape(5, [], [6], 7))) == (6, 7)
