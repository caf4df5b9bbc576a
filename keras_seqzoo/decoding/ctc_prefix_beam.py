"""The likeliest labels over all their alignments, and by a language model."""

import types
from typing import Any

import numpy as np
from keras import ops

from keras_seqzoo.runtime.ngram import NGram

# Far beyond any log-probability, and still exact enough as a float32.
_NEVER = -1e9


def ctc_prefix_beam(
    logits: Any,
    beams: int,
    language_model: NGram | None = None,
    language_weight: float = 1.0,
    label_bonus: float = 0.0,
) -> tuple[Any, Any]:
    """CTC prefix beam search, as one while loop over the steps.

    It follows the `beams` best prefixes; of each it sums the alignments that end in a
    blank and those that end in its last label. A prefix l is judged by

        log p(l | logits) + language_weight log p_lm(l) + label_bonus |l|

    Args:
        logits: `(batch, time, 1 + labels)`, the blank first; at padding the blank is
            certain, as `layers.CTC` has it.
        beams: Prefixes that are followed at a time.
        language_model: Of the labels; None for none.
        language_weight: Of its logarithms.
        label_bonus: For each label, against a language model's liking for short texts.

    Returns:
        `(labels, scores)` of the best: numbers of labels `(batch, time)`, int32, -1
        behind them; scores `(batch,)`, float32, as above, with the text's end.

    Source: Graves & Jaitly 2014, Towards End-To-End Speech Recognition with Recurrent
    Neural Networks, and Hannun et al. 2014, arXiv 1408.2873, algorithm 1.
    """
    log_y = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    count, time = log_y.shape[-1] - 1, ops.shape(log_y)[1]
    rows = ops.shape(log_y)[0] * beams
    first = ops.repeat(ops.arange(ops.shape(log_y)[0], dtype="int32") * beams, beams)
    number = ops.arange(count, dtype="int32")  # (labels,)
    place = ops.arange(time, dtype="int32")[None, :]
    zeros = ops.zeros((rows,), "int32")
    model = language_model or _no_model(count)
    next_state = ops.convert_to_tensor(model.next_state.reshape(-1), "int32")
    log_p = language_weight * model.log_p + label_bonus  # of each label in each state
    log_p = ops.convert_to_tensor(log_p, "float32")
    end_log_p = ops.convert_to_tensor(language_weight * model.end_log_p, "float32")

    def of_row(x):  # (rows, ...) as (batch, beams, ...)
        return ops.reshape(x, (-1, beams, *ops.shape(x)[1:]))

    def goes_on(t, *state):
        return t < time

    def follow(t, blank, label, last, labels, lengths, judged, lm):
        y = ops.take(log_y, t, axis=1)  # (batch, 1 + labels)
        y = ops.repeat(y, beams, axis=0)  # (rows, 1 + labels)
        total = _sum(blank, label)
        alive = total > 0.5 * _NEVER
        is_last = ops.equal(last[:, None], number[None, :])  # (rows, labels)
        y_last = ops.sum(ops.where(is_last, y[:, 1:], 0.0), axis=1)

        # A prefix that another one of the beams becomes by its last label.
        without = ops.where(place == lengths[:, None] - 1, -1, labels)
        shorter, longer = of_row(labels)[:, :, None, :], of_row(without)[:, None, :, :]
        becomes = ops.logical_and(
            ops.all(ops.equal(shorter, longer), axis=-1),
            of_row(last)[:, None, :] >= 0,
        )  # (batch, beams, beams): the first becomes the second
        becomes = ops.logical_and(becomes, of_row(alive)[:, :, None])
        becomes = ops.logical_and(becomes, of_row(alive)[:, None, :])
        repeats = ops.equal(of_row(last)[:, :, None], of_row(last)[:, None, :])
        from_it = ops.where(
            repeats, of_row(blank)[:, :, None], of_row(total)[:, :, None]
        )
        from_it = ops.max(ops.where(becomes, from_it, _NEVER), axis=1)

        # Those that stay as they are, and those with one more label.
        stay_blank = total + y[:, 0]
        stay_label = ops.where(last >= 0, label + y_last, _NEVER)
        stay_label = _sum(stay_label, ops.reshape(from_it, (-1,)) + y_last)
        grown = ops.where(is_last, blank[:, None], total[:, None]) + y[:, 1:]
        is_there = ops.logical_and(
            becomes[..., None], of_row(is_last)[:, None, :, :]
        )  # (batch, beams, beams, labels)
        is_there = ops.reshape(ops.any(is_there, axis=2), (-1, count))
        more = judged[:, None] + ops.take(log_p, lm, axis=0)  # (rows, labels)
        stays = _sum(stay_blank, stay_label) + judged
        stays = ops.where(alive, stays, 2.0 * _NEVER)
        grows = ops.where(is_there, 2.0 * _NEVER, grown + more)
        grows = ops.where(alive[:, None], grows, 2.0 * _NEVER)
        rank = [of_row(stays), ops.reshape(grows, (-1, beams * count))]
        chosen = ops.top_k(ops.concatenate(rank, axis=1), beams)[1]
        chosen = ops.reshape(ops.cast(chosen, "int32"), (-1,))  # (rows,)

        grew = chosen >= beams
        new = ops.where(grew, (chosen - beams) % count, 0)
        parent = first + ops.where(grew, (chosen - beams) // count, chosen)
        there = ops.logical_and(grew, ops.take(alive, parent, axis=0))
        new_at = parent * count + new
        blank = ops.where(grew, _NEVER, ops.take(stay_blank, parent, axis=0))
        label = ops.where(
            grew,
            ops.take(ops.reshape(grown, (-1,)), new_at, axis=0),
            ops.take(stay_label, parent, axis=0),
        )
        judged = ops.where(
            grew,
            ops.take(ops.reshape(more, (-1,)), new_at, axis=0),
            ops.take(judged, parent, axis=0),
        )
        state = ops.take(lm, parent, axis=0)
        lm = ops.where(grew, ops.take(next_state, state * count + new, axis=0), state)
        lengths, last = ops.take(lengths, parent, axis=0), ops.take(last, parent, 0)
        labels = ops.take(labels, parent, axis=0)
        writes = ops.logical_and(grew[:, None], ops.equal(place, lengths[:, None]))
        labels = ops.where(writes, new[:, None], labels)
        lengths, last = lengths + ops.cast(grew, "int32"), ops.where(grew, new, last)
        # A beam for which there is no prefix yet stays without one.
        dead = ops.logical_not(ops.logical_or(there, ops.take(alive, parent, axis=0)))
        blank = ops.where(dead, _NEVER, blank)
        label = ops.where(dead, _NEVER, ops.maximum(label, _NEVER))
        return t + 1, blank, label, last, labels, lengths, judged, lm

    is_first = ops.equal(ops.arange(rows, dtype="int32") % beams, 0)
    begin = (
        ops.convert_to_tensor(0, "int32"),
        ops.where(is_first, 0.0, _NEVER),
        ops.full((rows,), _NEVER, "float32"),
        zeros - 1,
        zeros[:, None] - 1 + ops.zeros_like(place),
        zeros,
        ops.cast(zeros, "float32"),
        zeros + model.start,
    )
    found = ops.while_loop(goes_on, follow, begin)
    _, blank, label, _, labels, _, judged, lm = found
    scores = _sum(blank, label) + judged + ops.take(end_log_p, lm, axis=0)
    best = ops.cast(ops.argmax(of_row(scores), axis=1), "int32")
    best = best + ops.arange(ops.shape(best)[0], dtype="int32") * beams
    return ops.take(labels, best, axis=0), ops.take(scores, best, axis=0)


def _sum(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b)), in operators that files have."""
    high, low = ops.maximum(a, b), ops.minimum(a, b)
    return high + ops.log(1.0 + ops.exp(ops.maximum(low - high, -100.0)))


def _no_model(count: int) -> Any:
    """One in which nothing costs anything."""
    return types.SimpleNamespace(
        next_state=np.zeros((1, count), np.int32),
        log_p=np.zeros((1, count), np.float32),
        end_log_p=np.zeros(1, np.float32),
        start=0,
    )
