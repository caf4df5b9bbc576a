"""The parts of a batch that run side by side, and the blocks of its steps.

Both are for TensorFlow on a CPU; under XLA, or on a GPU, a batch stays whole.
"""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import keras
from keras import ops

from keras_seqzoo.layers.gpu import on_gpu
from keras_seqzoo.layers.xla import under_xla

BLOCK = 256  # steps whose factors are computed at once: they stay in the cache
PART = 8  # rows; smaller parts of a batch are not worth a thread of their own


def number_of_parts(inputs: Any) -> int:
    """As many as there are cores, of `inputs` (batch, ...), if it has the rows."""
    if keras.backend.backend() != "tensorflow" or under_xla() or on_gpu():
        return 1
    import tensorflow as tf

    threads = tf.config.threading.get_inter_op_parallelism_threads()
    cores = threads or _available_cores()
    return (
        cores
        if inputs.shape[0] is None
        else max(1, min(cores, inputs.shape[0] // PART))
    )


def parts_of(inputs: Any, number: int) -> list[slice]:
    """The rows of `inputs` (batch, ...), cut into so many parts."""
    if number == 1:
        return [slice(None)]
    batch = ops.shape(inputs)[0]
    if inputs.shape[0] is None:  # of a small batch the last parts are empty
        number_filled = ops.clip(batch // PART, 1, number)
    else:
        number_filled = number
    size = (batch + number_filled - 1) // number_filled
    edges = [ops.minimum(size * i, batch) for i in range(number + 1)]
    return list(map(slice, edges[:-1], edges[1:]))


def blocks(length: Any) -> list[tuple[Any, Any]]:
    """The steps that the backward pass takes at once, the last first: (start, stop).

    Blocks are of two sizes at most: each is compiled.
    """
    if keras.backend.backend() != "tensorflow" or under_xla() or on_gpu():
        return [(0, length)]
    number = -(-length // BLOCK)
    edges = [length * i // number for i in range(number + 1)]
    return list(zip(edges[:-1], edges[1:]))[::-1]


def joined(parts: Sequence[Any], axis: int = 0) -> Any:
    """The parts as one tensor again."""
    return parts[0] if len(parts) == 1 else ops.concatenate(parts, axis=axis)


def sums(lists: Iterable[Sequence[Any]]) -> list:
    """The sums of lists of equal length, elementwise."""
    return [sum(same[1:], same[0]) for same in zip(*lists)]


def _available_cores():
    if hasattr(os, "sched_getaffinity"):  # Linux
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
