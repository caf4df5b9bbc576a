"""A user's own rows: models learn from them, and the batches are the trainer's.

What can be wrong in a row is tested in tests/training/tasks/test_own_rows.py.
"""

from typing import NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf
from own_rows import ARRAYS, tiny

import keras_seqzoo as seqzoo
from keras_seqzoo.datasets import pipeline
from keras_seqzoo.errors import UserError
from keras_seqzoo.training import loss_for, own_dataset, task_of
from keras_seqzoo.training.recipe import Training
from keras_seqzoo.training.tasks import _TASKS, task_named

SOUNDS, FRAMES, SERIES, ROLL, PICTURES = ARRAYS


class Case(NamedTuple):
    """A model, rows for it, what it answers to them, and the steps it takes."""

    name: str
    rows: list
    answers: object
    overrides: dict = {}
    steps: int = 60


def texts(model, rows):
    return [label for label, _ in model.predict_text([text for text, _ in rows])]


CASES = {
    "slot_filling": Case(
        "bi_gru_tagger",
        [("apple bag", ["B-fruit", "O"]), (["cat", "dog"], ["B-animal", "I-animal"])],
        lambda model, rows: [
            [slot for _, slot in tagged]
            for tagged in model.predict_text(["apple bag", "cat dog"])
        ],
    ),
    "sentiment": Case(
        "bi_peephole_sentiment",
        [("apple cat", "good"), ("bag", "bad"), ("dog dog bag", "good")],
        texts,
    ),
    "series_classification": Case(
        "bi_gru_series",
        [(SERIES[0], "still"), (SERIES[1], "moving"), (SERIES[2], "moving")],
        lambda model, rows: [x for x, _ in model.predict_series(SERIES)],
    ),
    "series_step_by_step": Case(
        "coupled_lstm_series",
        [(SERIES[0], "still"), (SERIES[1], "moving"), (SERIES[2], "moving")],
        lambda model, rows: [x for x, _ in model.predict_series(SERIES)],
    ),
    "polyphonic_music": Case(
        "lstm_piano_roll",
        [ROLL],
        lambda model, rows: [
            model.generate(len(ROLL) - 1, temperature=0, primer=ROLL[:1]).tolist()
        ],
        {"units": 24},
        steps=150,
    ),
    "character_language_modelling": Case(
        "lstm_character_model",
        ["X:2\nABC|\n", "K:G\nGG A|"],
        lambda model, rows: [
            model.generate(steps=8, temperature=0, primer=row[0]) for row in rows
        ],
        {"units": 24},
    ),
    "word_language_modelling": Case(
        "lstm_word_model",
        ["the market fell\nN rose", "rose the market"],
        lambda model, rows: [
            model.generate(steps=n, temperature=0, primer=primer)
            for n, primer in [(5, "the"), (3, "rose")]
        ],
        {"units": 24},
    ),
    "translation": Case(
        "lstm_luong_translator",
        [("a dog.", "ein Hund."), ("dogs", "Hunds")],
        lambda model, rows: model.translate([source for source, _ in rows]),
        {"units": 16, "encoder_units": 8, "embedding_size": 16},
    ),
    "captioning": Case(
        "lstm_show_and_tell",
        [(PICTURES[0], "A dog runs."), (PICTURES[1], "water")],
        lambda model, rows: model.caption(PICTURES),
        {"units": 24, "embedding_size": 16},
    ),
    "speech_recognition": Case(
        "bi_peephole_speech",
        [(SOUNDS[0], "yes no"), (SOUNDS[1], "go"), (SOUNDS[2], "")],
        lambda model, rows: [model.predict_audio(one) for one in SOUNDS],
        {"units": 16},
    ),
    "speech_of_frames": Case(
        "bi_peephole_speech",
        [(FRAMES[0], "NO"), (FRAMES[1], "GO")],
        lambda model, rows: model.predict_frames(FRAMES),
        {
            "labels": list("GNO"),
            "separator": "",
            "sample_rate": None,
            "loudness": 0.0,
            "units": 16,
        },
    ),
}
WANTED = {
    "slot_filling": [["B-fruit", "O"], ["B-animal", "I-animal"]],
    "polyphonic_music": [ROLL.tolist()],
    "character_language_modelling": ["X:2\nABC|\n", "K:G\nGG A|"],
    "word_language_modelling": ["the market fell\nN rose", "rose the market\n"],
    "captioning": ["a dog runs", "water"],
}


def test_every_task_has_a_case():
    tasks = {task_of(case.name) for case in CASES.values()}
    assert tasks == {task_named(name) for name in _TASKS}


def made(name):
    return tiny(CASES[name].name, **CASES[name].overrides)


@pytest.mark.parametrize("name", sorted(_TASKS))
def test_a_model_learns_a_users_rows(name):
    case, model = CASES[name], made(name)
    dataset = own_dataset(case.rows, model)
    model.compile(keras.optimizers.Adam(0.03), loss_for(model))

    def loss(dataset):
        return model.fit(dataset, shuffle=False, verbose=0).history["loss"][0]

    first = loss(dataset)
    loss(dataset.repeat(case.steps))
    assert loss(dataset) < 0.3 * first
    wanted = WANTED.get(name) or [row[1] for row in case.rows]
    assert case.answers(model, case.rows) == wanted


