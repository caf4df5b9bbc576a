"""Sequences of like length in the same batch, so that little of a batch is padding."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError

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


def check_boundaries(boundaries: Sequence[int]) -> None:
    """Raises UserError unless they are positive and each is above the one before."""
    if any(low >= high for low, high in zip((0, *boundaries), boundaries)):
        raise UserError(
            "bucket_boundaries must be positive integers, each above the one before. "
            f"Received: {list(boundaries)}"
        )


def batch_sizes(
    lengths: Sequence[int],
    boundaries: Sequence[int],
    batch_size: int | None = None,
    tokens_per_batch: int | None = None,
    multiple_of: int = 1,
) -> list[int]:
    """Rows in a batch of each bucket.

    Args:
        lengths: Of the sequences.
        boundaries: Of the buckets.
        batch_size: Rows of every batch; or, in its place,
        tokens_per_batch: Cells of a batch, padding among them: of the bucket's longest
            sequences as many as fit, and at least `multiple_of`.
        multiple_of: Number of devices that share a batch.
    """
    if batch_size is not None:
        rows = [batch_size] * (len(boundaries) + 1)
    else:
        longest = [boundary - 1 for boundary in boundaries] + [max(lengths)]
        rows = [tokens_per_batch // length for length in longest]
    return [max(1, n // multiple_of) * multiple_of for n in rows]


def number_of_batches(
    lengths: Sequence[int], boundaries: Sequence[int], rows: Sequence[int]
) -> int:
    """The batches of all sequences: each bucket's last one may be smaller."""
    counts = np.bincount(np.digitize(lengths, boundaries), minlength=len(rows))
    return int(sum(-(-count // n) for count, n in zip(counts, rows)))


def bucketed(
    examples: tf.data.Dataset,
    length_of: Callable[..., tf.Tensor],
    boundaries: Sequence[int],
    rows: Sequence[int],
    padding: Any,
    longest: int | None = None,
) -> tf.data.Dataset:
    """Batches of examples of like length.

    Args:
        examples: Each a structure of tensors whose first dimension may be the time.
        length_of: An example's parts -> its length, an int32 scalar.
        boundaries: Of the buckets.
        rows: Rows in a batch of each bucket, `len(boundaries) + 1` numbers.
        padding: The value that fills each tensor, in the structure of an example.
        longest: With it shapes are static, as a TPU wants them: a batch is as long as
            the longest that its bucket may hold, of the last bucket this, and lacking
            rows are filled with padding. Without it a batch is as long as its longest
            sequence.
    """
    if longest is None:
        return examples.bucket_by_sequence_length(
            length_of, list(boundaries), list(rows), padding_values=padding
        )
    edges = [*boundaries, longest + 1]
    batches = examples.bucket_by_sequence_length(
        length_of,
        edges,
        [*rows, 1],  # of what is longer still: there is none
        padding_values=padding,
        pad_to_bucket_boundary=True,
    )
    rows = tf.constant([*rows, 1], tf.int32)
    ends = tf.constant(edges, tf.int32)

    def filled(*batch):
        def fill(values, value):
            missing = wanted - tf.shape(values)[0]
            paddings = [[0, missing]] + [[0, 0]] * (values.shape.rank - 1)
            value = tf.cast(value, values.dtype)
            return tf.pad(values, paddings, constant_values=value)

        length = tf.reduce_max([tf.shape(x)[1] for x in tf.nest.flatten(batch)])
        wanted = rows[tf.searchsorted(ends, [length], side="right")[0]]
        return tf.nest.map_structure(fill, batch, padding)

    return batches.map(filled)


def padding_share(batches: tf.data.Dataset, is_there: Callable[..., Any]) -> float:
    """The share of a data set's cells that are padding.

    Args:
        batches: All of them.
        is_there: A batch's parts -> booleans `(batch, time)`, false at padding.
    """
    there = [np.asarray(is_there(*batch)) for batch in batches]
    return 1.0 - sum(a.sum() for a in there) / sum(a.size for a in there)
