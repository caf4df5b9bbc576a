import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.layers import batch_parts


@pytest.fixture
def cores(monkeypatch):
    def there_are(count):
        threading = tf.config.threading
        monkeypatch.setattr(
            threading, "get_inter_op_parallelism_threads", lambda: count
        )

    return there_are


@pytest.mark.parametrize(
    ("cores_there", "rows", "number"),
    [(4, 64, 4), (4, 17, 2), (4, 7, 1), (1, 64, 1), (4, None, 4)],
)
def test_a_part_a_core_and_none_too_small(cores, cores_there, rows, number):
    cores(cores_there)
    inputs = tf.TensorSpec((rows, 3, 2))
    assert batch_parts.number_of_parts(inputs) == number


def test_cores_where_no_affinity_is_known(cores, monkeypatch):
    cores(0)
    monkeypatch.delattr("os.sched_getaffinity", raising=False)
    monkeypatch.setattr("os.cpu_count", lambda: 3)
    assert batch_parts.number_of_parts(tf.TensorSpec((64, 3, 2))) == 3
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert batch_parts.number_of_parts(tf.TensorSpec((64, 3, 2))) == 1


@pytest.mark.parametrize("rows", [1, 9, 16, 50])
@pytest.mark.parametrize("free", [False, True])
def test_parts_are_the_batch_in_its_order(rows, free):
    @tf.function(input_signature=[tf.TensorSpec((None if free else rows, 2))])
    def cut(x):
        return [x[rows] for rows in batch_parts.parts_of(x, 3)]

    x = np.arange(2.0 * rows, dtype="float32").reshape(rows, 2)
    parts = cut(x)
    assert len(parts) == 3
    np.testing.assert_array_equal(batch_parts.joined(parts), x)
    if free:  # a small batch is not spread thin
        assert len(parts[0]) >= min(rows, batch_parts.PART)


@pytest.mark.parametrize("length", [1, 256, 257, 1000])
def test_blocks_are_all_steps_from_the_last_to_the_first(length):
    blocks = batch_parts.blocks(length)
    steps = [list(range(start, stop)) for start, stop in blocks[::-1]]
    assert sum(steps, []) == list(range(length))
    sizes = {len(block) for block in steps}
    assert max(sizes) <= batch_parts.BLOCK and len(sizes) <= 2


def test_sums_are_elementwise():
    assert batch_parts.sums([[1, 2], [10, 20], [100, 200]]) == [111, 222]
