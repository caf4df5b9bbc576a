"""Drawing notes and tokens from a model's scores, with NumPy alone."""

import dataclasses
import math
import numbers
from typing import Any

import numpy as np

from keras_seqzoo.arguments import natural_number, positive_integer
from keras_seqzoo.errors import UserError


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How to draw.

    Attributes:
        steps: How many steps.
        seed: Of the draws.
        temperature: Divides the scores; 0 takes the likeliest.
        top_k: Only the k likeliest may be drawn; None for all.
        top_p: Only the likeliest that make up this share may be; None for all.
    """

    steps: int
    seed: int
    temperature: float
    top_k: int | None
    top_p: float | None


def checked_sampling(
    steps: int,
    seed: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
) -> Sampling:
    """The arguments of a model's `generate`.

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
    )


def draw_token(scores: np.ndarray, rng: np.random.Generator, sampling: Sampling) -> int:
    """One of several tokens, from their logits (tokens,)."""
    scores = scores.astype(np.float64)
    if sampling.temperature == 0:
        return int(np.argmax(scores))
    chances = np.exp((scores - scores.max()) / sampling.temperature)
    chances /= chances.sum()
    chances = np.where(_kept(scores, chances, sampling), chances, 0.0)
    return int(rng.choice(len(chances), p=chances / chances.sum()))


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
    sounds = rng.random(len(scores)) < chances
    return (_kept(scores, chances, sampling) & sounds).astype(np.uint8)


def _kept(scores: np.ndarray, chances: np.ndarray, sampling: Sampling) -> np.ndarray:
    """Which may be drawn by `top_k` and `top_p`, booleans."""
    # Not by the chances: a low temperature makes many of them 0 or 1.
    order = np.argsort(-scores, kind="stable")
    kept = np.ones(len(chances), bool)
    if sampling.top_k is not None:
        kept[order[sampling.top_k :]] = False
    if sampling.top_p is not None:
        share = np.cumsum(chances[order])
        # As many as it takes to reach the share: the one that crosses it is in.
        enough = np.searchsorted(share, sampling.top_p * share[-1]) + 1
        kept[order[enough:]] = False
    return kept


def _is_real(value: Any) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
