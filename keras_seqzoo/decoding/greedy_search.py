"""The sequence of which each token is the likeliest after those before."""

from collections.abc import Callable
from typing import Any

from keras import ops, tree

from keras_seqzoo.arguments import positive_integer


def greedy_search(
    step: Callable, states: Any, *, start: int, end: int, max_length: int
) -> tuple[Any, Any, Any]:
    """Greedy search, as one while loop: `beam_search` with one beam, in less work.

    Args:
        step: Function `(tokens, states) -> (log_probabilities, states)`: tokens
            `(batch,)`, int32, are the ones before; log-probabilities are
            `(batch, vocabulary)`.
        states: Nest of tensors `(batch, ...)` before the first step.
        start: The token before the first.
        end: The token that ends a sequence; it may be the same one.
        max_length: Tokens of a sequence at most, the end among them.

    Returns:
        `(tokens, scores, states)`: tokens `(batch, max_length)`, int32, with `end`
        behind the end; scores `(batch,)`, float32, the mean log-probability of the
        tokens up to the end; states as `states` came, after the last step of all.

    Raises:
        UserError: `max_length` is no positive integer.
    """
    max_length = positive_integer("max_length", max_length)
    zeros = ops.zeros((ops.shape(tree.flatten(states)[0])[0],), "int32")
    place = ops.arange(max_length, dtype="int32")[None, :]

    def goes_on(time, latest, tokens, totals, lengths, ended, states):
        return ops.logical_and(time < max_length, ops.min(ended) < 1)

    def follow(time, latest, tokens, totals, lengths, ended, states):
        log_p, states = step(latest, states)
        log_p = ops.cast(log_p, "float32")
        goes = 1 - ended
        latest = ops.cast(ops.argmax(log_p, axis=-1), "int32")
        latest = ops.where(ops.greater(goes, 0), latest, end)
        totals = totals + ops.max(log_p, axis=-1) * ops.cast(goes, "float32")
        tokens = ops.where(ops.equal(place, time), latest[:, None], tokens)
        ended = ops.maximum(ended, ops.cast(ops.equal(latest, end), "int32"))
        return time + 1, latest, tokens, totals, lengths + goes, ended, states

    begin = (
        ops.convert_to_tensor(0, "int32"),
        zeros + start,
        zeros[:, None] + end + ops.zeros_like(place),
        ops.cast(zeros, "float32"),
        zeros,
        zeros,
        states,
    )
    found = ops.while_loop(goes_on, follow, begin)
    _, _, tokens, totals, lengths, _, states = found
    return tokens, totals / ops.cast(ops.maximum(lengths, 1), "float32"), states
