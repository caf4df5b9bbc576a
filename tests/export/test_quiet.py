"""What converters say is dropped, and only that."""

import logging
import os
import warnings

import pytest

from keras_seqzoo.export.quiet import quiet


def say(what):
    os.write(2, f"native {what}\n".encode())
    logging.getLogger("tf2onnx").warning("logged %s", what)
    warnings.warn(f"warned {what}", stacklevel=2)


def test_all_is_dropped_and_all_comes_back(monkeypatch, capfd):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    level = logging.getLogger("tf2onnx").level
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with quiet():
            say("inside")
        say("outside")
    assert capfd.readouterr().err.startswith("native outside")
    assert [str(one.message) for one in warned] == ["warned outside"]
    assert logging.getLogger("tf2onnx").level == level


def test_an_error_comes_through_and_ends_the_quiet(monkeypatch, capfd):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    with pytest.raises(ValueError, match="what matters"), quiet():
        raise ValueError("what matters")
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_level_0_shows_everything(monkeypatch, capfd):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with quiet():
        os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"
