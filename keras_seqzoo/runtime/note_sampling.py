"""Drawing the notes of a piece step by step, with NumPy alone."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.sampling import Sampling, draw_notes


def generate_roll(
    step: Callable[[np.ndarray, Any], tuple[np.ndarray, Any]],
    sampling: Sampling,
    primer: np.ndarray,
) -> np.ndarray:
    """Draws a piece.

    Args:
        step: `(roll (time, keys) float32, states) -> scores (time, keys), states`, the
            states None at the start.
        sampling: How to draw.
        primer: As `checked_primer` gives it.

    Returns:
        The primer and the steps drawn, uint8 `(time, keys)`.
    """
    rng = np.random.default_rng(sampling.seed)
    roll = list(primer)
    silence = np.zeros((1, primer.shape[1]), np.float32)
    fed, states = np.concatenate([silence, primer], dtype=np.float32), None
    for _ in range(sampling.steps):
        scores, states = step(fed, states)
        roll.append(draw_notes(scores[-1], rng, sampling))
        fed = roll[-1][None].astype(np.float32)
    return np.stack(roll)


def checked_primer(primer: Any, num_keys: int) -> np.ndarray:
    """The roll to go on from, uint8 `(time, num_keys)`, without a step for None.

    Raises:
        UserError: It is no such roll of 0 and 1.
    """
    if primer is None:
        return np.zeros((0, num_keys), np.uint8)
    return checked_roll(primer, num_keys, "primer")


def checked_roll(roll: Any, num_keys: int, name: str) -> np.ndarray:
    """A roll as uint8 `(time, num_keys)`.

    Raises:
        UserError: It is no such roll of 0 and 1.
    """
    try:
        roll = np.asarray(roll)
    except ValueError:  # of rows of several lengths
        roll = np.empty(0)
    if roll.ndim != 2 or roll.shape[1] != num_keys:
        raise UserError(
            f"{name} must be a roll (time, {num_keys}). Received: shape {roll.shape}"
        )
    if np.iscomplexobj(roll) or not np.isin(roll, (0, 1)).all():
        raise UserError(f"{name} must be a roll of 0 and 1.")
    return roll.astype(np.uint8)
