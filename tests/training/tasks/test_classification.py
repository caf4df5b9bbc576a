"""Sentiment and series: one class for each example."""

import types

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SentenceClassifier, SeriesClassifier
from keras_seqzoo.training.tasks import series_classification
from keras_seqzoo.training.tasks.sentiment import Review, Sentiment
from keras_seqzoo.training.tasks.series_classification import (
    Series,
    SeriesClassification,
)

REVIEWS = [
    Review("apple cat", "good"),
    Review("bag", "bad"),
    Review("dog dog elephant bag", "good"),
    Review("cat", "unheard"),
]
RNG = np.random.default_rng(0)
SERIES = [
    Series(RNG.normal(size=(n, 2)).astype("float32"), label)
    for n, label in [(6, "still"), (3, "moving"), (9, "moving")]
]


@pytest.mark.parametrize("batch_size", [1, 3, 64])
def test_accuracy_is_that_of_predict_text(batch_size):
    model = SentenceClassifier(**SentenceClassifier.tiny())
    said = [label for label, _ in model.predict_text([row.text for row in REVIEWS])]
    right = sum(label == row.label for label, row in zip(said, REVIEWS))
    assert Sentiment.scorer(model, REVIEWS, batch_size)() == 25.0 * right


@pytest.mark.parametrize("batch_size", [1, 64])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_accuracy_is_that_of_predict_series(batch_size, bidirectional):
    arguments = SeriesClassifier.tiny() | {"bidirectional": bidirectional}
    model = SeriesClassifier(**arguments)
    said = [label for label, _ in model.predict_series([row.values for row in SERIES])]
    right = sum(label == row.label for label, row in zip(said, SERIES))
    score = SeriesClassification.scorer(model, SERIES, batch_size)()
    assert score == pytest.approx(100 * right / 3)


def test_accuracy_by_time_is_that_of_the_series_begins():
    arguments = SeriesClassifier.tiny() | {"bidirectional": False, "sample_rate": 4.0}
    model = SeriesClassifier(**arguments)
    rows = [
        row._replace(values=row.values[:6]) for row in SERIES if len(row.values) > 5
    ]
    expected = []
    for steps in (2, 4, 6):
        begins = [row._replace(values=row.values[:steps]) for row in rows]
        expected.append((steps / 4, SeriesClassification.scorer(model, begins)()))
    found = SeriesClassification.accuracy_by_time(model, rows)
    assert found == [(t, pytest.approx(share)) for t, share in expected]


@pytest.mark.parametrize("shortest, every", [(3, 1), (25, 2)])
def test_accuracy_by_steps_that_are_no_time(shortest, every):
    model = SeriesClassifier(**SeriesClassifier.tiny() | {"bidirectional": False})
    rows = [
        Series(RNG.normal(size=(n, 2)).astype("float32"), label)
        for n, label in [(shortest, "still"), (30, "moving"), (30, "moving")]
    ]
    found = SeriesClassification.accuracy_by_time(model, rows)
    assert [steps for steps, _ in found] == list(range(every, shortest + 1, every))
    for steps, share in found:
        begins = [row._replace(values=row.values[: int(steps)]) for row in rows]
        assert share == pytest.approx(SeriesClassification.scorer(model, begins)())


def test_only_answers_in_between_have_a_time():
    model = SeriesClassifier(**SeriesClassifier.tiny() | {"sample_rate": 4.0})
    assert SeriesClassification.accuracy_by_time(model, SERIES) is None


@pytest.mark.parametrize("rate, unit", [(4.0, "seconds"), (None, "steps")])
def test_a_picture_names_what_its_time_is_in(rate, unit, monkeypatch):
    arguments = SeriesClassifier.tiny() | {"bidirectional": False, "sample_rate": rate}
    model, drawn = SeriesClassifier(**arguments), []
    monkeypatch.setattr(
        Figure, "savefig", lambda figure, *_, **__: drawn.append(figure)
    )
    run = SeriesClassification.runner(model)
    SeriesClassification.picture(model, SERIES)(run)
    assert [axes.get_xlabel() for axes in drawn[0].axes] == ["answer", f"{unit} seen"]


