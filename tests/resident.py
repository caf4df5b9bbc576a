"""The memory of this process: TensorFlow's and LiteRT's too, unlike tracemalloc's."""

import os
import pathlib

import pytest

STATM = pathlib.Path("/proc/self/statm")


def resident() -> int:
    """Bytes of this process that are in memory now."""
    if not STATM.exists():
        pytest.skip("needs /proc/self/statm, which only Linux has")
    pages = int(STATM.read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
