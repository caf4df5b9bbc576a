"""An n-gram language model of labels, as a table of states."""

from collections.abc import Sequence

import numpy as np

from keras_seqzoo.errors import UserError

BEGIN, END, UNKNOWN = "<s>", "</s>", "<unk>"
SPACE = "<space>"  # What a label that is a space is in a file whose words spaces part.
NEVER = -99.0  # log10 of a probability of 0, as ARPA files have it.


class NGram:
    """A back-off model read from an ARPA file's lines.

    A state is a context that the file has; a label leads from it to the longest such
    context that then ends what was said.

    Args:
        lines: Of the file.
        labels: The labels, in the order of their numbers.

    Attributes:
        next_state: `(states, labels)`, int32.
        log_p: `(states, labels)`, float32, natural logarithms.
        end_log_p: `(states,)`, float32, that the text ends here.
        start: The state before the first label.

    Raises:
        UserError: The lines are no ARPA file.

    Source: Katz 1987, Estimation of Probabilities from Sparse Data; the file format of
    Doug Paul, as in SRILM's ngram-format(5).
    """

    def __init__(self, lines: Sequence[str], labels: Sequence[str]) -> None:
        numbers = {SPACE if one == " " else one: i for i, one in enumerate(labels)}
        # Beside the labels: the end, and the beginning, which only contexts have.
        numbers |= {END: len(labels), BEGIN: len(labels) + 1}
        explicit, backoff = _read(lines, numbers)
        contexts = {words[:-1] for words in explicit if len(words) > 1}
        contexts |= {words[1:] for words in contexts}  # for files without these
        contexts = sorted({(), *contexts}, key=lambda words: (len(words), words))
        state = {words: i for i, words in enumerate(contexts)}
        log_p = np.full((len(contexts), len(labels) + 1), NEVER)
        following = np.zeros((len(contexts), len(labels)), np.int32)
        of_context: dict[tuple, list] = {}
        for words, value in explicit.items():
            of_context.setdefault(words[:-1], []).append((words[-1], value))
        for words, i in state.items():
            if words:  # The shorter context is there already.
                shorter = _longest(words[1:], state)
                log_p[i] = log_p[shorter] + backoff.get(words, 0.0)
                following[i] = following[shorter]
            for word, value in of_context.get(words, ()):
                if word <= len(labels):
                    log_p[i, word] = value
            for word in range(len(labels)):
                if (*words, word) in state:
                    following[i, word] = state[(*words, word)]
        log_p = np.maximum(log_p, NEVER) * np.log(10.0)
        self.next_state = following
        self.log_p = log_p[:, :-1].astype(np.float32)
        self.end_log_p = log_p[:, -1].astype(np.float32)
        self.start = state.get((len(labels) + 1,), 0)


def _longest(words, state):
    """The state of the longest end of the words that is one."""
    while words not in state:
        words = words[1:]
    return state[words]


def _read(lines, numbers):
    """log10 of the probability of each n-gram, and of its weight as a context."""
    explicit, backoff, order = {}, {}, 0
    for number, line in enumerate(map(str.strip, lines), 1):
        if line.startswith("\\") and line.endswith("-grams:"):
            order = int(line[1:-7]) if line[1:-7].isdigit() else 0
        if not line or line.startswith("\\") or not order:
            continue
        parts = line.split()
        try:
            value, words = float(parts[0]), tuple(parts[1 : order + 1])
            weight = float(parts[order + 1]) if len(parts) > order + 1 else 0.0
            if len(words) < order:
                raise ValueError
        except (ValueError, IndexError):
            raise UserError(
                f"line {number} of an ARPA file must be a log-probability, {order} "
                f"words and perhaps a weight. Received: {line!r}"
            ) from None
        if all(word in numbers for word in words):
            words = tuple(numbers[word] for word in words)
            explicit[words], backoff[words] = value, weight
    if not explicit:
        raise UserError(
            "a language model must be the lines of an ARPA file with the model's "
            f"labels. Received: {list(lines)[:3]}"
        )
    return explicit, backoff
