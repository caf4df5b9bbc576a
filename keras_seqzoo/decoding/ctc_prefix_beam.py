"""The likeliest labels over all their alignments, and by a language model."""

import types
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from keras_seqzoo.arguments import beam_count, number
from keras_seqzoo.errors import UserError
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
        beams: Prefixes that are followed at a time, 256 at most.
        language_model: Of the labels; None for none.
        language_weight: Of its logarithms.
        label_bonus: For each label, against a language model's liking for short texts.

    Returns:
        `(labels, scores)` of the best: numbers of labels `(batch, time)`, int32, -1
        behind them; scores `(batch,)`, float32, as above, with the text's end.

    Raises:
        UserError: An argument is out of range.

    Source: Graves & Jaitly 2014, Towards End-To-End Speech Recognition with Recurrent
    Neural Networks, and Hannun et al. 2014, arXiv 1408.2873, algorithm 1.
    """
    beams = beam_count(beams)
    language_weight = number("language_weight", language_weight)
    label_bonus = number("label_bonus", label_bonus)
    if len(logits.shape) != 3:
        raise UserError(
            "`logits` must be (batch, time, 1 + labels). Received: shape "
            f"{tuple(logits.shape)}"
        )
    log_y = ops.log_softmax(ops.cast(logits, "float32"), axis=-1)
    count, time = log_y.shape[-1] - 1, ops.shape(log_y)[1]
    batch = ops.arange(ops.shape(log_y)[0], dtype="int32")
    first = ops.repeat(batch * beams, beams)  # (rows,): of a row's prefixes
    labels = ops.arange(count, dtype="int32")  # (labels,)
    place = ops.arange(time, dtype="int32")[None, :]
    model = language_model or _no_model(count)
    if model.log_p.shape[1] != count:
        raise UserError(
            f"`language_model` must be of the {count} labels. Received: "
            f"{model.log_p.shape[1]} labels"
        )
    next_state = ops.convert_to_tensor(model.next_state.reshape(-1), "int32")
    log_p = language_weight * model.log_p + label_bonus  # of each label in each state
    log_p = ops.convert_to_tensor(log_p, "float32")
    end_log_p = ops.convert_to_tensor(language_weight * model.end_log_p, "float32")

    def goes_on(t, *prefixes):
        return t < time

    def follow(t, *prefixes):
        prefixes = _Prefixes(*prefixes)
        y = ops.repeat(ops.take(log_y, t, axis=1), beams, axis=0)  # (rows, 1 + labels)
        is_last = ops.equal(prefixes.last[:, None], labels)  # (rows, labels)
        merges = _merges(prefixes, place, beams)
        stayed = _stayed(prefixes, y, is_last, merges)
        grown = _grown(prefixes, y, is_last, ops.take(log_p, prefixes.state, axis=0))
        is_there = _is_there(is_last, merges)
        chosen = _chosen(stayed, grown, is_there, prefixes.alive, beams)
        parent, new = first + chosen[0], chosen[1]
        prefixes = _followed(prefixes, stayed, grown, parent, new, place)
        at = prefixes.state * count + ops.maximum(new, 0)
        state = ops.where(new >= 0, ops.take(next_state, at, axis=0), prefixes.state)
        return t + 1, *prefixes._replace(state=state)

    begin = _empty(first, place, model.start)
    _, *found = ops.while_loop(goes_on, follow, (ops.zeros((), "int32"), *begin))
    found = _Prefixes(*found)
    scores = found.total + found.judged + ops.take(end_log_p, found.state, axis=0)
    best = ops.cast(ops.argmax(_of_rows(scores, beams), axis=1), "int32")
    best = best + batch * beams
    return ops.take(found.labels, best, axis=0), ops.take(scores, best, axis=0)


class _Prefixes(NamedTuple):
    """The prefixes that are followed; a row's stand side by side.

    Of each the log-probability of its alignments, its labels, and what the language
    model makes of it: all are (rows,), the labels (rows, time).
    """

    blank: Any  # log p of the alignments that end in a blank
    label: Any  # and of those that end in the last label
    last: Any  # the last label, -1 of the empty prefix
    labels: Any  # -1 behind them
    lengths: Any
    judged: Any  # language model and bonus so far
    state: Any  # the language model's

    @property
    def total(self) -> Any:
        return _sum(self.blank, self.label)

    @property
    def alive(self) -> Any:
        """Whether it is one: at first there are fewer than beams."""
        return self.total > 0.5 * _NEVER


def _empty(first: Any, place: Any, state: int) -> _Prefixes:
    """Of each row the empty prefix, and beams for which there is none yet."""
    zeros = ops.zeros_like(first)
    is_first = ops.equal(ops.arange(ops.shape(first)[0], dtype="int32"), first)
    never = ops.cast(zeros, "float32") + _NEVER
    return _Prefixes(
        blank=ops.where(is_first, 0.0, never),
        label=never,
        last=zeros - 1,
        labels=zeros[:, None] - 1 + ops.zeros_like(place),
        lengths=zeros,
        judged=ops.cast(zeros, "float32"),
        state=zeros + state,
    )


def _merges(prefixes: _Prefixes, place: Any, beams: int) -> Any:
    """(batch, beams, beams): whether the first becomes the second by a label more."""
    is_end = ops.equal(place, prefixes.lengths[:, None] - 1)
    without = ops.where(is_end, -1, prefixes.labels)
    shorter = _of_rows(prefixes.labels, beams)[:, :, None, :]
    longer = _of_rows(without, beams)[:, None, :, :]
    merges = ops.all(ops.equal(shorter, longer), axis=-1)
    merges = ops.logical_and(merges, _of_rows(prefixes.last, beams)[:, None, :] >= 0)
    alive = _of_rows(prefixes.alive, beams)
    merges = ops.logical_and(merges, alive[:, :, None])
    return ops.logical_and(merges, alive[:, None, :])


def _stayed(prefixes: _Prefixes, y: Any, is_last: Any, merges: Any) -> tuple:
    """`(blank, label, judged)` of the prefixes as they are, a step on."""
    beams = merges.shape[-1]
    last = _of_rows(prefixes.last, beams)
    blank, total = (_of_rows(x, beams) for x in (prefixes.blank, prefixes.total))
    # A shorter one that says this one's last label now; after itself, from a blank.
    repeats = ops.equal(last[:, :, None], last[:, None, :])
    merged = ops.where(repeats, blank[:, :, None], total[:, :, None])
    merged = ops.max(ops.where(merges, merged, _NEVER), axis=1)
    y_last = ops.sum(ops.where(is_last, y[:, 1:], 0.0), axis=1)
    label = ops.where(prefixes.last >= 0, prefixes.label + y_last, _NEVER)
    label = _sum(label, ops.reshape(merged, (-1,)) + y_last)
    return prefixes.total + y[:, 0], label, prefixes.judged


def _grown(prefixes: _Prefixes, y: Any, is_last: Any, log_p: Any) -> tuple:
    """`(label, judged)` of the prefixes with each label more, (rows, labels)."""
    blank, total = prefixes.blank[:, None], prefixes.total[:, None]
    label = ops.where(is_last, blank, total) + y[:, 1:]
    return label, prefixes.judged[:, None] + log_p


def _is_there(is_last: Any, merges: Any) -> Any:
    """(rows, labels): whether the prefix with the label more is one of the beams."""
    count = is_last.shape[-1]
    of_second = _of_rows(is_last, merges.shape[-1])[:, None, :, :]
    found = ops.any(ops.logical_and(merges[..., None], of_second), axis=2)
    return ops.reshape(found, (-1, count))


def _chosen(
    stayed: tuple, grown: tuple, is_there: Any, alive: Any, beams: int
) -> tuple[Any, Any]:
    """The best of all: the beam that each comes from, and its new label or -1."""
    count = is_there.shape[-1]
    blank, label, judged = stayed
    stays = ops.where(alive, _sum(blank, label) + judged, 2.0 * _NEVER)
    grows = ops.where(is_there, 2.0 * _NEVER, grown[0] + grown[1])
    grows = ops.where(alive[:, None], grows, 2.0 * _NEVER)
    rank = [_of_rows(stays, beams), ops.reshape(grows, (-1, beams * count))]
    best = ops.top_k(ops.concatenate(rank, axis=1), beams)[1]
    best = ops.reshape(ops.cast(best, "int32"), (-1,))  # (rows,)
    grew = best >= beams
    beam = ops.where(grew, (best - beams) // count, best)
    return beam, ops.where(grew, (best - beams) % count, -1)


def _followed(
    prefixes: _Prefixes, stayed: tuple, grown: tuple, parent: Any, new: Any, place: Any
) -> _Prefixes:
    """The chosen ones, of `parent` with the label `new`; the state is the parent's."""
    grew, label = new >= 0, ops.maximum(new, 0)
    at = parent * grown[0].shape[-1] + label

    def one_of(more, same):
        more = ops.take(ops.reshape(more, (-1,)), at, axis=0)
        return ops.where(grew, more, ops.take(same, parent, axis=0))

    # A beam for which there is no prefix yet stays without one.
    alive = ops.take(prefixes.alive, parent, axis=0)
    blank = ops.where(grew, _NEVER, ops.take(stayed[0], parent, axis=0))
    ends = ops.maximum(one_of(grown[0], stayed[1]), _NEVER)
    lengths = ops.take(prefixes.lengths, parent, axis=0)
    writes = ops.logical_and(grew[:, None], ops.equal(place, lengths[:, None]))
    labels = ops.take(prefixes.labels, parent, axis=0)
    return _Prefixes(
        blank=ops.where(alive, blank, _NEVER),
        label=ops.where(alive, ends, _NEVER),
        last=ops.where(grew, label, ops.take(prefixes.last, parent, axis=0)),
        labels=ops.where(writes, label[:, None], labels),
        lengths=lengths + ops.cast(grew, "int32"),
        judged=one_of(grown[1], stayed[2]),
        state=ops.take(prefixes.state, parent, axis=0),
    )


def _of_rows(x: Any, beams: int) -> Any:
    """(rows, ...) as (batch, beams, ...)."""
    return ops.reshape(x, (-1, beams, *ops.shape(x)[1:]))


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
