import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.preprocessing.series_csv import parse_series, read_series

CHANNELS = ["x", "y"]


@pytest.mark.parametrize(
    "text",
    [
        "x,y\n1,2\n3,-4.5\n",
        "1,2\n3,-4.5",
        "1,2,\n3,-4.5, ",
        "time;Y;X\r\n0;2;1\r\n\r\n0.02;-4.5;3\r\n",
        "\ufeffx\ty\n1\t2\n 3 \t-45e-1\n",
        'x,"y"\n"1","2"\n3,-4.5\n',
    ],
)
def test_names_and_separators(text):
    series = parse_series(text.encode(), CHANNELS, "a.csv")
    assert series.dtype == np.float32
    np.testing.assert_array_equal(series, [[1.0, 2.0], [3.0, -4.5]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x,z\n1,2\n", "a.csv: must have a column 'y'. Received: x, z"),
        (
            "x,y\n1,2\n3,up\n",
            "a.csv: line 3, column y: must be a finite number. .*'up'",
        ),
        ("x,y\n1,2\n3\n", r"a.csv: line 3: must have 2 columns \(x, y\). Received: 1"),
        ("t,Y,x\n0,1\n", r"line 2: must have 3 columns \(t, y, x\). Received: 2"),
        ("1,2\n1,2,3\n", r"line 2: must have 2 columns \(x, y\). Received: 3"),
        ("x,y\n1,\n", "line 2, column y: must be a finite number. Received: ''"),
        ("1,nan\n", "line 1, column y: must be a finite number. Received: 'nan'"),
        ("1,1e99\n", "line 1, column y: must be a finite number. Received: '1e99'"),
        ("1\n2\n", r"line 1: must have 2 columns \(x, y\). Received: 1"),
        ("x,y\n", "a.csv: must have a row of numbers or more"),
        ("", "a.csv: must have a row of numbers or more"),
        ('x,y\n1,"2\0', "a.csv: line "),
    ],
)
def test_what_is_no_series_is_named(text, message):
    with pytest.raises(UserError, match=message) as error:
        parse_series(text.encode(), CHANNELS, "a.csv")
    assert "\n" not in str(error.value)


def test_files_that_are_no_text(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="a.csv: not a UTF-8 text file"):
        read_series(tmp_path / "a.csv", CHANNELS)
    with pytest.raises(UserError, match="none.csv: cannot be read: No such file"):
        read_series(tmp_path / "none.csv", CHANNELS)
