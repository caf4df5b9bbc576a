"""Captioning: rows, vocabulary, targets, the table of features, and BLEU."""

import collections
import math
import types

import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import ShowAndTell, ShowAttendAndTell
from keras_seqzoo.training import picture_features as features_file
from keras_seqzoo.training.caption_training import CaptionTraining
from keras_seqzoo.training.metrics import bleu
from keras_seqzoo.training.tasks.captioning import (
    Captioned,
    Captioning,
    normalized,
    one_a_picture,
)

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (3, 24, 24, 3)).astype("uint8")
CAPTIONS = [["a dog runs", "a wet dog"], ["a child"], ["the water runs", "a dog"]]
ROWS = [
    Captioned(IMAGES[i], caption, f"{i}.jpg", tuple(CAPTIONS[i][:1] * 5))
    for i in range(3)
    for caption in CAPTIONS[i]
]
DATA = {"mirror": True, "crops": 0, "tuned_from": None, "min_count": 2}


def data(**changes):
    return types.SimpleNamespace(**{**DATA, **changes})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path))
    return tmp_path / "features"


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    return ShowAttendAndTell(**ShowAttendAndTell.tiny())


def test_captions_lose_case_and_punctuation():
    assert normalized("A dog 's _ball_ , wet .") == "a dog s ball wet"
    assert normalized("  ") == ""


def test_rare_words_are_not_in_the_vocabulary():
    assert Captioning.assets(ROWS, data()) == {"vocabulary": ["a", "dog", "runs"]}
    assert Captioning.lengths(ROWS) == [4, 4, 3, 4, 3]
    assert [row.name for row in one_a_picture(ROWS)] == ["0.jpg", "1.jpg", "2.jpg"]
    assert one_a_picture(ROWS)[0].caption == "a dog runs"


def test_each_word_is_asked_for_after_those_before_it(model):
    trained = Captioning.trained_part(model, ROWS, data())
    examples = Captioning.encode(ROWS, trained)
    # "wet" and "the" are not known: never a target.
    assert examples.inputs["tokens"].to_list() == [
        [0, 1, 2, 3],
        [0, 1, 6, 2],
        [0, 1, 4],
        [0, 6, 5, 3],
        [0, 1, 2],
    ]
    assert examples.targets.to_list() == [
        [1, 2, 3, 0],
        [1, -1, 2, 0],
        [1, 4, 0],
        [-1, 5, 3, 0],
        [1, 2, 0],
    ]
    assert examples.inputs["picture"].numpy().tolist() == [0, 0, 2, 4, 4]
    change = Captioning.change(data())
    drawn = [
        change(examples, tf.constant([1, epoch], tf.int64)).inputs["picture"].numpy()
        for epoch in range(8)
    ]
    assert {*np.concatenate(drawn).tolist()} == {0, 1, 2, 3, 4, 5}
    assert Captioning.change(data(mirror=False)) is None


@pytest.mark.parametrize("kind", [ShowAndTell, ShowAttendAndTell])
@pytest.mark.parametrize("tuned_from", [None, "convolution_1"])
def test_the_trained_part_is_the_model_over_a_table(kind, tuned_from):
    keras.utils.set_random_seed(2)
    model = kind(**kind.tiny())
    trained = Captioning.trained_part(model, ROWS, data(tuned_from=tuned_from))
    tokens = np.array([[0, 1, 2], [0, 3, 0]], "int32")
    found = trained({"picture": np.array([4, 3], "int32"), "tokens": tokens})
    pictures = np.stack([IMAGES[2], IMAGES[1][:, ::-1]])
    pixels = np.asarray(model.resized(pictures))
    wanted = model({"images": pixels, "tokens": tokens})
    np.testing.assert_allclose(found, wanted, atol=2e-3)  # features are float16
    tuned = {x.path.split("/")[0] for x in trained.trainable_variables}
    frozen = {f"convolution_{i}" for i in range(3 if tuned_from is None else 2)}
    every = {x.path.split("/")[0] for x in model.weights}
    assert tuned == every - frozen
    score = Captioning.scorer(trained, ROWS)()
    assert score == pytest.approx(Captioning.scorer(model, ROWS)(), abs=1e-6)


