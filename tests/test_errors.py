"""An error in one line."""

import pytest

from keras_seqzoo.errors import first_line


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("one\ntwo", "one"),
        ("\n  one  \n", "one"),
        ("", "ValueError"),
        ("{{function_node __wrapped__SaveV2}} no space [Op:SaveV2]", "no space"),
        ("x" * 400, "x" * 300),
    ],
)
def test_first_line(message, line):
    assert first_line(ValueError(message)) == line
