"""AN4: the utterances by split, damaged files, and the real counts."""

import csv
import io
import zipfile

import numpy as np
import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.an4_mfcc import cepstra
from keras_seqzoo.datasets.files import content_sha256
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_utterances_by_split(fake_set):
    builder = catalogue.builder("an4_mfcc", str(fake_set("an4_mfcc")))
    rows = list(read_rows(builder, "test"))
    assert [row["speaker"] for row in rows] == [b"test0", b"test1", b"test2"]
    for number, row in enumerate(rows):
        assert row["text"] == b"GO A B"
        assert row["utterance"] == f"an{number}-test{number}-b".encode()
        np.testing.assert_array_equal(row["frames"], np.full((number + 2, 13), number))
        assert row["frames"].dtype == np.float32


def test_arrays_of_other_utterances_are_named(fake_set):
    content = io.BytesIO()
    np.savez(content, features=np.zeros((9, 13)), offsets=np.array([0, 9]))
    folder = fake_set("an4_mfcc", **{"an4_mfcc.npz": content.getvalue()})
    with pytest.raises(UserError, match="an4_mfcc.npz: damaged, or not laid out"):
        catalogue.builder("an4_mfcc", str(folder))


def test_a_feature_file_must_have_whole_frames():
    frames = np.arange(26, dtype=">f4").tobytes()
    np.testing.assert_array_equal(
        cepstra(b"\0\0\0\x1a" + frames), np.arange(26).reshape(2, 13)
    )
    with pytest.raises(ValueError, match="26 values, not 27"):
        cepstra(b"\0\0\0\x1b" + frames)
    with pytest.raises(ValueError, match="reshape"):
        cepstra(b"\0\0\0\x19" + frames[:-4])


@pytest.mark.parametrize("damage", ["a transcript", "a feature file"])
def test_a_damaged_repository_is_named(fake_originals, damage):
    _, folder = fake_originals("an4_mfcc")
    path = folder / "Machine-Learning-Project-ASR.zip"
    archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as changed:
        for name in archive.namelist():
            content = archive.read(name)
            if damage == "a transcript":
                content = content.replace(b" (an3-train3-b)", b"")
            elif name.endswith("an3-train3-b.mfc"):
                content = content[:-4]
            changed.writestr(name, content)
    with pytest.raises(UserError, match=f"{path.name}: damaged, or not laid out"):
        catalogue.builder("an4_mfcc")


def test_real_utterances_give_the_real_index(real_folder, tmp_path):
    real, original = real_folder("an4_mfcc"), tmp_path / "original.zip"
    with (real / "index.csv").open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    arrays, texts = np.load(real / "an4_mfcc.npz"), {"train": "", "test": ""}
    frames = np.split(arrays["features"].astype(">f4"), arrays["offsets"][1:-1])
    with zipfile.ZipFile(original, "w") as archive:
        for row, values in zip(rows, frames, strict=True):
            split, name = row["split"], row["utterance"]
            folder = {"train": "an4_clstk", "test": "an4test_clstk"}[split]
            count = np.array(values.size, ">i4").tobytes()
            file = f"asr/an4/feat/{folder}/{row['speaker']}/{name}.mfc"
            archive.writestr(file, count + values.tobytes())
            texts[split] += f"<s> {row['text']} </s> ({name})\n"
        for split, text in texts.items():
            archive.writestr(f"asr/an4/etc/an4_{split}.transcription", text)
    an4 = catalogue.builder_class("an4_mfcc")
    an4.convert({"original.zip": original}, tmp_path)
    made = {file: content_sha256(tmp_path / file) for file in an4.CONTENT}
    assert made == an4.CONTENT


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
