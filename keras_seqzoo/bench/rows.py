"""From timings to the rows of the report: one for each case, shape and peer."""

import gc
from collections.abc import Mapping

import keras

from keras_seqzoo.bench.cases import MEMORY_PEERS, OURS, Case, contenders
from keras_seqzoo.bench.memory import peak_megabytes
from keras_seqzoo.bench.shapes import Shape
from keras_seqzoo.bench.steps import MODES
from keras_seqzoo.bench.timing import (
    Timing,
    geometric_mean,
    median_ratio,
    take_turns,
)

GEOMETRIC_MEAN, LARGEST_RATIO = "geometric mean", "largest ratio"


def timed_rows(
    name: str, case: Case, work: str, shape: Shape, seconds: float
) -> list[dict]:
    """Time a case at one shape.

    Args:
        name: The case's name.
        case: What is compared.
        work: "train" or "infer".
        shape: Of the work.
        seconds: How long.

    Returns:
        A row for each peer, as `rows_of` makes them.
    """
    steps = {
        (contender, mode): step
        for contender, build in contenders(case, work, shape).items()
        for mode, step in build().items()
    }
    rows = rows_of(name, str(shape), take_turns(steps, seconds))
    del steps
    keras.backend.clear_session()
    gc.collect()
    return rows


def rows_of(
    case: str, shape: str, timings: Mapping[tuple[str, str], Timing]
) -> list[dict]:
    """The rows of one case at one shape.

    The figure of a contender is that of its fastest mode; `ours_ms` and `peer_ms` are
    medians, `ratio` the median over the rounds of ours / peer. The `_by_mode` fields
    hold each mode's median and its first call's seconds (tracing, compiling, running).
    """
    by_name = {}
    for (name, mode), timing in timings.items():
        by_name.setdefault(name, {})[mode] = timing
    ours = by_name.pop(OURS)
    our_mode = _fastest(ours)
    rows = []
    for peer, theirs in by_name.items():
        peer_mode = _fastest(theirs)
        rounds = ours[our_mode].rounds_s, theirs[peer_mode].rounds_s
        rows.append(
            {
                "case": case,
                "shape": shape,
                "ours_ms": ours[our_mode].median_ms,
                "peer": peer,
                "peer_ms": theirs[peer_mode].median_ms,
                "ratio": median_ratio(*rounds),
                "rounds": len(rounds[0]),
                "ours_mode": our_mode,
                "peer_mode": peer_mode,
                "ours_ms_by_mode": {m: t.median_ms for m, t in ours.items()},
                "peer_ms_by_mode": {m: t.median_ms for m, t in theirs.items()},
                "ours_first_call_s_by_mode": _first_calls(ours),
                "peer_first_call_s_by_mode": _first_calls(theirs),
            }
        )
    return rows


def _fastest(timings):
    return min(timings, key=lambda mode: timings[mode].median_ms)


def _first_calls(timings):
    return {mode: timing.first_call_s for mode, timing in timings.items()}


def summary_rows(rows: list[dict]) -> list[dict]:
    """Over one case's shapes, two rows a peer; none for a single shape.

    One has the geometric means of the times and ratios, the other the figures where the
    ratio is largest; `shapes` says over which, or where.
    """
    by_peer = {}
    for row in rows:
        by_peer.setdefault((row["case"], row["peer"]), []).append(row)
    summary = []
    for (case, peer), group in by_peer.items():
        if len(group) < 2:
            continue
        mean = {
            key: geometric_mean(row[key] for row in group)
            for key in ("ours_ms", "peer_ms", "ratio")
        }
        worst = max(group, key=lambda row: row["ratio"])
        for name, figures, shapes in (
            (GEOMETRIC_MEAN, mean, [row["shape"] for row in group]),
            (LARGEST_RATIO, worst, [worst["shape"]]),
        ):
            summary.append(
                {
                    "case": case,
                    "shape": name,
                    "ours_ms": figures["ours_ms"],
                    "peer": peer,
                    "peer_ms": figures["peer_ms"],
                    "ratio": figures["ratio"],
                    "shapes": shapes,
                }
            )
    return summary


def memory_row(name: str, shape: Shape, threads: int) -> dict:
    """Peak memory of a training step: this case's layer against its cell in Keras' RNN.

    The figure of each is that of its leanest mode. The row has megabytes in `ours_mb`
    and `peer_mb`, and None for the times.
    """
    peer = MEMORY_PEERS[name]
    ours, theirs = (
        {
            mode: peak_megabytes(name, contender, mode, shape, threads)
            for mode in MODES[keras.config.backend()]
        }
        for contender in (OURS, peer)
    )
    return {
        "case": f"memory of {name}",
        "shape": str(shape),
        "ours_ms": None,
        "peer": peer,
        "peer_ms": None,
        "ratio": min(ours.values()) / min(theirs.values()),
        "ours_mb": min(ours.values()),
        "peer_mb": min(theirs.values()),
        "ours_mb_by_mode": ours,
        "peer_mb_by_mode": theirs,
    }