@pytest.mark.parametrize("tuned_from", ["block_15_add", "whole"])
def test_a_tuned_encoder_sees_in_training_what_it_sees_after(tuned_from):
    """Its batch norms use no batch's statistics, which would be other features."""
    keras.utils.set_random_seed(2)
    arguments = {**ShowAndTell.tiny(), "encoder": "mobilenet_v2", "image_size": 32}
    model = ShowAndTell(**{**arguments, "alpha": 0.35, "dropout": 0.0})
    kernels = [w for w in model.parts["network"].weights if "kernel" in w.path]
    for weight in kernels:  # signals come through
        fan_in = math.prod(weight.shape[:2]) * (
            1 if "depthwise" in weight.path else weight.shape[2]
        )
        weight.assign(RNG.normal(0.0, (2.0 / fan_in) ** 0.5, weight.shape))
    tokens = np.array([[0, 1, 2], [0, 3, 0]], "int32")
    if tuned_from == "whole":
        trained = model
        inputs = {"images": np.asarray(model.resized(IMAGES[:2]))}
    else:
        trained = Captioning.trained_part(model, ROWS, data(tuned_from=tuned_from))
        inputs = {"picture": np.array([4, 3], "int32")}
    inputs["tokens"] = tokens
    np.testing.assert_allclose(
        trained(inputs, training=True), trained(inputs, training=False), atol=1e-5
    )
    kept = {w.path: w.numpy() for w in model.weights}
    trained.compile("adam", Captioning.loss(types.SimpleNamespace(label_smoothing=0.0)))
    trained.fit(inputs, np.array([[1, 2, 0], [3, 0, -1]]), verbose=0)
    moved = {w.path for w in model.weights if (kept[w.path] != w.numpy()).any()}
    assert {"Conv_1/kernel", "block_16_project/kernel"} <= moved
    assert ("block_15_project/kernel" in moved) == (tuned_from == "whole")
    assert not [path for path in moved if "BN" in path or "_bn" in path]


def test_a_layer_beside_the_path_cannot_begin_the_tuned_part(model):
    with pytest.raises(UserError, match="`tuned_from` must be a layer of the encoder"):
        CaptionTraining(model, ["x"], IMAGES[:1], tuned_from="block_99")


def test_features_are_computed_once_for_each_set_of_weights(model, cache, monkeypatch):
    network = model.parts["network"]

    def features(**changes):
        return features_file.picture_features(
            network, list(IMAGES), model.resized, **changes
        )

    first = features()
    wanted = network(model.resized(IMAGES), training=False)
    np.testing.assert_allclose(first, wanted, atol=2e-3)
    assert len([*cache.glob("*.npy")]) == 1
    with monkeypatch.context() as patch:
        patch.setattr(features_file, "tqdm", None)  # nothing is computed again
        np.testing.assert_array_equal(features(), first)
    seen = features(mirrored=True)
    wanted = network(model.resized(IMAGES[:, :, ::-1]), training=False)
    np.testing.assert_allclose(seen, wanted, atol=2e-3)
    bias = network.get_layer("convolution_2").bias
    bias.assign(bias + 1.0)
    assert np.abs(features() - first).max() > 0.1
    assert len([*cache.glob("*.npy")]) == 3 and not [*cache.glob("*.tmp")]


def slopes(size, count):
    """Pictures whose red is 2 times the column and whose green is 2 times the row."""
    row, column = np.mgrid[:size, :size]
    one = np.stack([2 * column, 2 * row, 0 * row], axis=-1).astype("uint8")
    return [one] * count


