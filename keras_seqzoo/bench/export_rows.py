"""One model exported in every way: a row for each."""

import gc
import pathlib
import tempfile
import time
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from keras_seqzoo.bench.export_contenders import (
    OUR_ONNX,
    OURS,
    Contender,
    contenders,
    operators,
    start,
)
from keras_seqzoo.bench.export_models import ExportModel, Sizes
from keras_seqzoo.bench.timing import Timing, median_ratio, take_turns
from keras_seqzoo.errors import first_line
from keras_seqzoo.export.quiet import quiet

SLOW_S = 2.0  # a call that takes longer is not waited for again

# Which of our files a contender's time is compared with, by format.
COMPARED_WITH = {"tflite": OURS, "onnx": OUR_ONNX, "torch": OUR_ONNX}


def export_rows(
    name: str,
    compared: ExportModel,
    sizes: Sizes,
    seconds: float,
    say: Callable[[str], None] = lambda text: None,
) -> list[dict]:
    """Export a model in every way, run each file, and time all against each other.

    Args:
        name: The model's name.
        compared: The model.
        sizes: How large it is, and at which lengths it runs.
        seconds: How long to time.
        say: Told what is at work.

    Returns:
        For each contender: "model", "exporter", "format", "runs", "reason" (why not),
        "bytes", "operators" (name -> number), "difference" (the largest from Keras,
        over the lengths), and what `with_times` adds.
    """
    rows, calls, slow = [], {}, {}
    with tempfile.TemporaryDirectory() as folder:
        found, answer = contenders(compared, sizes, pathlib.Path(folder))
        inputs = [compared.example(sizes.inputs, length) for length in sizes.lengths]
        wanted = [answer(x) for x in inputs]
        for contender in found:
            say(f"{name}: {contender.name}")
            with quiet():
                facts, own_calls = _tried(contender, inputs, wanted)
            rows.append({"model": name, "exporter": contender.name, **facts})
            for length, (call, took) in own_calls.items():
                if took > SLOW_S:
                    slow[contender.name, length] = 1e3 * took
                else:
                    calls[contender.name, length] = call
    say(f"{name}: timing")
    timings = take_turns(calls, seconds)
    del calls, found, own_calls
    keras.backend.clear_session()
    gc.collect()
    return with_times(rows, timings, slow)


def _tried(
    contender: Contender, inputs: list[np.ndarray], wanted: list[np.ndarray]
) -> tuple[dict, dict[int, tuple[Callable, float]]]:
    """What became of a contender, and for each length its call and that one's time."""
    facts = {
        "format": contender.format,
        "runs": False,
        "reason": None,
        "bytes": None,
        "operators": None,
        "difference": None,
    }
    calls, differences = {}, []
    if contender.only_first_length:
        inputs, wanted = inputs[:1], wanted[:1]
    try:
        for x, y in zip(inputs, wanted):
            length = x.shape[1]
            content = contender.write(length)
            if isinstance(content, bytes) and facts["bytes"] is None:
                facts["bytes"] = len(content)
                facts["operators"] = operators(contender.format, content)
            call = start(contender.format, content, x)
            call()
            before = time.perf_counter()
            found = call()
            calls[length] = call, time.perf_counter() - before
            if contender.format == "torch":
                continue  # not the same model
            if found.shape != y.shape:
                raise ValueError(f"gives {found.shape}, not {y.shape}")
            differences.append(float(np.abs(found - y).max()))
    except ModuleNotFoundError:
        raise
    except Exception as error:
        return {**facts, "reason": _reason(error, facts["operators"])}, {}
    facts["difference"] = max(differences, default=None)
    return {**facts, "runs": True}, calls


def foreign(names: Mapping[str, int] | None) -> list[str]:
    """The operators that are not builtin."""
    custom = [n for n in names or () if n.startswith("custom ")]
    return sorted(name.removeprefix("custom ") for name in custom)


def _reason(error: Exception, names: Mapping[str, int] | None) -> str:
    if names is None:
        return f"not converted: {first_line(error)}"
    if needed := foreign(names):
        return f"needs {', '.join(needed)}"
    return first_line(error)


def with_times(
    rows: list[dict],
    timings: Mapping[tuple[str, int], Timing],
    slow: Mapping[tuple[str, int], float],
) -> list[dict]:
    """The rows of one model with what was timed.

    Args:
        rows: With "exporter" and "format".
        timings: (exporter, length) -> its timing; all have the same rounds.
        slow: (exporter, length) -> the milliseconds of the one call that was made.

    Returns:
        The rows with "ms" (length -> median; lengths are text, as JSON's keys are),
        "ratio" (length -> the time of our float32 file, of the same format if there is
        one, over this one's), "growth" (the time at the last length over that at the
        first, None where it has no two) and "rounds".
    """

    def times_of(row):
        name, milliseconds, ratio = row["exporter"], {}, {}
        ours = COMPARED_WITH[row["format"]]
        own = [length for exporter, length in timings if exporter == name]
        for length in own:
            timing = timings[name, length]
            milliseconds[str(length)] = timing.median_ms
            if (ours, length) in timings:
                rounds = timings[ours, length].rounds_s, timing.rounds_s
                ratio[str(length)] = median_ratio(*rounds)
        for (exporter, length), ms in slow.items():
            if exporter == name:
                milliseconds[str(length)] = ms
                if (ours, length) in timings:
                    ratio[str(length)] = timings[ours, length].median_ms / ms
        growth, rounds = None, len(timings[name, own[0]].rounds_s) if own else 0
        if len(own) > 1:
            ends = (timings[name, length].rounds_s for length in (max(own), min(own)))
            growth = median_ratio(*ends)
        return {"ms": milliseconds, "ratio": ratio, "growth": growth, "rounds": rounds}

    return [{**row, **times_of(row)} for row in rows]


def lengths_of(rows: list[dict]) -> list[str]:
    """The lengths that anything was timed at, in order."""
    return sorted({length for row in rows for length in row["ms"]}, key=int)


def facts_line(row: dict[str, Any]) -> str:
    """A file's operators in a few words, or why it does not run."""
    if not row["runs"]:
        return row["reason"]
    if row["operators"] is None:
        return ""
    loops = [f"{n} {name}" for name, n in row["operators"].items() if name in _TOLD]
    return f"{sum(row['operators'].values())}" + (
        f" ({', '.join(loops)})" if loops else ""
    )


_TOLD = ("WHILE", "UNIDIRECTIONAL_SEQUENCE_LSTM", "LSTM", "GRU", "RNN", "Loop", "Scan")
