import io
import sys

import matplotlib.image
import pytest

from keras_seqzoo.training.curve import draw_curve

HISTORY = [
    {"epoch": 1, "loss": 2.0, "dev_f1": 10.0},
    {"epoch": 2, "loss": 1.0, "dev_f1": 30.0},
    {"epoch": 3, "loss": 0.5, "dev_f1": 20.0},
]


@pytest.mark.parametrize("history", [HISTORY, HISTORY[:1], [{"epoch": 1, "loss": 1.0}]])
def test_a_picture_that_shows_the_history(history):
    picture = draw_curve(history, 1, "dev_f1", "F1")
    pixels = matplotlib.image.imread(io.BytesIO(picture))
    assert pixels.shape == (300, 600, 4)
    worse = [row | {"loss": row["loss"] ** 2 + 1} for row in history]
    other = draw_curve(worse, 1, "dev_f1", "F1")
    assert other != picture
    assert (
        draw_curve(history, 1, "dev_f1", "F1") == picture
    )  # the same training, the same bytes


def test_no_picture_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    assert draw_curve(HISTORY, 2, "dev_f1", "F1") is None
