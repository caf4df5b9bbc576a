import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.arrays import real_array, shape_of


@pytest.mark.parametrize("values", [[[1, 2]], ((1.0, 2.0),), np.array([[1, 2]], "u1")])
def test_numbers_become_float32(values):
    array = real_array(values, "x")
    assert array.dtype == np.float32 and array.tolist() == [[1.0, 2.0]]


@pytest.mark.parametrize("values", [[[1], [2, 3]], "text", {}])
def test_what_is_no_array_of_numbers_is_empty(values):
    assert real_array(values, "x").shape == (0,)


@pytest.mark.parametrize("values", [[1.0, 2j], np.ones(3, "complex64")])
def test_complex_numbers_are_refused(values):
    with pytest.raises(UserError, match="^x must be real numbers. Received: complex"):
        real_array(values, "x")


def test_what_was_given_is_shown():
    assert shape_of(np.zeros((4, 3))) == "Received: shape (4, 3)"
    assert shape_of([[1], [2, 3]]) == "Received: [[1], [2, 3]]"