def test_a_class_the_model_lacks_is_never_right():
    model = SentenceClassifier(**SentenceClassifier.tiny())
    metric = Sentiment.metric(model, REVIEWS)
    by_length = [1, 3, 0, 2]  # "bag", "cat", "apple cat", ...
    gold = [{"bad": 0, "good": 1, "unheard": -1}[REVIEWS[i].label] for i in by_length]
    assert metric(lambda inputs: {"labels": np.array(gold)}) == 100.0
    others = np.where(np.array(gold) < 0, 0, gold)
    assert metric(lambda inputs: {"labels": others}) == 75.0


def test_assets_come_from_the_training_rows():
    data = types.SimpleNamespace(min_count=2, dataset="sst2")
    assets = Sentiment.assets(REVIEWS, data)
    assert assets["vocabulary"] == ["bag", "cat", "dog"]
    assert assets["labels"] == ["bad", "good", "unheard"]
    data.dataset = "uci_har"
    rows = [
        Series(np.array([[1.0, 2, 3], [3, 2, 7]]), "b"),
        Series(np.ones((2, 3)), "a"),
    ]
    assets = SeriesClassification.assets(rows, data)
    assert assets["labels"] == ["a", "b"] and assets["channels"] == ["x", "y", "z"]
    assert assets["mean"] == [1.5, 1.5, 3.0]
    np.testing.assert_allclose(
        assets["deviation"], np.std([[1, 2, 3], [3, 2, 7], [1] * 3, [1] * 3], 0), 1e-5
    )


@pytest.mark.parametrize("bidirectional", [False, True])
def test_one_direction_has_a_target_at_every_step(bidirectional):
    arguments = SeriesClassifier.tiny() | {"bidirectional": bidirectional}
    examples = SeriesClassification.encode(SERIES, SeriesClassifier(**arguments))
    targets = [0, 1, 1]
    if not bidirectional:
        targets = [[0] * 6, [1] * 3, [1] * 9]
        assert examples.targets.to_list() == targets
    else:
        assert examples.targets.numpy().tolist() == targets
    for row, series in zip(SERIES, examples.inputs["series"]):
        np.testing.assert_array_equal(series, row.values)


def test_windows_of_uci_har_are_joined_and_split_by_person(monkeypatch):
    names = ["walking", "laying"]
    rows = [
        {"acceleration": np.full((64, 3), n), "label": n % 2, "subject": s, "joined": j}
        for n, (s, j) in enumerate([(1, True), (1, False), (30, True), (30, False)])
    ]
    feature = {"label": types.SimpleNamespace(names=names)}
    info = types.SimpleNamespace(features=feature)
    monkeypatch.setattr(
        series_classification.catalogue,
        "builder",
        lambda *_: types.SimpleNamespace(info=info),
    )
    asked = []

    def read(dataset, split, data_dir):
        asked.append(split)
        return rows

    monkeypatch.setattr(series_classification.catalogue, "rows", read)
    found = {
        split: SeriesClassification.read("uci_har", split, None)
        for split in SeriesClassification.splits("uci_har")
    }
    assert asked == ["train", "test", "train", "train"] * 2
    first = {
        split: [(row.values[0, 0], row.values[-1, 0], row.label) for row in windows]
        for split, windows in found.items()
    }
    assert first["train"] == first["test"] == [(0, 1, "walking"), (2, 3, "walking")]
    assert first["fit"] == [(0, 1, "walking")]
    assert first["validation"] == [(2, 3, "walking")]
    assert all(row.values.shape == (128, 3) for row in found["train"])
    # Task A: every example, joined or not.
    halves = [(0, 0, "walking"), (1, 1, "laying"), (2, 2, "walking"), (3, 3, "laying")]
    assert first["train_64"] == first["test_64"] == halves
    assert first["fit_64"] == halves[:2] and first["validation_64"] == halves[2:]
    assert all(row.values.shape == (64, 3) for row in found["train_64"])