@pytest.mark.parametrize("mirrored", [False, True])
def test_a_crop_is_a_square_of_most_of_the_picture(mirrored):
    pixels = keras.Input((100, 100, 3))
    network = keras.Model(pixels, keras.layers.Identity()(pixels))

    def seen(crop):
        resized = lambda batch: tf.cast(batch, tf.float32)  # noqa: E731
        found = features_file.picture_features(
            network, slopes(100, 40), resized, mirrored, crop
        )
        return np.array(found, np.float32) / 2  # columns and rows of the picture

    first = seen(1)
    assert first.shape == (40, 100, 100, 3)
    columns, rows = first[..., 0], first[..., 1]
    width = columns[:, 0, -1] - columns[:, 0, 0]
    height = rows[:, -1, 0] - rows[:, 0, 0]
    share = (np.abs(width) + 1) ** 2 / 100**2
    np.testing.assert_allclose(np.abs(width), height, atol=1.5)
    assert 0.57 < share.min() < 0.7 and 0.9 < share.max() < 1.02
    assert 0.3 < np.mean(width < 0) < 0.7 if mirrored else (width > 0).all()
    corners = rows[:, 0, 0] / (100.0 - height)
    assert corners.min() < 0.2 and corners.max() > 0.8 * 99 / 100
    assert (seen(2) != first).any(axis=(1, 2, 3)).mean() > 0.9


def test_crops_are_views_in_the_table(model, cache):
    trained = Captioning.trained_part(model, ROWS, data(crops=2))
    assert trained.views == 4 and len([*cache.glob("*.npy")]) == 4
    examples = Captioning.encode(ROWS, trained)
    assert examples.inputs["picture"].numpy().tolist() == [0, 0, 4, 8, 8]
    change = Captioning.change(data(crops=2))
    seeds = [tf.constant([1, epoch], tf.int64) for epoch in range(30)]
    drawn = [change(examples, seed).inputs["picture"].numpy() for seed in seeds]
    for seed, one in zip(seeds, drawn):
        again = change(examples, seed).inputs["picture"]
        np.testing.assert_array_equal(again, one)
    assert {*np.concatenate(drawn).tolist()} == {*range(12)}
    assert {*np.array(drawn)[:, 2].tolist()} == {4, 5, 6, 7}  # of the second picture
    network, resized = model.parts["network"], model.resized
    views = [
        features_file.picture_features(network, list(IMAGES), resized, *view)
        for view in ((False, 0), (True, 0), (True, 1), (True, 2))
    ]
    table = trained.get_layer("table")(np.arange(12))
    np.testing.assert_array_equal(table, np.stack(views, axis=1).reshape(table.shape))
    plain = Captioning.trained_part(model, ROWS, data(mirror=False, crops=1))
    assert plain.views == 2
    change = Captioning.change(data(mirror=False, crops=1))
    assert {*change(examples, seeds[0]).inputs["picture"].numpy() % 4} == {0, 1}


def ngrams(words, order):
    return collections.Counter(
        tuple(words[i : i + order]) for i in range(len(words) - order + 1)
    )


def bleu_by_definition(sentences, references, most):
    """Papineni et al. 2002 over a corpus, without smoothing."""
    right, total = np.zeros(most), np.zeros(most)
    length = closest = 0
    for sentence, others in zip(sentences, references):
        words, others = sentence.split(), [one.split() for one in others]
        length += len(words)
        closest += min((abs(len(o) - len(words)), len(o)) for o in others)[1]
        for order in range(1, most + 1):
            clip = collections.Counter()
            for other in others:
                clip |= ngrams(other, order)
            found = ngrams(words, order)
            right[order - 1] += sum((found & clip).values())
            total[order - 1] += sum(found.values())
    penalty = min(1.0, math.exp(1.0 - closest / length))
    return 100.0 * penalty * math.exp(np.mean(np.log(right / total)))


def test_bleu_is_papinenis():
    rng = np.random.default_rng(3)
    words = np.array(["a", "dog", "runs", "in", "the", "water"])

    def sentence(length):
        return " ".join(words[np.minimum(rng.geometric(0.4, length) - 1, 5)])

    sentences = [sentence(n) for n in rng.integers(4, 9, 40)]
    references = [[sentence(n) for n in rng.integers(4, 12, 5)] for _ in sentences]
    found = bleu(sentences, references)
    assert found[3] > 1
    for order in range(1, 5):
        wanted = bleu_by_definition(sentences, references, order)
        assert found[order - 1] == pytest.approx(wanted, abs=1e-6)
    assert bleu(["a dog"], [["a dog"] * 5]) == pytest.approx((100, 100, 0, 0))
    with pytest.raises(UserError, match="sentences must be as many"):
        bleu(sentences[:-1], references)
