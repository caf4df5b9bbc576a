import collections
import io
import zipfile

import numpy as np
import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.files import content_sha256
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_recordings_by_take(fake_set):
    builder = catalogue.builder("fsdd", str(fake_set("fsdd")))
    takes = {
        split: [(row["label"], row["take"]) for row in read_rows(builder, split)]
        for split in builder.ROWS
    }
    assert takes["test"] == [(digit, take) for digit in (0, 7) for take in range(5)]
    assert takes["validation"] == [
        (digit, take) for digit in (0, 7) for take in range(5, 10)
    ]
    assert takes["train"] == [(0, 10), (7, 10)]
    row = next(read_rows(builder, "train[1:]"))
    assert row["speaker"] == b"ann"
    assert row["audio"].dtype == np.int16
    np.testing.assert_array_equal(row["audio"], np.arange(7, 417))
    features = builder.info.features
    assert features["audio"].sample_rate == 8000
    assert features["label"].int2str(7) == "seven"


@pytest.mark.parametrize("damage", ["rate", "missing", "no wav"])
def test_a_damaged_archive_is_named(fake_set, damage):
    content = io.BytesIO()
    folder = fake_set("fsdd")
    archive = zipfile.ZipFile(folder / "fsdd_wav.zip")
    with zipfile.ZipFile(content, "w") as changed:
        for name in archive.namelist():
            recording = archive.read(name)
            if damage == "rate":
                recording = recording.replace(b"\x40\x1f\0\0", b"\x80\x3e\0\0")
            if damage != "missing":
                changed.writestr(name, b"RIFF" if damage == "no wav" else recording)
    (folder / "fsdd_wav.zip").write_bytes(content.getvalue())
    fake_set.expect("fsdd", folder, ["fsdd_wav.zip"])
    with pytest.raises(UserError, match="fsdd_wav.zip: damaged, or not laid out"):
        catalogue.builder("fsdd", str(folder))


def test_an_index_of_other_columns_is_named(fake_set):
    folder = fake_set("fsdd", **{"index.csv": b"name,number\na,1\n"})
    with pytest.raises(UserError, match="index.csv: damaged, or not laid out"):
        catalogue.builder("fsdd", str(folder))


def test_real_recordings_give_the_real_index(real_folder, tmp_path):
    original = tmp_path / "original.zip"
    with (
        zipfile.ZipFile(real_folder("fsdd") / "fsdd_wav.zip") as recordings,
        zipfile.ZipFile(original, "w") as archive,
    ):
        for name in recordings.namelist():
            archive.writestr(f"repository/{name}", recordings.read(name))
    fsdd = catalogue.builder_class("fsdd")
    fsdd.convert({"original.zip": original}, tmp_path)
    made = {file: content_sha256(tmp_path / file) for file in fsdd.CONTENT}
    assert made == fsdd.CONTENT


def test_real_set(real_set):
    builder = real_set("fsdd")
    lengths = []
    for split, takes in (("train", 40), ("validation", 5), ("test", 5)):
        counts = collections.Counter()
        for row in read_rows(builder, split):
            counts[row["label"], row["speaker"]] += 1
            lengths.append(len(row["audio"]))
        assert len(counts) == 60 and set(counts.values()) == {takes}
    assert len(lengths) == 3000
    seconds = np.array(lengths) / 8000
    assert seconds.sum() / 60 == pytest.approx(21.9, abs=0.05)
    assert (round(seconds.min(), 2), round(seconds.max(), 2)) == (0.14, 2.28)
