"""Keeps the chatter of TensorFlow's C++ off the user's terminal.

No setting silences all of it: some lines are written before logging is set up, and
LiteRT's greeting always. So the process's standard error goes through a filter, which
drops the lines known to be harmless and passes on everything else.
"""

import contextlib
import os
import re
import sys
import threading
from collections.abc import Iterator

_CHATTER = re.compile(
    rb"WARNING: All log messages before absl::InitializeLog"
    rb"|[IW]\d{4} [\d:.]+ +\d+ \S+:\d+\]"  # information and warnings
    # Errors to TensorFlow only: no GPU, an older processor, a grappler's remark.
    rb"|.*failed call to cuInit"
    rb"|.*oneDNN supports DT_BOOL only on"
    rb"|.*NodeDef mentions attribute \S+ which is not in the op definition"
    rb"|INFO: (Created|Initialized) TensorFlow Lite"
)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drops native libraries' chatter from standard error while the block runs.

    Python's own writes to `sys.stderr` are not touched, so progress bars still see a
    terminal. Set the environment variable TF_CPP_MIN_LOG_LEVEL to 0 to see everything.
    """
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2") == "0":
        yield
        return
    terminal = os.dup(2)
    read_end, write_end = os.pipe()
    os.dup2(write_end, 2)
    os.close(write_end)
    thread = threading.Thread(target=_pass_on, args=(read_end, terminal), daemon=True)
    thread.start()
    python_stderr = sys.stderr
    writes_to_2 = _descriptor(python_stderr) == 2
    if writes_to_2:
        sys.stderr = os.fdopen(
            os.dup(terminal), "w", buffering=1, errors="backslashreplace"
        )
    try:
        yield
    finally:
        if writes_to_2:
            sys.stderr.close()
            sys.stderr = python_stderr
        os.dup2(terminal, 2)  # closes the pipe's last write end, which ends the thread
        thread.join(timeout=5)
        os.close(terminal)


def _pass_on(read_end: int, terminal: int) -> None:
    with open(read_end, "rb") as lines:
        for line in lines:
            if not _CHATTER.match(line):
                with contextlib.suppress(OSError):
                    os.write(terminal, line)


def _descriptor(stream: object) -> int | None:
    try:
        return stream.fileno()
    except (AttributeError, OSError, ValueError):
        return None
