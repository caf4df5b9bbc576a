"""Sequences of like length in the same batch, so that little of a batch is padding."""

import numbers
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_seqzoo.arguments import received
from keras_seqzoo.errors import UserError

LARGEST = 2**31 - 1  # what a length's int32 holds
WIDTH = 1.1  # longest by shortest length of a bucket that has rows enough for a batch


def length_boundaries(lengths: Sequence[int], batch_size: int) -> list[int]:
    """Where buckets begin, so that each is narrow but still fills a batch.

    Args:
        lengths: Of the sequences.
        batch_size: Rows that a bucket should have at least.

    Returns:
        Increasing lengths; a sequence of the boundary's own length is in the bucket
        that begins there.
    """
    boundaries, shortest, rows = [], None, 0
    for length, count in zip(*np.unique(lengths, return_counts=True)):
        if shortest is None:
            shortest = length
        elif rows >= batch_size and length > WIDTH * shortest:
            boundaries.append(int(length))
            shortest, rows = length, 0
        rows += count
    return boundaries


def pair_buckets(pairs: Any, batch_size: int) -> np.ndarray:
    """The bucket of each pair of sequences, narrow in both lengths.

    Args:
        pairs: Lengths (pairs, 2).
        batch_size: Rows that a bucket should have at least.

    Returns:
        Numbers from 0 on, int32 (pairs,).
    """
    pairs = np.asarray(pairs)
    found, count = np.zeros(len(pairs), np.int32), 0
    first = np.digitize(pairs[:, 0], length_boundaries(pairs[:, 0], batch_size))
    for one in np.unique(first):
        lengths = pairs[first == one, 1]
        boundaries = length_boundaries(lengths, batch_size)
        found[first == one] = count + np.digitize(lengths, boundaries)
        count += len(boundaries) + 1
    return found


def check_boundaries(boundaries: Any) -> list[int]:
    """The boundaries, if they are positive integers, each above the one before.

    Raises:
        UserError: They are not, or one is above `LARGEST`.
    """
    given = isinstance(boundaries, Iterable) and not isinstance(boundaries, str | bytes)
    found = list(boundaries) if given else [None]
    if (
        not all(isinstance(one, numbers.Integral) for one in found)
        or any(low >= high for low, high in zip((0, *found), found))
        or found[-1:] > [LARGEST]
    ):
        raise UserError(
            "bucket_boundaries must be positive integers, each above the one before "
            f"and at most {LARGEST}. {received(found if given else boundaries)}"
        )
    return [int(one) for one in found]


def longest_of(lengths: Sequence[int], boundaries: Sequence[int]) -> list[int]:
    """The longest that a sequence of each bucket may be."""
    return [boundary - 1 for boundary in boundaries] + [max(lengths)]


def batch_sizes(
    longest: Sequence[int],
    batch_size: int | None = None,
    tokens_per_batch: int | None = None,
    multiple_of: int = 1,
) -> list[int]:
    """Rows in a batch of each bucket.

    Args:
        longest: Length of each bucket's longest sequences.
        batch_size: Rows of every batch; or, in its place,
        tokens_per_batch: Cells of a batch, padding among them: of the bucket's longest
            sequences as many as fit, and at least `multiple_of`.
        multiple_of: Number of devices that share a batch.
    """
    if batch_size is not None:
        rows = [batch_size] * len(longest)
    else:
        rows = [tokens_per_batch // max(1, length) for length in longest]
    return [max(1, n // multiple_of) * multiple_of for n in rows]


def number_of_batches(
    lengths: Sequence[int], boundaries: Sequence[int], rows: Sequence[int]
) -> int:
    """The batches of all sequences: each bucket's last one may be smaller."""
    counts = np.bincount(np.digitize(lengths, boundaries), minlength=len(rows))
    return int(sum(-(-count // n) for count, n in zip(counts, rows)))


def bucketed(
    order: tf.data.Dataset,
    lengths: Any,
    boundaries: Sequence[int],
    rows: Sequence[int],
) -> tf.data.Dataset:
    """Batches of the numbers of sequences of like length.

    Args:
        order: The sequences' numbers, int64 scalars.
        lengths: Of the sequences, by number.
        boundaries: Of the buckets.
        rows: Rows in a batch of each bucket, `len(boundaries) + 1` numbers.
    """
    lengths = tf.cast(lengths, tf.int32)
    return order.bucket_by_sequence_length(
        lambda number: lengths[number], list(boundaries), list(rows)
    )


def static_shape(
    length: Any, boundaries: Sequence[int], rows: Sequence[int], longest: int
) -> tuple[Any, Any]:
    """The one shape of its bucket's batches, as a TPU wants them.

    Args:
        length: The longest sequence of a batch, an int32 scalar.
        boundaries: Of the buckets.
        rows: Rows in a batch of each bucket.
        longest: The longest sequence of the last bucket.

    Returns:
        `(rows, length)`, int32 scalars.
    """
    bucket = tf.searchsorted(tf.constant(boundaries, tf.int32), [length], "right")[0]
    ends = tf.constant(longest_of([longest], boundaries), tf.int32)
    return tf.constant(rows, tf.int32)[bucket], ends[bucket]