@pytest.mark.parametrize("name", CASES)
def test_batches_are_those_of_the_trainer(name):
    case, model = CASES[name], made(name)
    task, rows, seed = task_of(case.name), case.rows * 3, 5
    examples = task.encode(task.own_rows(rows, model), model)
    plan = pipeline.Plan.of(examples.lengths.numpy(), batch_size=2)
    trained_on = pipeline.training_batches(examples, plan, seed, range(1, 2))
    # The trainer's order of that epoch.
    order = tf.random.experimental.stateless_shuffle(
        tf.range(len(examples.lengths), dtype=tf.int64), [seed, 1]
    )
    if len(order) != len(rows):  # windows
        order = range(len(rows))
    rows = [rows[i] for i in order]
    own = own_dataset(rows, model, batch_size=2, shuffle=False)
    assert own.element_spec == trained_on.element_spec
    assert len(own) == plan.batches
    for found, wanted in zip(own, trained_on, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, found, wanted)
    trainers = task.loss(Training())
    assert type(loss_for(model)) is type(trainers)


@pytest.fixture(scope="module")
def classifier():
    return tiny("bi_peephole_sentiment")


REVIEWS = [("apple " * n, "good") for n in range(1, 9)]


def lengths(dataset):
    """Of the rows, in the order in which they come."""
    return [int(n) for x, *_ in dataset for n in (x["words"].numpy() != 0).sum(axis=1)]


def test_each_epoch_has_an_order_of_its_own(classifier):
    dataset = own_dataset(REVIEWS, classifier, batch_size=4)
    first, second = lengths(dataset), lengths(dataset)
    assert sorted(first) == sorted(second) == list(range(1, 9)) and first != second
    assert lengths(own_dataset(REVIEWS, classifier, batch_size=4)) == first
    assert lengths(own_dataset(REVIEWS, classifier, batch_size=4, seed=1)) != first
    assert lengths(own_dataset(REVIEWS, classifier, shuffle=False)) == [*range(1, 9)]


def test_rows_of_like_length_share_a_batch(classifier):
    dataset = own_dataset(REVIEWS, classifier, batch_size=8, bucket_boundaries=[3, 6])
    assert sorted(sorted(lengths([batch])) for batch in dataset) == [
        [1, 2],
        [3, 4, 5],
        [6, 7, 8],
    ]


def test_a_batch_larger_than_the_rows_has_them_all(classifier):
    ((_, labels, _),) = own_dataset(REVIEWS, classifier, 2**31 - 1)
    assert len(labels) == len(REVIEWS)


def test_rows_may_come_from_a_generator_and_be_the_tasks_own(classifier):
    review = task_named("sentiment").own_row(("bag", "bad"), classifier)
    dataset = own_dataset((row for row in [review, ["cat", "good"]]), classifier)
    ((inputs, labels, _),) = dataset
    assert labels.numpy().tolist() in ([0, 1], [1, 0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"rows": []}, "`rows` must be one or more. Received: none"),
        ({"rows": None}, r"`rows` must be a list of tuples \(text, label\).*rows=None"),
        ({"rows": "bag"}, r"`rows` must be a list of tuples .*rows='bag'"),
        ({"batch_size": -1}, "`batch_size` must be a positive integer.*=-1"),
        ({"batch_size": 0}, "`batch_size` must be a positive integer.*=0"),
        ({"shuffle": 1}, "`shuffle` must be True or False.*=1"),
        ({"seed": -1}, "`seed` must be 0 or a positive integer.*=-1"),
        ({"batch_size": 10**20}, "`batch_size` must be .* at most 2147483647"),
        ({"bucket_boundaries": [4, 2]}, "bucket_boundaries must be positive"),
        ({"bucket_boundaries": "ab"}, "bucket_boundaries must be .*Received: 'ab'"),
        ({"bucket_boundaries": 5}, "bucket_boundaries must be .*Received: 5"),
        ({"bucket_boundaries": [2.5]}, r"bucket_boundaries must be .*\[2.5\]"),
        ({"bucket_boundaries": [2**40]}, "bucket_boundaries must be .*1099511627776"),
        ({"model": keras.Sequential()}, "`model` must be one of keras_seqzoo's"),
    ],
)
def test_wrong_arguments_are_named(classifier, arguments, message):
    with pytest.raises(UserError, match=message):
        own_dataset(**{"rows": REVIEWS, "model": classifier, **arguments})


def test_only_this_packages_models_have_a_loss():
    with pytest.raises(UserError, match="`model` must be one of keras_seqzoo's.*None"):
        loss_for(None)


def test_a_tuned_model_is_kept_with_its_loss(classifier, tmp_path):
    classifier.compile("adam", loss_for(classifier))
    dataset = own_dataset(REVIEWS, classifier)
    classifier.fit(dataset, validation_data=dataset, shuffle=False, verbose=0)
    classifier.save(tmp_path / "mine.keras")
    again = keras.models.load_model(tmp_path / "mine.keras")
    assert again.evaluate(dataset, verbose=0) == pytest.approx(
        classifier.evaluate(dataset, verbose=0)
    )


def test_the_names_are_at_the_front():
    assert seqzoo.own_dataset is own_dataset and seqzoo.loss_for is loss_for


def test_a_frozen_encoder_stays_while_a_captioner_is_tuned():
    case, model = CASES["captioning"], made("captioning")
    model.get_layer("encoder").trainable = False
    before = {name: w.numpy() for name, w in model.named_weights().items()}
    model.compile("adam", loss_for(model))
    model.fit(own_dataset(case.rows, model), shuffle=False, verbose=0)
    moved = {
        k for k, w in model.named_weights().items() if (w != before[k]).numpy().any()
    }
    assert moved and not [name for name in moved if "convolution" in name]
