import pytest

from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.models import SlotTagger
from keras_seqzoo.training.metrics import slot_scores
from keras_seqzoo.training.tasks.slot_filling import SlotFilling


@pytest.fixture(scope="module")
def model():
    return SlotTagger(**SlotTagger.tiny())


ROWS = [
    TaggedSentence(("cat", "dog", "apple"), ("B-animal", "I-animal", "B-fruit")),
    TaggedSentence(("bag",), ("O",)),
    TaggedSentence(("who", "is", "\0", "cat"), ("O", "B-unheard", "O", "B-animal")),
]


@pytest.mark.parametrize("batch_size", [1, 2, 64])
def test_the_figure_is_that_of_predict_text(model, batch_size):
    said = model.predict_text([" ".join(row.words) for row in ROWS])
    predicted = [[slot for _, slot in pairs] for pairs in said]
    expected = slot_scores([row.slots for row in ROWS], predicted)["f1"]
    assert SlotFilling.scorer(model, ROWS, batch_size)() == expected


def test_a_perfect_answer_misses_the_slot_no_model_knows(model):
    metric = SlotFilling.metric(model, ROWS)
    known = {slot: i for i, slot in enumerate(model.labels)}

    def run(inputs):
        rows = sorted(ROWS, key=lambda row: len(row.words))
        longest = inputs["words"].shape[1]
        ids = [[known.get(slot, 0) for slot in row.slots] for row in rows]
        return {"labels": [row + [-1] * (longest - len(row)) for row in ids]}

    assert metric(run) == pytest.approx(100 * 2 * 3 / (4 + 3))


def test_the_scorer_follows_the_weights(model):
    score, bias = SlotFilling.scorer(model, ROWS), model.get_layer("head").weights[-1]
    old = bias.numpy()
    bias.assign([1e6, 0.0, 0.0, 0.0])  # all words are O
    nothing = score()
    bias.assign([0.0, 0.0, 0.0, 1e6])  # all eight are a B-fruit: one is right
    fruit = score()
    bias.assign(old)
    assert (nothing, fruit) == (0.0, pytest.approx(100 * 2 * 1 / (4 + 8)))


def test_representative_rows_are_spread_evenly(model):
    rows = [TaggedSentence((word,), ("O",)) for word in ("bag", "cat", "dog", "apple")]
    arrays = SlotFilling.representative(model, rows, count=2)
    assert [a["words"].tolist() for a in arrays] == [[[3]], [[5]]]
