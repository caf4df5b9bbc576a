import pytest

from keras_seqzoo.datasets import catalogue, slot_files
from keras_seqzoo.errors import UserError

SETS = ["atis", "snips"]


@pytest.mark.parametrize("name", SETS)
def test_words_slots_and_intent(fake_set, name):
    folder = str(fake_set(name))
    sentences = catalogue.read(name, "train", folder)
    assert [s.words for s in sentences] == [("go", "to", f"city{i}") for i in range(5)]
    assert sentences[0].slots == ("O", "O", "B-city")
    assert sentences[0].intent == "travel"
    assert len(catalogue.read(name, "validation")) == 2


def test_a_bad_file_is_named_even_when_prepared(fake_set):
    folder = fake_set("atis")
    catalogue.read("atis", "test", str(folder))
    (folder / "train" / "seq.out").write_text("x")
    with pytest.raises(UserError, match="seq.out: not the expected .*another data set"):
        catalogue.read("atis", "test", str(folder))


@pytest.mark.parametrize(
    "content, message",
    [
        (b"O O\n" * 5, "seq.out, line 1: expected 3 tags.* Received: 2"),
        (b"O O B-city\n" * 4, "seq.out: expected 5 lines.* Received: 4"),
        (b"\xff", "seq.out: damaged, or not laid out as expected: UnicodeDecodeError"),
    ],
)
def test_tags_must_match_the_words(fake_set, content, message):
    folder = fake_set("atis", **{"train/seq.out": content})
    with pytest.raises(UserError, match=message):
        catalogue.read("atis", "test", str(folder))


def test_unknown_names():
    with pytest.raises(UserError, match=r"dataset must be one of .*'snips'"):
        catalogue.read("snip", "test")
    for name in "train_tickets", "atis":
        with pytest.raises(UserError, match="split must be one of.*'dev'"):
            catalogue.read(name, "dev")


@pytest.mark.parametrize(
    "name, chunks",
    [
        ("atis", {"train": 14851, "validation": 1709, "test": 2837}),
        ("snips", {"train": 33958, "validation": 1794, "test": 1790}),
    ],
)
def test_real_set(real_set, monkeypatch, name, chunks):
    builder = real_set(name)
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(builder.data_path.parents[2]))
    for split, count in chunks.items():
        sentences = slot_files.read_split(type(builder), split)
        assert (
            len(sentences)
            == {
                "atis": {"train": 4478, "validation": 500, "test": 893},
                "snips": {"train": 13084, "validation": 700, "test": 700},
            }[name][split]
        )
        begins = [slot[:2] for s in sentences for slot in s.slots].count("B-")
        assert begins == count
