import gzip

import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.files import check_content
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.datasets.sst2 import Sst2, phrase_labels
from keras_seqzoo.errors import UserError


def test_text_and_label(fake_set):
    builder = catalogue.builder("sst2", str(fake_set("sst2")))
    rows = list(read_rows(builder, "validation"))
    assert [row["text"] for row in rows] == [
        b"film 0 of validation .",
        b"film 1 of validation .",
    ]
    assert [row["label"] for row in rows] == [0, 1]
    assert builder.info.features["label"].names == ["negative", "positive"]
    phrases = list(read_rows(builder, "phrases"))
    assert [row["text"] for row in phrases] == [b"good", b"bad film", b"film"]


@pytest.mark.parametrize("line", [b"2 neutral\n", b"positive\n", b"\n"])
def test_a_row_must_have_a_label(fake_set, line):
    folder = fake_set("sst2", **{"stsa.binary.dev": line})
    with pytest.raises(UserError, match="stsa.binary.dev: damaged, or not laid out"):
        catalogue.builder("sst2", str(folder))


def test_phrases_of_trees():
    trees = [
        "(3 (2 A) (4 (3 Good) (2 film\xa0!)))",
        "(1 (2 good) (1 (2 but) (0 LONG)))",
        "(2 (4 Long) (3 good))",
    ]
    # "good" is neutral in one place; "long" is negative and positive.
    assert list(phrase_labels(trees)) == [
        ("good", 1),
        ("good film !", 1),
        ("a good film !", 1),
        ("but long", 0),
        ("good but long", 0),
    ]


@pytest.mark.parametrize("tree", ["(5 good)", "(good)", "(3 good))", ")"])
def test_a_damaged_tree_is_named(fake_originals, tree):
    _, folder = fake_originals("sst2")
    (folder / "train.txt").write_text(f"(3 good)\n{tree}\n")
    with pytest.raises(UserError, match="train.txt: damaged, or not laid out"):
        catalogue.builder("sst2")


def test_real_trees_give_the_phrases(real_folder, tmp_path):
    folder = real_folder("sst2")
    originals = {name: folder / name for name in Sst2.ORIGINALS}
    originals["train.txt"] = tmp_path / "train.txt"
    # As in public: validation's trees follow train's.
    with originals["train.txt"].open("wb") as file:
        for name in ("train", "dev"):
            packed = (folder / "trees" / f"{name}.txt.gz").read_bytes()
            file.write(gzip.decompress(packed))
    made = tmp_path / "made"
    made.mkdir()
    Sst2.convert(originals, made)
    for name, sha256 in Sst2.CONTENT.items():
        check_content(made / name, sha256, Sst2.SOURCE)


def test_real_set(real_set):
    builder = real_set("sst2")
    expected = {
        "train": (6920, 3610, 133555, 52),
        "validation": (872, 444, 17046, 47),
        "test": (1821, 909, 35023, 56),
    }
    for split, (rows, positive, tokens, longest) in expected.items():
        texts, labels = columns(builder, split)
        lengths = [len(text.split()) for text in texts]
        assert (len(texts), sum(labels)) == (rows, positive)
        assert (sum(lengths), max(lengths)) == (tokens, longest)
    assert builder.info.splits["phrases"].num_examples == 77189
    texts, labels = columns(builder, "phrases[:3]")
    assert (texts, labels) == (["new", "splash", "a splash"], [1, 1, 1])


def columns(builder, split):
    texts, labels = [], []
    for batch in builder.as_dataset(split=split, batch_size=10_000):
        texts += [text.decode() for text in batch["text"].numpy()]
        labels += batch["label"].numpy().tolist()
    return texts, labels
