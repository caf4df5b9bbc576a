"""White space as Python's `str` knows it, in the TensorFlow graph."""

from typing import Any

import tensorflow as tf

# What `str.isspace` is true of; RE2's own \s is ASCII's alone.
_SPACES = (
    r"[\t-\r\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}"
    r"\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]+"
)


def single_spaced(texts: Any) -> tf.Tensor:
    """`" ".join(text.split())` of each of the strings `(...)`, UTF-8."""
    return stripped(tf.strings.regex_replace(texts, _SPACES, " "))


def stripped(texts: Any) -> tf.Tensor:
    """`text.strip()` of each of the strings `(...)`, UTF-8."""
    return tf.strings.regex_replace(texts, rf"\A{_SPACES}|{_SPACES}\z", "")
