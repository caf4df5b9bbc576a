"""Times functions against each other in one process, taking turns.

Drift of the machine (other processes, heat) then hits all of them alike, and a ratio is
the median of the rounds' ratios.

A turn begins with untimed calls: a function right after another library's finds the
caches cold. Measured on 2 cores, a TensorFlow step after a torch one was 5 to 8 %
slower than after itself, a torch step after TensorFlow's 15 to 35 %. A pause in between
changed nothing, so torch's OpenMP threads, which spin for a moment after a call, are
not the cause. (OMP_WAIT_POLICY=PASSIVE would stop their spinning, and made
torch.nn.LSTM 3 times slower; KMP_BLOCKTIME means nothing to torch's GNU OpenMP.)
"""

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

MIN_ROUNDS = 3
UNTIMED_SECONDS, TIMED_SECONDS = 0.002, 0.02  # of a turn: a call or more each


@dataclasses.dataclass
class Timing:
    """How long a function took: its first call, and the median call of each round."""

    first_call_s: float
    rounds_s: list[float] = dataclasses.field(default_factory=list)

    @property
    def median_ms(self) -> float:
        return 1e3 * statistics.median(self.rounds_s)


def take_turns(
    functions: Mapping[Any, Callable[[], object]],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[Any, Timing]:
    """Time the functions against each other.

    Args:
        functions: Name -> function, which must return only when its work is done.
        seconds: How long to go on; at least `MIN_ROUNDS` rounds are made.
        clock: Gives the time in seconds.

    Returns:
        Name -> its timing; all have the same number of rounds.
    """
    timings = {
        name: Timing(first_call_s=_call(function, clock))
        for name, function in functions.items()
    }
    started, order = clock(), list(functions)
    rounds = 0
    while rounds < MIN_ROUNDS or clock() - started < seconds:
        for name in order:
            _calls(functions[name], UNTIMED_SECONDS, clock)
            calls = _calls(functions[name], TIMED_SECONDS, clock)
            timings[name].rounds_s.append(statistics.median(calls))
        order.reverse()  # nobody always comes after the same one
        rounds += 1
    return timings


def median_ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def geometric_mean(values: Iterable[float]) -> float:
    """The geometric mean of positive numbers."""
    return math.exp(statistics.fmean(math.log(value) for value in values))


def _calls(function, seconds, clock):
    times = []
    while sum(times) < seconds:
        times.append(_call(function, clock))
    return times


def _call(function, clock):
    start = clock()
    function()
    return clock() - start
