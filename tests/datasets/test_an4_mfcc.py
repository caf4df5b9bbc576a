"""AN4: the utterances by split, damaged files, and the real counts."""

import io

import numpy as np
import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_utterances_by_split(fake_set):
    builder = catalogue.builder("an4_mfcc", str(fake_set("an4_mfcc")))
    rows = list(read_rows(builder, "test"))
    assert [row["speaker"] for row in rows] == [b"test0", b"test1", b"test2"]
    for number, row in enumerate(rows):
        assert row["text"] == b"GO A B"
        assert row["utterance"] == f"an{number}-test-b".encode()
        np.testing.assert_array_equal(row["frames"], np.full((number + 2, 13), number))
        assert row["frames"].dtype == np.float32


def test_arrays_of_other_utterances_are_named(fake_set):
    content = io.BytesIO()
    np.savez(content, features=np.zeros((9, 13)), offsets=np.array([0, 9]))
    folder = fake_set("an4_mfcc", **{"an4_mfcc.npz": content.getvalue()})
    with pytest.raises(UserError, match="an4_mfcc.npz: damaged, or not laid out"):
        catalogue.builder("an4_mfcc", str(folder))


def test_real_set(real_set):
    builder = real_set("an4_mfcc")
    words, characters, speakers = {}, {}, {}
    for split in ("train", "test"):
        rows = list(read_rows(builder, split))
        texts = [row["text"].decode() for row in rows]
        words[split] = sum(len(text.split()) for text in texts)
        characters[split] = sum(map(len, texts))
        speakers[split] = {row["speaker"] for row in rows}
        assert all(np.isfinite(row["frames"]).all() for row in rows)
    assert words == {"train": 5442, "test": 773}
    assert characters == {"train": 17854, "test": 2565}
    assert (len(speakers["train"]), len(speakers["test"])) == (74, 10)
    assert not speakers["train"] & speakers["test"]
