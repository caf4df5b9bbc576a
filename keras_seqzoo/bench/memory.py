"""The peak memory of one training step, each measured in a process of its own.

The same step first runs over a few time steps, so that libraries have taken theirs, and
once at full size, so that tracing and compiling are over. The peak over three more
calls, less what the process held before it ran at full size, is the step's memory:
what lies in the libraries' pools between calls counts. (Linux lets a process forget its
peak, by `clear_refs`; `malloc_trim` hands freed memory back.)
"""

import ctypes
import json
import os
import subprocess
import sys

from keras_seqzoo.bench.shapes import Shape

_CLEAR_REFS, _STATUS = "/proc/self/clear_refs", "/proc/self/status"


def can_measure() -> bool:
    """Whether this system lets a process reset and read its peak (Linux does)."""
    return os.access(_CLEAR_REFS, os.W_OK) and hasattr(ctypes.CDLL(None), "malloc_trim")


def peak_megabytes(
    case: str, contender: str, mode: str, shape: Shape, threads: int
) -> float:
    """Measure in a fresh process.

    Args:
        case: A name in `cases.CASES`.
        contender: A name in `cases.contenders` of it.
        mode: The mode to run it in.
        shape: Of the training step.
        threads: For TensorFlow and PyTorch.

    Returns:
        Megabytes (10^6 bytes).

    Raises:
        RuntimeError: if the process fails; the message is its last line.
    """
    arguments = [case, contender, mode, str(shape), str(threads)]
    done = subprocess.run(
        [sys.executable, "-m", "keras_seqzoo.bench.memory", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        raise RuntimeError(f"The memory of {contender} could not be measured: {last}")
    return json.loads(done.stdout) / 1e6


def main(arguments: list[str]) -> None:
    """In the fresh process: prints the peak in bytes."""
    from keras_seqzoo.bench.cases import CASES, contenders
    from keras_seqzoo.bench.machine import set_threads

    case, contender, mode, shape, threads = arguments
    set_threads(int(threads))
    shape = Shape.parse(shape)
    short = contenders(CASES[case], "train", shape._replace(steps=8))
    short[contender]()[mode]()
    step = contenders(CASES[case], "train", shape)[contender]()[mode]
    before = _trimmed_bytes()
    step()
    _trimmed_bytes()
    with open(_CLEAR_REFS, "w") as file:
        file.write("5")  # forget the peak so far
    for _ in range(3):
        step()
    print(_status_bytes("VmHWM") - before)


def _trimmed_bytes():
    ctypes.CDLL(None).malloc_trim(0)
    return _status_bytes("VmRSS")


def _status_bytes(key):
    with open(_STATUS) as file:
        line = next(line for line in file if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
