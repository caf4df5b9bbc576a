import numpy as np
import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_channels_are_columns_and_speakers_count_from_0(fake_set):
    builder = catalogue.builder("japanese_vowels", str(fake_set("japanese_vowels")))
    rows = list(read_rows(builder, "train"))
    assert [row["label"] for row in rows] == [0, 1, 2, 3, 4]
    steps = np.arange(3)[:, None] / 8
    np.testing.assert_allclose(rows[2]["series"], np.arange(12) + steps)


@pytest.mark.parametrize(
    "line", [b"@data\n1,2:3:1\n", b"@data\n" + b"1:" * 12 + b"x\n"]
)
def test_a_row_that_is_none(fake_set, line):
    folder = fake_set("japanese_vowels", **{"JapaneseVowels_TEST.ts": line})
    with pytest.raises(UserError, match="TEST.ts: damaged, or not laid out"):
        catalogue.builder("japanese_vowels", str(folder))


def test_real_set(real_set):
    builder = real_set("japanese_vowels")
    counts = {"train": [30] * 9, "test": [31, 35, 88, 44, 29, 24, 40, 50, 29]}
    lengths = {"train": (7, 26), "test": (7, 29)}
    for split, expected in counts.items():
        rows = list(read_rows(builder, split))
        labels = [row["label"] for row in rows]
        assert np.bincount(labels).tolist() == expected
        found = [len(row["series"]) for row in rows]
        assert (min(found), max(found)) == lengths[split]
