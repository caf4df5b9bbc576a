import io
import zipfile

import numpy as np
import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.datasets.uci_har import facts
from keras_seqzoo.errors import UserError


def test_windows_with_activity_person_and_seam(fake_set):
    builder = catalogue.builder("uci_har", str(fake_set("uci_har")))
    rows = list(read_rows(builder, "train"))
    assert [row["label"] for row in rows] == [0, 0, 1, 1, 2]
    assert [row["subject"] for row in rows] == [20, 20, 21, 21, 22]
    assert [row["joined"] for row in rows] == [True, False, True, False, False]
    for number, row in enumerate(rows):
        assert row["acceleration"].dtype == np.float32
        assert row["acceleration"].shape == (64, 3)
        assert (row["acceleration"] == number).all()
    assert builder.info.features["label"].int2str(5) == "laying"


def test_columns_must_be_as_long(fake_set):
    content, y = io.BytesIO(), np.ones(3, np.uint8)
    np.savez(
        content,
        train_x=np.zeros((2, 64, 3), np.float32),
        train_y=y,
        train_subject=y,
        train_joined=y > 0,
    )
    folder = fake_set("uci_har", **{"uci_har_acc.npz": content.getvalue()})
    with pytest.raises(UserError, match="uci_har_acc.npz: damaged, or not laid out"):
        catalogue.builder("uci_har", str(folder))


def test_pickled_arrays_are_not_read(fake_set):
    content = io.BytesIO()
    np.savez(content, train_x=np.array([{}]), train_y=np.array([{}]))
    folder = fake_set("uci_har", **{"uci_har_acc.npz": content.getvalue()})
    with pytest.raises(UserError, match="uci_har_acc.npz: damaged, or not laid out"):
        catalogue.builder("uci_har", str(folder))


def test_public_files_of_other_labels(fake_originals):
    _, folder = fake_originals("uci_har")
    path, content = folder / "human_activity_recognition.zip", io.BytesIO()
    with zipfile.ZipFile(path) as outer:
        inner = zipfile.ZipFile(io.BytesIO(outer.read("UCI HAR Dataset.zip")))
    with zipfile.ZipFile(content, "w") as changed:
        for name in inner.namelist():
            is_label = name == "UCI HAR Dataset/test/y_test.txt"
            changed.writestr(name, b"1\n1\n3\n" if is_label else inner.read(name))
    with zipfile.ZipFile(path, "w") as outer:
        outer.writestr("UCI HAR Dataset.zip", content.getvalue())
    with pytest.raises(UserError, match="other labels in test: .* have changed; give"):
        catalogue.builder("uci_har")


@pytest.mark.parametrize(
    "name, value",
    [
        ("subjects", "0" * 64),
        ("mean", (1.0, 1.0, 1.0002)),
        ("deviation", (0.81649, 0.81649, 0.8163)),
        ("share of joined", 0.4),
    ],
)
def test_public_files_of_other_facts(fake_originals, name, value, monkeypatch):
    fake_originals("uci_har")  # Test is 0, 1 and 2 g, and one of its 3 rows is joined.
    uci_har = catalogue.builder_class("uci_har")
    test = uci_har.FACTS["test"] | {name: value}
    monkeypatch.setattr(uci_har, "FACTS", uci_har.FACTS | {"test": test})
    with pytest.raises(UserError, match=f"made from UCI .*: other {name} in test: "):
        catalogue.builder("uci_har")


def test_real_files_have_the_facts(real_folder):
    arrays = np.load(real_folder("uci_har") / "uci_har_acc.npz")
    for split, expected in catalogue.builder_class("uci_har").FACTS.items():
        keys = "x", "y", "subject", "joined"
        found = facts(*(arrays[f"{split}_{key}"] for key in keys))
        assert found.keys() == expected.keys()
        for name in ("labels", "subjects"):
            assert found[name] == expected[name]
        for name in ("mean", "deviation", "share of joined"):
            np.testing.assert_allclose(found[name], expected[name], atol=5e-5)


def test_real_set(real_set):
    builder = real_set("uci_har")
    expected = {  # Windows by activity, joined ones, persons.
        "train": ([1226, 1073, 986, 1286, 1374, 1407], 6937, 21),
        "test": ([496, 471, 420, 491, 532, 537], 2772, 9),
    }
    persons = {}
    for split, (by_class, joined, people) in expected.items():
        rows = list(read_rows(builder, split))
        assert np.bincount([row["label"] for row in rows]).tolist() == by_class
        assert sum(row["joined"] for row in rows) == joined
        persons[split] = {int(row["subject"]) for row in rows}
        assert len(persons[split]) == people
        # Official order: what is joined is of one person and activity.
        for row, following in zip(rows, rows[1:]):
            if row["joined"]:
                assert row["label"] == following["label"]
                assert row["subject"] == following["subject"]
    assert not persons["train"] & persons["test"]
    # Gravity is in it: the phone's x axis points up while its owner stands.
    standing = [row["acceleration"] for row in rows if row["label"] == 4]
    assert np.mean(standing, axis=(0, 1))[0] == pytest.approx(1.0, abs=0.1)
