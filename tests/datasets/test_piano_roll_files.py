import gzip
import json

import numpy as np
import pytest
import scipy.io

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.files import content_sha256
from keras_seqzoo.datasets.piano_roll_files import piano_roll, pitches, write_pieces
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError

SETS = ["jsb_chorales", "nottingham"]


def test_a_key_is_a_pitch_less_21():
    roll = piano_roll([[21, 108], [], [60]])
    assert (roll.shape, roll.dtype) == ((3, 88), np.uint8)
    assert [np.flatnonzero(step).tolist() for step in roll] == [[0, 87], [], [39]]
    assert piano_roll([]).shape == (0, 88)
    for pitch in 20, 109, -1:
        with pytest.raises(ValueError, match=f"pitch {pitch} is not one of 21 to 108"):
            piano_roll([[pitch]])


@pytest.mark.parametrize("name", SETS)
def test_pieces_are_read_in_order(fake_set, name):
    builder = catalogue.builder(name, str(fake_set(name)))
    rolls = [row["roll"] for row in read_rows(builder, "train")]
    assert [len(roll) for roll in rolls] == [1, 2, 3, 4, 5]
    assert rolls[0].dtype == np.uint8
    np.testing.assert_array_equal(rolls[2], piano_roll([[21], [], [60, 108]]))


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"no JSON"),
        gzip.compress(
            json.dumps({"train": [[[20]]], "valid": [], "test": []}).encode()
        ),
        gzip.compress(json.dumps({"train": [[[60]]] * 5}).encode()),
        gzip.compress(b"[1, 2]"),
        gzip.compress(b'{"train": [[60]]}'),
    ],
    # Without names these would hold the time, as gzip's bytes do.
    ids=["no gzip", "no JSON", "pitch 20", "no valid", "no splits", "no steps"],
)
def test_a_damaged_file_is_named(fake_set, content):
    folder = fake_set("nottingham", **{"nottingham.json.gz": content})
    with pytest.raises(UserError, match="nottingham.json.gz: damaged, or not laid out"):
        catalogue.builder("nottingham", str(folder))


def test_pitches_are_those_of_the_roll():
    piece = [[21, 60, 108], [], [39]]
    assert pitches(piano_roll(piece)) == pitches(piano_roll(piece) * 0.5) == piece
    with pytest.raises(ValueError, match=r"shape \(time, 88\), not \(3, 87\)"):
        pitches(np.zeros((3, 87)))


@pytest.mark.parametrize("content", [b"", b"\xff", b"none" * 64, "cut", "other"])
def test_a_matlab_file_that_is_damaged_is_named(tmp_path, content):
    path = tmp_path / "Nottingham.mat"
    scipy.io.savemat(path, {"traindata": np.ones((1, 88))})
    if content == "cut":
        content = path.read_bytes()[:-200]
    if content != "other":
        path.write_bytes(content)
    convert = catalogue.builder_class("nottingham").convert
    with pytest.raises(UserError, match="Nottingham.mat: damaged, or not laid out"):
        convert({"Nottingham.mat": path}, tmp_path)


def test_what_is_written_is_sorted(tmp_path):
    path = tmp_path / "pieces.json.gz"
    write_pieces(path, {"test": [], "valid": [[[]]], "train": [[[64, 60], [21]]]})
    expected = b'{"train":[[[60,64],[21]]],"valid":[[[]]],"test":[]}'
    assert gzip.decompress(path.read_bytes()) == expected
    with pytest.raises(KeyError):
        write_pieces(path, {"train": []})


REAL = {  # Split -> pieces, steps, shortest, longest, notes a step, pitches.
    "jsb_chorales": {
        "train": (229, 13_807, 25, 129, 3.90, 43, 96),
        "validation": (76, 4_602, 32, 144, 3.87, 48, 96),
        "test": (77, 4_725, 32, 160, 3.89, 45, 96),
    },
    "nottingham": {
        "train": (694, 176_561, 40, 1_788, 3.96, 31, 93),
        "validation": (173, 45_513, 96, 1_473, 3.96, 34, 91),
        "test": (170, 44_463, 63, 1_793, 3.99, 36, 89),
    },
}


@pytest.mark.parametrize("name", SETS)
def test_real_set(real_set, name):
    builder = real_set(name)
    for split, expected in REAL[name].items():
        rolls = [row["roll"] for row in read_rows(builder, split)]
        lengths = [len(roll) for roll in rolls]
        steps = np.concatenate(rolls)
        pitches = np.flatnonzero(steps.any(axis=0)) + 21
        assert (
            len(rolls),
            len(steps),
            min(lengths),
            max(lengths),
            round(steps.sum() / len(steps), 2),
            pitches[0],
            pitches[-1],
        ) == expected


@pytest.mark.parametrize("name", SETS)
def test_real_pieces_are_written_as_in_the_local_copy(real_folder, name, tmp_path):
    (file,) = catalogue.builder_class(name).SHA256
    content = gzip.decompress((real_folder(name) / file).read_bytes())
    pieces = dict(reversed(json.loads(content).items()))
    write_pieces(tmp_path / file, pieces)
    assert gzip.decompress((tmp_path / file).read_bytes()) == content
    expected = catalogue.builder_class(name).CONTENT[file]
    assert content_sha256(tmp_path / file) == expected
