import functools

import numpy as np
import pytest

from keras_seqzoo.datasets import pipeline, tagging
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SlotTagger


@pytest.fixture(scope="module")
def model():
    return SlotTagger(**SlotTagger.tiny())


@pytest.fixture(scope="module")
def sentences():
    rng = np.random.default_rng(0)
    lexicon = ["apple", "bag", "cat", "dog", "elephant"]
    return [
        [str(word) for word in rng.choice(lexicon, rng.integers(1, 20))]
        for _ in range(50)
    ]


def tags(sentences):
    names = {"apple": "B-fruit", "bag": "O"}
    return [[names.get(word, "B-animal") for word in row] for row in sentences]


def lengths(sentences):
    return [len(row) for row in sentences]


def training_batches(sentences, model, plan, seed, epochs, rate=0.0):
    change = functools.partial(tagging.word_dropout, rate=rate) if rate else None
    examples = tagging.encode(sentences, tags(sentences), model)
    return pipeline.training_batches(examples, plan, seed, epochs, change)


def rows(batches):
    """Every (word ids, label ids) row, padding cut off, in order."""
    found = []
    for inputs, labels, *_ in batches:
        for words, row in zip(inputs["words"].numpy(), labels.numpy()):
            length = int((words != 0).sum())
            assert (row[length:] == pipeline.IGNORED).all()
            assert (row[:length] >= 0).all()
            found.append((tuple(words[:length]), tuple(row[:length])))
    return found


def expected_rows(sentences, model):
    word_ids = {word: i + 2 for i, word in enumerate(model.config["vocabulary"])}
    return sorted(
        (
            tuple(word_ids[word] for word in row),
            tuple(model.labels.index(tag) for tag in row_tags),
        )
        for row, row_tags in zip(sentences, tags(sentences))
    )


def test_every_sentence_once_with_its_labels(sentences, model):
    dataset = tagging.tagging_dataset(sentences, tags(sentences), model, batch_size=4)
    assert sorted(rows(dataset)) == expected_rows(sentences, model)
    assert rows(dataset) != rows(dataset)  # A new order in every epoch.


def test_strings_are_split_at_white_space(model):
    dataset = tagging.tagging_dataset(["apple  bag "], [["B-fruit", "O"]], model)
    assert rows(dataset) == [((2, 3), (3, 0))]


def test_unshuffled_is_the_same_each_time(sentences, model):
    dataset = tagging.tagging_dataset(sentences, tags(sentences), model, shuffle=False)
    assert rows(dataset) == rows(dataset)


def test_batches_hold_sentences_of_like_length(sentences, model):
    dataset = tagging.tagging_dataset(
        sentences, tags(sentences), model, batch_size=4, bucket_boundaries=(5, 10)
    )
    for inputs, _ in dataset:
        lengths = (inputs["words"].numpy() != 0).sum(axis=1)
        assert len(set(np.digitize(lengths, (5, 10)))) == 1
        assert inputs["words"].shape[1] == lengths.max()
        assert inputs["characters"].shape[:2] == inputs["words"].shape


def test_epoch_depends_on_seed_and_number_only(sentences, model):
    plan = pipeline.Plan.of(lengths(sentences), batch_size=4)

    def epochs(first, last, seed=3):
        dataset = training_batches(
            sentences, model, plan, seed, range(first, last), rate=5.0
        )
        steps, batches = plan.batches, list(dataset)
        assert len(batches) == steps * (last - first)
        return [rows(batches[i : i + steps]) for i in range(0, len(batches), steps)]

    three = epochs(0, 3)
    assert three[1:] == epochs(1, 3)
    assert three[0] != three[1]
    assert three != epochs(0, 3, seed=4)


def test_word_dropout_hits_the_share_it_should(sentences, model):
    def unknown_share(rate):
        plan = pipeline.Plan.of(lengths(sentences), batch_size=50)
        dataset = training_batches(sentences, model, plan, 1, range(0, 20), rate)
        words = np.concatenate([x["words"].numpy().ravel() for x, *_ in dataset])
        return (words == tagging.OUT_OF_VOCABULARY).sum() / (words != 0).sum()

    counts = np.unique([w for row in sentences for w in row], return_counts=True)[1]
    share = (counts * 50.0 / (50.0 + counts)).sum() / counts.sum()
    assert unknown_share(0.0) == 0.0
    assert unknown_share(50.0) == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("boundaries", [[8, 4], [4, 4], [0, 4], [-1]])
