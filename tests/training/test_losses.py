import keras
import numpy as np
import pytest

from keras_seqzoo.training.losses import LabelLoss, NoteLoss

LABELS = np.array([[0, 2, -1], [1, -1, -1]])
LOGITS = np.random.default_rng(0).normal(size=(2, 3, 4)).astype("float32")
WEIGHTS = np.where(LABELS < 0, 0, 1 / 3).astype("float32")


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_with_the_pipelines_weights_it_is_the_mean_over_the_words(smoothing):
    log_p = LOGITS - np.log(np.exp(LOGITS).sum(-1, keepdims=True))
    losses = [
        -(1 - smoothing) * log_p[row][label] - smoothing * log_p[row].mean()
        for row, label in [((0, 0), 0), ((0, 1), 2), ((1, 0), 1)]
    ]
    loss = LabelLoss(smoothing)(LABELS, LOGITS, WEIGHTS)
    assert float(loss) == pytest.approx(np.mean(losses), abs=1e-6)


def test_without_smoothing_it_is_keras_cross_entropy():
    theirs = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=-1
    )
    loss = LabelLoss()(LABELS, LOGITS, WEIGHTS)
    assert float(loss) == pytest.approx(float(theirs(LABELS, LOGITS)), abs=1e-6)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_padding_takes_no_part(smoothing):
    other = np.where(LABELS[..., None] < 0, 7.0, LOGITS).astype("float32")
    loss = LabelLoss(smoothing)
    assert float(loss(LABELS, LOGITS)) == float(loss(LABELS, other))


@pytest.mark.parametrize("kind", [LabelLoss, NoteLoss])
def test_a_loss_is_made_again_from_its_config(kind):
    config = keras.saving.serialize_keras_object(kind(0.3))
    again = keras.saving.deserialize_keras_object(config)
    assert type(again) is kind and again.label_smoothing == 0.3
    assert again.reduction == "sum"
