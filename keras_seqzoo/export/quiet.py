"""Converters' chatter, kept from the user."""

import contextlib
import logging
import os
import tempfile
import warnings
from collections.abc import Iterator

LOGGERS = ("absl", "tensorflow", "tf2onnx")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Drops what the converters write to standard error, from Python and from C++.

    What matters they raise. Set the environment variable TF_CPP_MIN_LOG_LEVEL to 0 to
    see everything.
    """
    if os.environ.get("TF_CPP_MIN_LOG_LEVEL") == "0":
        yield
        return
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    with tempfile.TemporaryFile() as dropped, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in levels:
            logging.getLogger(name).setLevel(logging.ERROR)
        terminal = os.dup(2)
        os.dup2(dropped.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(terminal, 2)
            os.close(terminal)
            for name, level in levels.items():
                logging.getLogger(name).setLevel(level)