def test_bucket_boundaries_must_increase(sentences, model, boundaries):
    with pytest.raises(UserError, match="bucket_boundaries must be positive"):
        tagging.tagging_dataset(
            sentences, tags(sentences), model, bucket_boundaries=boundaries
        )


def test_without_bucket_boundaries_there_is_one_bucket(sentences, model):
    dataset = tagging.tagging_dataset(
        sentences, tags(sentences), model, batch_size=50, bucket_boundaries=()
    )
    assert len(list(dataset)) == 1


@pytest.mark.parametrize(
    "sentences, slots, message",
    [
        (["bag", "cat"], [["O"], ["O", "O"]], "row 1: .*Received: 1 words, 2 slots"),
        (["bag", ""], [["O"], []], "row 1: .*at least one word"),
        ([["bag cat"]], [["O"]], "row 0: a word must be .*'bag cat'"),
        ([["bag", 3]], [["O", "O"]], "row 0: a word must be a string.*Received: 3"),
        ([3], [["O"]], r"`sentences\[0\]` must be a list of words, or a string.*=3"),
        (["bag"], [3], r"`slots\[0\]` must be a list of labels.*=3"),
        (["bag"], ["O"], r"`slots\[0\]` must be a list of labels.*='O'"),
        (["bag"], [[["O"]]], r"row 0: slot must be one of .*\['O'\]"),
        (None, None, "`sentences` must be a list of strings or .*=None"),
        ("bag", [["O"]], "`sentences` must be a list .*='bag'"),
        (["bag"], None, "`slots` must be a list of lists of labels.*=None"),
        (["bag"], [["B-city"]], "row 0: slot must be one of .*'B-city'"),
        (["bag"], [], "Received: 1 sentences, 0 rows of slots"),
        ([], [], "at least one"),
    ],
)
def test_bad_rows_and_arguments_are_named(model, sentences, slots, message):
    with pytest.raises(UserError, match=message):
        tagging.tagging_dataset(sentences, slots, model)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, True, None])
def test_the_batch_size_is_a_positive_integer(model, batch_size):
    with pytest.raises(UserError, match=f"`batch_size` must.*={batch_size}"):
        tagging.tagging_dataset(["bag"], [["O"]], model, batch_size=batch_size)


def test_a_word_that_is_a_nul_is_unknown_and_has_its_label(model):
    (inputs, labels), *_ = tagging.tagging_dataset(
        ["cat \0 bag"], [["B-animal", "O", "O"]], model
    )
    assert inputs["words"].numpy().tolist() == [[4, tagging.OUT_OF_VOCABULARY, 3]]
    assert (labels.numpy() >= 0).all()


def test_static_batches_are_the_same_rows_in_few_shapes(sentences, model):
    def batches(static):
        plan = pipeline.Plan.of(lengths(sentences), batch_size=4, static=static)
        return plan, list(
            training_batches(sentences, model, plan, 3, range(1), rate=5.0)
        )

    plan, static = batches(static=True)
    _, free = batches(static=False)
    ends = [boundary - 1 for boundary in plan.boundaries] + [max(map(len, sentences))]
    assert {labels.shape for _, labels, _ in static} <= {(4, end) for end in ends}
    filled = [row for row in rows(static) if row[0]]
    assert filled == rows(free)  # word dropout and all
    for (_, labels, weights), (*_, free_weights) in zip(static, free):
        assert float(weights.numpy().sum()) == pytest.approx(1.0)
        assert ((labels.numpy() < 0) == (weights.numpy() == 0)).all()
        assert weights.numpy().max() == free_weights.numpy().max()


def test_batches_of_so_many_words(sentences, model):
    plan = pipeline.Plan.of(lengths(sentences), None, tokens_per_batch=60)
    found = list(training_batches(sentences, model, plan, 3, range(1)))
    assert len(found) == plan.batches
    assert max(labels.shape[0] * labels.shape[1] for _, labels, _ in found) <= 60
    assert sorted(rows(found)) == expected_rows(sentences, model)
