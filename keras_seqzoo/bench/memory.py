"""The peak memory of one training step, each measured in a process of its own.

The same step first runs on a tiny batch, so that libraries, tracing and compiling have
taken theirs; then Linux forgets the process's peak (`clear_refs`), and the peak over
three calls at full size, less what the process held before them, is the step's memory.
(After a first call at full size, a second shows next to nothing: freed memory stays
with the process.)
"""

import json
import os
import subprocess
import sys

from keras_seqzoo.bench.shapes import Shape

_CLEAR_REFS, _STATUS = "/proc/self/clear_refs", "/proc/self/status"


def can_measure() -> bool:
    """Whether this system lets a process reset and read its peak (Linux does)."""
    return os.access(_CLEAR_REFS, os.W_OK)


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
    tiny = contenders(CASES[case], "train", shape._replace(batch=1, steps=8))
    tiny[contender]()[mode]()
    step = contenders(CASES[case], "train", shape)[contender]()[mode]
    with open(_CLEAR_REFS, "w") as file:
        file.write("5")  # forget the peak so far
    before = _status_bytes("VmRSS")
    for _ in range(3):
        step()
    print(_status_bytes("VmHWM") - before)


def _status_bytes(key):
    with open(_STATUS) as file:
        line = next(line for line in file if line.startswith(f"{key}:"))
    return int(line.split()[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