def test_the_tasks_of_uci_har_have_their_windows(data_dir):
    sizes = {}
    for split in ("train", "test", "train_64", "test_64"):
        rows = SeriesClassification.read("uci_har", split, data_dir)
        (shape,) = {row.values.shape for row in rows}
        sizes[split] = (len(rows), *shape)
    assert sizes == {
        "train": (6937, 128, 3),
        "test": (2772, 128, 3),
        "train_64": (7352, 64, 3),
        "test_64": (2947, 64, 3),
    }


def test_series_are_turned_and_noisy():
    options = types.SimpleNamespace(noise=0.0, rotate=20.0, time_shift=0.0)
    augment = SeriesClassification.augment(options)
    series = tf.constant(RNG.normal(size=(50, 3)), tf.float32)
    seed = tf.constant([1, 2], tf.int64)
    turned = augment({"series": series}, 1, seed)[0]["series"]
    assert not np.allclose(turned, series, atol=1e-3)
    np.testing.assert_allclose(
        np.linalg.norm(turned, axis=1), np.linalg.norm(series, axis=1), rtol=1e-5
    )
    options = types.SimpleNamespace(noise=0.5, rotate=0.0, time_shift=0.0)
    augment = SeriesClassification.augment(options)
    noisy = augment({"series": tf.zeros((4000, 3))}, 1, seed)[0]["series"]
    assert np.std(noisy) == pytest.approx(0.5, rel=0.05)
    off = types.SimpleNamespace(noise=0.0, rotate=0.0, time_shift=0.0)
    assert SeriesClassification.augment(off) is None


def shifted(values, steps):
    """Later by so many steps, the first or last value coming in."""
    before = np.repeat(values[:1], max(0, steps), axis=0)
    after = np.repeat(values[-1:], max(0, -steps), axis=0)
    whole = np.concatenate([before, values, after])
    return whole[max(0, -steps) :][: len(values)]


def test_series_are_shifted_by_whole_steps():
    options = types.SimpleNamespace(noise=0.0, rotate=0.0, time_shift=3.0)
    augment = SeriesClassification.augment(options)
    series = RNG.normal(size=(9, 2)).astype("float32")
    found = []
    for number in range(60):
        seed = tf.constant([1, number], tf.int64)
        inputs, target = augment({"series": tf.constant(series)}, 5, seed)
        again, _ = augment({"series": tf.constant(series)}, 5, seed)
        np.testing.assert_array_equal(inputs["series"], again["series"])
        assert target == 5
        found += [
            steps
            for steps in range(-9, 10)
            if np.array_equal(inputs["series"], shifted(series, steps))
        ]
    assert len(found) == 60 and set(found) == {-3, -2, -1, 0, 1, 2, 3}


def test_a_shift_changes_nothing_of_what_else_is_drawn():
    options = {"noise": 0.0, "rotate": 20.0}
    series = tf.constant(RNG.normal(size=(9, 3)), tf.float32)
    seed = tf.constant([1, 2], tf.int64)
    turned, both = (
        SeriesClassification.augment(types.SimpleNamespace(**options, time_shift=most))(
            {"series": series}, 1, seed
        )[0]["series"].numpy()
        for most in (0.0, 2.0)
    )
    assert any(np.array_equal(both, shifted(turned, k)) for k in range(-2, 3))


def test_a_shift_leaves_half_of_each_series():
    rows = [
        Series(np.zeros((n, 3), "float32"), label)
        for n, label in ((9, "walking"), (6, "lying"))
    ]
    options = types.SimpleNamespace(dataset="uci_har", time_shift=3.0)
    model = SeriesClassifier(
        **SeriesClassifier.tiny() | SeriesClassification.assets(rows, options)
    )
    examples = SeriesClassification.training_examples(rows, model, options)
    assert examples.lengths.numpy().tolist() == [9, 6]
    options.time_shift = 4.0
    with pytest.raises(
        UserError,
        match="data.time_shift: must be at most half of the shortest series, in "
        "steps: 3. Received: 4",
    ):
        SeriesClassification.training_examples(rows, model, options)
