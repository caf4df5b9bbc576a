"""Drawing the notes of a piece step by step, with NumPy alone."""

import dataclasses
import math
import numbers
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_seqzoo.arguments import natural_number, positive_integer
from keras_seqzoo.errors import UserError


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How to draw; see `PianoRollModel.generate`."""

    steps: int
    seed: int
    temperature: float
    top_k: int | None
    top_p: float | None
    primer: np.ndarray  # (time, keys) uint8


def checked_sampling(
    steps: int,
    seed: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    primer: np.ndarray | None,
    num_keys: int,
) -> Sampling:
    """The arguments of `generate`.

    Raises:
        UserError: One is out of range.
    """
    if not _is_real(temperature) or not 0 <= temperature < math.inf:
        raise UserError(
            "temperature must be a number from 0 on. "
            f"Received: temperature={temperature!r}"
        )
    if top_p is not None and not (_is_real(top_p) and 0 < top_p <= 1):
        raise UserError(
            f"top_p must be above 0 and at most 1. Received: top_p={top_p!r}"
        )
    return Sampling(
        positive_integer("steps", steps),
        natural_number("seed", seed),
        float(temperature),
        None if top_k is None else positive_integer("top_k", top_k),
        top_p,
        _roll(primer, num_keys),
    )


def generate_roll(
    step: Callable[[np.ndarray, Any], tuple[np.ndarray, Any]], sampling: Sampling
) -> np.ndarray:
    """Draws a piece.

    Args:
        step: `(roll (time, keys) float32, states) -> scores (time, keys), states`, the
            states None at the start.
        sampling: How to draw.

    Returns:
        The primer and the steps drawn, uint8 `(time, keys)`.
    """
    rng = np.random.default_rng(sampling.seed)
    roll = list(sampling.primer)
    silence = np.zeros((1, sampling.primer.shape[1]), np.float32)
    fed, states = np.concatenate([silence, sampling.primer], dtype=np.float32), None
    for _ in range(sampling.steps):
        scores, states = step(fed, states)
        roll.append(draw_notes(scores[-1], rng, sampling))
        fed = roll[-1][None].astype(np.float32)
    return np.stack(roll)


def draw_notes(
    scores: np.ndarray, rng: np.random.Generator, sampling: Sampling
) -> np.ndarray:
    """The notes of a step, uint8 (keys,), each drawn by itself from its logit."""
    scores = scores.astype(np.float64)
    if sampling.temperature == 0:
        chances = (scores > 0).astype(np.float64)
    else:
        # tanh does not overflow, as exp would.
        chances = 0.5 + 0.5 * np.tanh(scores / (2 * sampling.temperature))
    order = np.argsort(-scores, kind="stable")
    kept = np.ones(len(scores), bool)
    if sampling.top_k is not None:
        kept[order[sampling.top_k :]] = False
    if sampling.top_p is not None:
        share = np.cumsum(chances[order])
        # As many as it takes to reach the share: the one that crosses it is in.
        enough = np.searchsorted(share, sampling.top_p * share[-1]) + 1
        kept[order[enough:]] = False
    return (kept & (rng.random(len(scores)) < chances)).astype(np.uint8)


def _roll(primer: Any, num_keys: int) -> np.ndarray:
    if primer is None:
        return np.zeros((0, num_keys), np.uint8)
    primer = np.asarray(primer)
    if primer.ndim != 2 or primer.shape[1] != num_keys:
        raise UserError(
            f"primer must be a roll (time, {num_keys}). Received: shape {primer.shape}"
        )
    if not np.isin(primer, (0, 1)).all():
        raise UserError("primer must be a roll of 0 and 1.")
    return primer.astype(np.uint8)


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
