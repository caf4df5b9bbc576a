"""The labels of the likeliest id of each step."""

from typing import Any

from keras import ops


def ctc_best_path(logits: Any) -> tuple[Any, Any]:
    """The labels that the best path through time says: repeats, then blanks, go.

    Args:
        logits: `(batch, time, 1 + labels)`, the blank first; at padding the blank is
            the largest.

    Returns:
        `(labels, scores)`: numbers of labels `(batch, time)`, int32, each in its order
        and -1 behind them; scores `(batch,)`, float32, the path's log-probability.

    Source: Graves et al. 2006, section 3.2 (best path decoding).
    """
    log_p = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    ids = ops.cast(ops.argmax(log_p, axis=-1), "int32")  # (batch, time)
    before = ops.pad(ids[:, :-1], [[0, 0], [1, 0]])
    said = ops.logical_and(ids != 0, ids != before)
    # Those that say a label first, in their order: as sorting keys, places in time.
    time = ops.shape(ids)[1]
    place = ops.arange(time, dtype="int32")[None, :]
    key = ops.where(said, place, place + time)
    order = ops.argsort(key, axis=1)
    labels = ops.take_along_axis(ops.where(said, ids - 1, -1), order, axis=1)
    return ops.cast(labels, "int32"), ops.sum(ops.max(log_p, axis=-1), axis=1)
