"""Drawing a text token by token, with NumPy alone."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from keras_seqzoo.runtime.sampling import Sampling, draw_token
from keras_seqzoo.runtime.text_tokens import END_OF_LINE

USUAL_STEPS = {"character": 2000, "word": 100}  # Unless the user says how many.
CHUNK = 256  # Tokens of a primer read at a time: each has a score for every token.


def generate_tokens(
    step: Callable[[np.ndarray, Any], tuple[np.ndarray, Any]],
    sampling: Sampling,
    primer: np.ndarray,
    never_drawn: Sequence[int] = (),
) -> np.ndarray:
    """Draws a text, at most until an empty line.

    Args:
        step: `(ids (time,) int32, states) -> scores (time, tokens), states`, the states
            None at the start.
        sampling: How to draw; its steps are the most to draw.
        primer: Ids to go on from, int32 `(time,)`.
        never_drawn: Ids that are left out of the draw.

    Returns:
        The ids of what was drawn, int32.
    """
    rng = np.random.default_rng(sampling.seed)
    tokens, states = [END_OF_LINE, *primer.tolist()], None
    read = 0
    for _ in range(sampling.steps):
        while read < len(tokens):
            fed = np.array(tokens[read : read + CHUNK], np.int32)
            scores, states = step(fed, states)
            read += len(fed)
        drawable = scores[-1].copy()
        drawable[list(never_drawn)] = -np.inf
        tokens.append(draw_token(drawable, rng, sampling))
        if tokens[-2:] == [END_OF_LINE, END_OF_LINE]:
            break
    return np.array(tokens[1 + len(primer) :], np.int32)
