"""The likeliest sequences that a step function makes, several side by side."""

from collections.abc import Callable
from typing import Any

from keras import ops, tree

from keras_seqzoo.arguments import beam_count, number_from_0, positive_integer

# Far beyond any sequence's log-probability, and still exact enough as a float32.
_NEVER = -1e9


def beam_search(
    step: Callable,
    states: Any,
    *,
    start: int,
    end: int,
    max_length: int,
    beams: int = 3,
    length_penalty: float = 1.0,
) -> tuple[Any, Any, Any]:
    """Beam search with a fixed number of beams, as one while loop.

    At each step every beam that has not ended is followed by every token, and the
    likeliest take the places of those that have not ended; a beam that has ended stays.
    At the end the beam with the best score wins: its log-probability divided by
    length ** length_penalty, where the length counts the end.

    Args:
        step: Function `(tokens, states) -> (log_probabilities, states)`: tokens
            `(batch * beams,)`, int32, are the ones before; log-probabilities are
            `(batch * beams, vocabulary)`. A row's beams stand side by side. What is
            the same for all beams of a row may stay outside the states: see
            `for_each_beam`.
        states: Nest of tensors `(batch, ...)` before the first step. A state may
            gather what each step gives besides (attention, say): it follows its beam.
        start: The token before the first.
        end: The token that ends a sequence; it may be the same one.
        max_length: Tokens of a sequence at most, the end among them.
        beams: How many sequences are followed at a time, 256 at most.
        length_penalty: 0 compares log-probabilities, 1 their means.

    Returns:
        `(tokens, scores, states)` of the best beam of each row: tokens
        `(batch, max_length)`, int32, with `end` behind the end; scores `(batch,)`,
        float32; states as `states` came. (Of a row that ended before others the
        states go on: only what a state gathered by position is its own.)

    Raises:
        UserError: An argument is out of range.

    Source: the decoder of Xu et al. 2015, Show, Attend and Tell, arXiv 1502.03044,
    section 4.3; scores as in Wu et al. 2016, arXiv 1609.08144, without its constant.
    """
    max_length = positive_integer("max_length", max_length)
    length_penalty = number_from_0("length_penalty", length_penalty)
    states = for_each_beam(states, beams)
    rows = ops.shape(tree.flatten(states)[0])[0]
    row = ops.arange(rows, dtype="int32")
    place = ops.arange(max_length, dtype="int32")[None, :]
    zeros = ops.zeros_like(row)
    # At first all beams of a row are alike: one of them is enough.
    is_first = ops.equal(row % beams, 0)
    totals = ops.where(is_first, 0.0, _NEVER)

    def goes_on(time, latest, tokens, totals, lengths, ended, states):
        return ops.logical_and(time < max_length, ops.min(ended) < 1)

    def follow(time, latest, tokens, totals, lengths, ended, states):
        log_p, states = step(latest, states)
        vocabulary = log_p.shape[-1]
        is_end = ops.equal(ops.arange(vocabulary, dtype="int32"), end)[None, :]
        has_ended = ops.greater(ended, 0)[:, None]
        stays = ops.logical_and(has_ended, is_end)  # (rows, vocabulary)
        followed = totals[:, None] + ops.cast(log_p, "float32")
        followed = ops.where(has_ended, 2.0 * _NEVER, followed)
        followed = ops.where(stays, totals[:, None], followed)
        rank = ops.where(stays, -_NEVER, followed)
        rank = ops.reshape(rank, (-1, beams * vocabulary))
        chosen = ops.cast(ops.top_k(rank, beams)[1], "int32")  # (batch, beams)
        first = ops.arange(rows // beams, dtype="int32")[:, None] * beams
        parent = ops.reshape(first + chosen // vocabulary, (-1,))  # (rows,)
        latest = ops.reshape(chosen % vocabulary, (-1,))
        flat = ops.reshape(followed, (-1,))
        totals = ops.take(flat, parent * vocabulary + latest, axis=0)

        tokens, lengths, ended = _taken([tokens, lengths, ended], parent)
        states = tree.map_structure(lambda x: ops.take(x, parent, axis=0), states)
        tokens = ops.where(ops.equal(place, time), latest[:, None], tokens)
        lengths = lengths + 1 - ended
        ended = ops.maximum(ended, ops.cast(ops.equal(latest, end), "int32"))
        return time + 1, latest, tokens, totals, lengths, ended, states

    begin = (
        ops.convert_to_tensor(0, "int32"),
        zeros + start,
        zeros[:, None] + end + ops.zeros_like(place),
        totals,
        zeros,
        zeros,
        states,
    )
    found = ops.while_loop(goes_on, follow, begin)
    _, _, tokens, totals, lengths, _, states = found
    divisor = ops.cast(ops.maximum(lengths, 1), "float32") ** length_penalty
    scores = totals / divisor
    best = ops.argmax(ops.reshape(scores, (-1, beams)), axis=-1)
    first = ops.arange(rows // beams, dtype="int32") * beams
    best = first + ops.cast(best, "int32")
    tokens, scores = _taken([tokens, scores], best)
    return tokens, scores, tree.map_structure(lambda x: ops.take(x, best, 0), states)


def for_each_beam(values: Any, beams: int) -> Any:
    """Tensors `(batch, ...)` as `(batch * beams, ...)`: each row `beams` times.

    Args:
        values: A nest of tensors.
        beams: How many times.

    Raises:
        UserError: `beams` is no integer from 1 to 256.
    """
    beams = beam_count(beams)

    def repeated(x):
        sizes = ops.shape(x)[1:]
        x = ops.tile(ops.expand_dims(x, 1), [1, beams] + [1] * len(sizes))
        return ops.reshape(x, (-1, *sizes))

    return tree.map_structure(repeated, values)


def _taken(tensors: list, rows: Any) -> list:
    return [ops.take(x, rows, axis=0) for x in tensors]
