"""Strings of digits: what they are made of, and that they are always the same."""

import collections

import numpy as np
import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.connected_digits import LONGEST, in_pauses, joined, quiet
from keras_seqzoo.datasets.fsdd import DIGITS
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_strings_are_of_a_splits_own_recordings(fake_set):
    builder = catalogue.builder("connected_digits", str(fake_set("connected_digits")))
    rows = list(read_rows(builder, "train"))
    assert [row["speaker"] for row in rows] == [b"ann"] * 3
    for row in rows:
        words = row["digits"].decode().split()
        assert 1 <= len(words) <= LONGEST and set(words) <= {"zero", "seven"}
        assert row["audio"].dtype == np.int16


def test_fsdds_own_folder_will_do(fake_set, tmp_path):
    folder = fake_set("fsdd")
    fake_set("connected_digits")
    for file in (tmp_path / "data" / "connected_digits").iterdir():
        file.unlink()
    builder = catalogue.builder("connected_digits", str(folder.parent))
    assert builder.info.splits["test"].num_examples == 4
    with pytest.raises(UserError, match="no Free Spoken Digit Dataset in it"):
        (folder / "index.csv").unlink()
        (folder / "fsdd_wav.zip").unlink()
        catalogue.builder_class("connected_digits").local_folder(str(folder.parent))


def test_recordings_are_parted_by_pauses_or_overlap():
    loud = np.full(800, 10_000, np.int16)  # 100 ms
    gaps, ends = [], []
    for seed in range(300):
        mixed = joined([loud, loud], np.random.default_rng(seed))
        (heard,) = np.nonzero(mixed > 5_000)
        inside = np.diff(heard)
        if (mixed > 15_000).any():
            gaps.append(-int((mixed > 15_000).sum()))
        else:
            gaps.append(int(inside.max()) - 1)
        ends.append((heard[0], len(mixed) - 1 - heard[-1]))
    gaps, (before, behind) = np.array(gaps) / 8, np.array(ends).T / 8  # ms
    assert 0.2 < (gaps < 0).mean() < 0.4 and gaps.min() >= -60
    assert gaps[gaps > 0].min() >= 19 and 400 < gaps.max() <= 500
    assert before.max() <= 400 and behind.min() >= 99 and behind.max() <= 401
    np.testing.assert_array_equal(in_pauses(loud, 3), in_pauses(loud, 3))
    assert not np.array_equal(in_pauses(loud, 3)[:900], in_pauses(loud, 4)[:900])
    assert np.abs(in_pauses(np.zeros(80, np.int16), 5)).max() < 150


def test_quiet_sounds_are_of_several_lengths():
    sounds = [quiet(seed) for seed in range(50)]
    lengths = [len(one) / 8000 for one in sounds]
    assert min(lengths) >= 0.1 and max(lengths) <= 3 and np.std(lengths) > 0.5
    assert max(np.abs(one).max() for one in sounds) < 150
    np.testing.assert_array_equal(sounds[3], quiet(3))


def test_real_set(real_set):
    builder = real_set("connected_digits")
    counts, speakers = collections.Counter(), collections.Counter()
    for row in read_rows(builder, "test"):
        counts[len(row["digits"].split())] += 1
        speakers[row["speaker"]] += 1
        assert set(row["digits"].decode().split()) <= set(DIGITS)
    assert sorted(counts) == list(range(1, 9)) and min(counts.values()) > 40
    assert len(speakers) == 6 and set(speakers.values()) == {100}
    first = next(read_rows(builder, "test"))
    assert (first["digits"], len(first["audio"])) == (FIRST_DIGITS, FIRST_LENGTH)


# The seed's first test string: another one would make another set.
FIRST_DIGITS, FIRST_LENGTH = b"zero one two one eight eight five", 38763
