import pytest

from keras_seqzoo.datasets import catalogue, train_tickets
from keras_seqzoo.errors import UserError


def test_line_with_slots():
    sentence = train_tickets.parse_line("to [to_station new york] [travel_date today]")
    assert sentence.words == ("to", "new", "york", "today")
    assert sentence.slots == ("O", "B-to_station", "I-to_station", "B-travel_date")


@pytest.mark.parametrize("split, rows", train_tickets.ROWS.items())
def test_splits(split, rows):
    sentences = train_tickets.read_split(split)
    assert len(sentences) == rows
    slots = {slot[2:] for sentence in sentences for slot in sentence.slots}
    assert slots == {
        "",
        "from_station",
        "to_station",
        "travel_date",
        "travel_time",
        "ticket_class",
        "passenger_count",
    }
    for sentence in sentences:
        assert len(sentence.words) == len(sentence.slots)
        assert not any(mark in "".join(sentence.words) for mark in "[]_")


def test_no_test_sentence_is_trained_on():
    train = {s.words for s in train_tickets.read_split("train")}
    test = {s.words for s in train_tickets.read_split("test")}
    assert not train & test


@pytest.mark.parametrize("data_dir", ["/nonexist", 3])
def test_a_folder_that_is_given_must_be_there_though_none_is_needed(data_dir):
    with pytest.raises(UserError, match=f"`data_dir` must be a .*{data_dir}"):
        catalogue.read("train_tickets", "test", data_dir)
