"""The confusion matrix, against scikit-learn's, and its picture."""

import io

import numpy as np
from PIL import Image
from sklearn.metrics import confusion_matrix as of_sklearn

from keras_seqzoo.training.confusion import confusion_matrix, draw_confusion


def test_a_matrix_counts_answers_for_each_class():
    rng = np.random.default_rng(0)
    gold, found = rng.integers(0, 4, (2, 50))
    expected = of_sklearn(gold, found, labels=range(4))
    np.testing.assert_array_equal(confusion_matrix(gold, found, 4), expected)


def test_examples_of_other_classes_are_left_out():
    matrix = confusion_matrix(np.array([-1, 0, 1]), np.array([0, 1, 1]), 2)
    np.testing.assert_array_equal(matrix, [[0, 1], [0, 1]])


def test_a_picture_is_wider_with_time():
    matrix = np.array([[3, 0], [1, 0]])
    alone, both = (
        Image.open(io.BytesIO(draw_confusion(matrix, ["still", "moving"], times)))
        for times in (None, [(0.5, 60.0), (1.0, 75.0)])
    )
    assert alone.format == "PNG" and both.width == 2 * alone.width
    # A class without examples is white, and the one with its own answers darkest.
    darkest = np.asarray(alone.convert("L")).min()
    assert darkest < 100
