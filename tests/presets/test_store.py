import json
import os
import zipfile

import numpy as np
import pytest

from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import store

CONFIG = {"architecture": "some_tagger", "config": {"units": 3}, "metadata": {}}
WEIGHTS = {"body/kernel": np.arange(6, dtype="float32").reshape(2, 3)}
ASSETS = {"labels": ["O", "B-città", "\u2028odd\x85"]}


@pytest.fixture
def preset(tmp_path):
    store.write(tmp_path / "preset", CONFIG, WEIGHTS, ASSETS, "# Card\n")
    return tmp_path / "preset"


def zipped(folder, path, prefix=""):
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.iterdir():
            archive.write(file, prefix + file.name)
    return path


def refused(source, *words):
    with pytest.raises(PresetError) as error:
        store.read(source)
    for word in words:
        assert word in str(error.value)
    assert "\n" not in str(error.value)


def test_what_is_written_is_read(preset):
    read = store.read(preset)
    assert read.config["config"] == {"units": 3}
    assert read.assets == ASSETS
    assert read.card == "# Card\n"
    np.testing.assert_array_equal(read.weights["body/kernel"], WEIGHTS["body/kernel"])


@pytest.mark.parametrize("prefix", ["", "some_tagger.tag/"])
def test_a_zip_reads_as_its_folder(preset, tmp_path, prefix):
    read = store.read(zipped(preset, tmp_path / "preset.zip", prefix))
    assert read.assets == ASSETS


def test_writing_again_replaces_a_preset(preset):
    store.write(preset, CONFIG, WEIGHTS, {"labels": ["X"]}, "new")
    assert store.read(preset).assets == {"labels": ["X"]}
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


def test_writing_never_replaces_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not a preset"):
        store.write(tmp_path, CONFIG, WEIGHTS, ASSETS, "")
    assert (tmp_path / "thesis.txt").exists()


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="file"):
        store.write(tmp_path / "file" / "preset", CONFIG, WEIGHTS, ASSETS, "")


@pytest.mark.parametrize(
    "name", ["config.json", "weights.safetensors", "labels.txt", "sha256.json"]
)
def test_a_missing_file_is_named(preset, name):
    (preset / name).unlink()
    refused(preset, name, "missing")


@pytest.mark.parametrize("name", ["config.json", "weights.safetensors", "labels.txt"])
def test_a_truncated_or_changed_file_is_named(preset, name):
    data = (preset / name).read_bytes()
    (preset / name).write_bytes(data[:-1])
    refused(preset, name, "damaged")
    (preset / name).write_bytes(bytes([data[0] ^ 1]) + data[1:])
    refused(preset, name, "damaged")


def test_a_foreign_file_is_named(preset):
    (preset / "setup.py").write_text("import os")
    refused(preset, "setup.py", "not part")


def test_links_and_folders_are_refused(preset):
    (preset / "extra").mkdir()
    refused(preset, "extra", "plain files")
    (preset / "extra").rmdir()
    os.symlink("/etc/hostname", preset / "link.txt")
    refused(preset, "link.txt", "plain files")


def resealed(preset, name, content):
    """Change a file and its checksum with it, as an attacker would."""
    import hashlib

    (preset / name).write_bytes(content)
    checksums = json.loads((preset / "sha256.json").read_text())
    checksums[name] = hashlib.sha256(content).hexdigest()
    (preset / "sha256.json").write_text(json.dumps(checksums))
    return preset


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("config.json", b"not json", ["config.json", "JSON"]),
        ("config.json", b"[1]", ["config.json", "object"]),
        ("config.json", b'{"format": 9}', ["config.json", "format=9"]),
        ("config.json", b'{"format": 1}', ["config.json", "architecture"]),
        (
            "config.json",
            b'{"format": 1, "architecture": "a", "config": {}, '
            b'"assets": {"labels": "../../etc/passwd"}}',
            ["../../etc/passwd", "not a file name"],
        ),
        ("weights.safetensors", b"\x80\x04pickle", ["weights.safetensors"]),
        ("labels.txt", b"\xff\xfe", ["labels.txt", "UTF-8"]),
    ],
)
def test_files_with_the_right_checksum_and_wrong_content(preset, name, content, words):
    refused(resealed(preset, name, content), *words)


def test_zips_with_files_out_of_place(preset, tmp_path):
    for bad in ("../evil.txt", "/evil.txt", "a/b/c.txt"):
        path = zipped(preset, tmp_path / "bad.zip")
        with zipfile.ZipFile(path, "a") as archive:
            archive.writestr(bad, "x")
        refused(path, "bad.zip", "out of place")


def test_a_file_that_is_no_zip(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK no")
    refused(tmp_path / "x.zip", "x.zip", "not a readable zip")


def test_a_path_that_is_not_there(tmp_path):
    refused(tmp_path / "nowhere", "nowhere", "no such")


def test_entries_with_line_breaks_are_refused(tmp_path):
    with pytest.raises(UserError, match="line break"):
        store.write(tmp_path / "p", CONFIG, WEIGHTS, {"labels": ["a\nb"]}, "")
    assert not (tmp_path / "p").exists()
