import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.datasets import buckets

LENGTHS = np.random.default_rng(0).poisson(12, 2000) + 1


def batches_of(lengths, boundaries, rows, longest=None):
    """Batches of sequences that hold their own number, of these lengths."""
    examples = tf.data.Dataset.from_tensor_slices(
        tf.ragged.constant([[i + 1] * n for i, n in enumerate(lengths)])
    ).map(lambda x: (x,))
    found = buckets.bucketed(
        examples, lambda x: tf.shape(x)[0], boundaries, rows, (0,), longest
    )
    return [batch.numpy() for (batch,) in found]


def numbers(batches):
    return sorted(int(row[0]) for batch in batches for row in batch if row[0])


def test_buckets_are_narrow_and_fill_a_batch():
    boundaries = buckets.length_boundaries(LENGTHS, 16)
    of = np.digitize(LENGTHS, boundaries)
    assert np.bincount(of)[:-1].min() >= 16
    for bucket in np.unique(of)[:-1]:
        inside = LENGTHS[of == bucket]
        if np.sum(inside < inside.max()) >= 16:
            assert inside.max() <= max(inside.min() + 1, 1.1 * inside.min())
    rows = buckets.batch_sizes(LENGTHS, boundaries, batch_size=16)
    batches = batches_of(LENGTHS, boundaries, rows)
    assert numbers(batches) == list(range(1, 2001))
    assert len(batches) == buckets.number_of_batches(LENGTHS, boundaries, rows)
    share = buckets.padding_share([(b,) for b in batches], lambda b: b != 0)
    assert share == 1 - LENGTHS.sum() / sum(b.size for b in batches)
    assert share < 0.08


def test_one_length_is_one_bucket():
    assert buckets.length_boundaries([5] * 100, 8) == []
    assert buckets.batch_sizes([5] * 100, [], tokens_per_batch=50) == [10]


def test_tokens_are_level_over_the_buckets():
    boundaries = buckets.length_boundaries(LENGTHS, 16)
    rows = buckets.batch_sizes(LENGTHS, boundaries, tokens_per_batch=200)
    batches = batches_of(LENGTHS, boundaries, rows)
    sizes = np.array([batch.size for batch in batches])
    assert sizes.max() <= 200
    assert np.median(sizes) > 170


@pytest.mark.parametrize("devices", [2, 3])
def test_rows_are_a_multiple_of_the_devices_and_at_least_one_each(devices):
    rows = buckets.batch_sizes([3, 50], [10], tokens_per_batch=40, multiple_of=devices)
    assert rows == [40 // 9 // devices * devices or devices, devices]


def test_static_shapes_are_few_and_lack_no_sequence():
    boundaries = buckets.length_boundaries(LENGTHS, 16)
    rows = buckets.batch_sizes(LENGTHS, boundaries, batch_size=16)
    batches = batches_of(LENGTHS, boundaries, rows, int(LENGTHS.max()))
    ends = [boundary - 1 for boundary in boundaries] + [LENGTHS.max()]
    assert {batch.shape for batch in batches} <= {(16, end) for end in ends}
    assert numbers(batches) == list(range(1, 2001))
