import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import files, store

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


def test_a_zip_is_written_and_replaced_whole(tmp_path):
    path = tmp_path / "preset.zip"
    for labels in (["O"], ["X"]):
        store.write(path, CONFIG, WEIGHTS, {"labels": labels}, "card", b"picture")
        assert store.read(path).assets == {"labels": labels}
    assert [one.name for one in tmp_path.iterdir()] == ["preset.zip"]
    assert zipfile.ZipFile(path).read("training.png") == b"picture"


def test_a_zip_of_something_else_is_left_alone(tmp_path):
    path = tmp_path / "holiday.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("beach.jpg", b"sand")
    with pytest.raises(UserError, match="holiday.zip is no preset, and is left as"):
        store.write(path, CONFIG, WEIGHTS, ASSETS, "card")
    assert zipfile.ZipFile(path).namelist() == ["beach.jpg"]


def test_writing_again_replaces_a_preset(preset):
    store.write(preset, CONFIG, WEIGHTS, {"labels": ["X"]}, "new")
    assert store.read(preset).assets == {"labels": ["X"]}
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


def test_writing_never_replaces_something_else(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match="not a preset"):
        store.write(tmp_path, CONFIG, WEIGHTS, ASSETS, "")
    assert (tmp_path / "thesis.txt").exists()


def test_writing_never_takes_files_beside_a_preset_with_it(preset):
    (preset / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        store.write(preset, CONFIG, WEIGHTS, {"labels": ["X"]}, "new")
    (preset / "thesis.txt").unlink()
    assert store.read(preset).assets == ASSETS


def test_writability_can_be_asked_for_without_writing(preset, tmp_path):
    store.check_writable(preset)
    store.check_writable(tmp_path / "new" / "preset")
    assert [path.name for path in (tmp_path / "new").iterdir()] == []
    (preset / "thesis.txt").write_text("years of work")
    with pytest.raises(UserError, match=r"thesis\.txt"):
        store.check_writable(preset)
    with pytest.raises(UserError, match="cannot be written"):
        store.check_writable(preset / "thesis.txt" / "preset")


def test_a_failed_write_leaves_the_old_preset(preset, monkeypatch):
    rename = Path.rename

    def failing(self, target):
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(UserError, match="No space left"):
        store.write(preset, CONFIG, WEIGHTS, {"labels": ["X"]}, "new")
    assert store.read(preset).assets == ASSETS
    assert [path.name for path in preset.parent.iterdir()] == ["preset"]


def test_arrays_of_any_memory_order_are_kept(tmp_path):
    array = np.arange(6.0).reshape(2, 3).T
    store.write(
        tmp_path / "p", CONFIG, {"a": array, "b": array[::2], "c": array[0, 0]}, {}, ""
    )
    weights = store.read(tmp_path / "p").weights
    np.testing.assert_array_equal(weights["a"], array)
    np.testing.assert_array_equal(weights["b"], array[::2])
    assert weights["c"].shape == ()


@pytest.mark.parametrize("value", [float("nan"), np.float32(1), object()])
def test_metadata_that_is_not_json_is_refused(tmp_path, value):
    with pytest.raises(UserError, match="not JSON"):
        store.write(tmp_path / "p", {**CONFIG, "metadata": {"x": value}}, {}, {}, "")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("labels", [[], [""], ["a", ""], ["", "a"]])
def test_empty_assets_and_items(tmp_path, labels):
    store.write(tmp_path / "p", CONFIG, WEIGHTS, {"labels": labels}, "")
    assert store.read(tmp_path / "p").assets["labels"] == labels


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


def test_a_foreign_file_with_a_checksum_is_named(preset):
    refused(resealed(preset, "w.pkl", b"\x80\x04."), "'w.pkl'", "not part of a preset")


@pytest.mark.parametrize("suffix", [".tflite", ".onnx", ""])
def test_an_exported_model_is_told_from_a_preset(tmp_path, suffix):
    path = tmp_path / f"g{suffix}"
    if suffix:
        with zipfile.ZipFile(path, "w") as archive:  # as a TFLite file's metadata
            archive.writestr("seqzoo.json", "{}")
    else:
        path.mkdir()
        (path / "saved_model.pb").write_bytes(b"")
    refused(path, path.name, "exported model, not a preset", "exported from")


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


def one_array(dtype):
    header = {"a": {"dtype": dtype, "shape": [2], "data_offsets": [0, 4]}}
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + bytes(4)


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
        ("config.json", b"[" * 100_000, ["config.json", "not JSON"]),
        (
            "config.json",
            b'{"format": 1, "architecture": "a", "config": {"x": NaN}, "assets": {}}',
            ["config.json", "not JSON"],
        ),
        (
            "config.json",
            b'{"format": 1, "architecture": "a", "config": {}, "assets": {"x": [1]}}',
            ["config.json", "not a file name"],
        ),
        (
            "config.json",
            b'{"format": 1, "architecture": "a", "config": {}, "assets": {}, '
            b'"metadata": 3}',
            ["config.json", "metadata"],
        ),
        ("weights.safetensors", b"\x80\x04pickle", ["weights.safetensors"]),
        ("weights.safetensors", one_array("BF16"), ["weights.safetensors"]),
        ("weights.safetensors", one_array("F16")[:-1], ["weights.safetensors"]),
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


def test_a_zip_of_two_folders(preset, tmp_path):
    path = zipped(preset, tmp_path / "two.zip", "one/")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("two/evil.txt", "x")
    refused(path, "two/evil.txt", "out of place")


def test_a_zip_with_damaged_bytes_is_one_error(preset, tmp_path):
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in preset.iterdir():
            archive.write(file, file.name)
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    errors = 0
    for _ in range(300):
        data = bytearray(whole)
        for place in rng.integers(0, len(data), 4):
            data[place] = rng.integers(256)
        path.write_bytes(data)
        try:
            read = store.read(path)
            assert read.assets == ASSETS  # only bytes without meaning were hit
        except PresetError as error:
            errors += 1
            assert "p.zip" in str(error)
    assert errors > 200


def test_a_zip_bomb_is_refused_before_it_is_unpacked(preset, tmp_path, monkeypatch):
    path = zipped(preset, tmp_path / "bomb.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name in ("a.txt", "b.txt"):  # neither is over the limit alone
            archive.writestr(name, bytes(700_000))
    assert path.stat().st_size < 10_000
    monkeypatch.setattr(files, "SIZE_LIMIT", 2**20)
    refused(path, "b.txt", "larger than 1 MB")


def test_a_folder_over_the_limit_is_refused(preset, monkeypatch):
    monkeypatch.setattr(files, "SIZE_LIMIT", 100)
    refused(preset, "larger than")


def test_a_folder_whose_list_of_checksums_is_too_deep_is_left_as_it_is(tmp_path):
    (tmp_path / "sha256.json").write_text("[" * 200_000)
    with pytest.raises(UserError, match="left as it is"):
        store.write(tmp_path, CONFIG, WEIGHTS, ASSETS, "# Card\n")
    assert [path.name for path in tmp_path.iterdir()] == ["sha256.json"]


def test_a_list_of_checksums_that_names_paths(preset):
    path = preset / "sha256.json"
    path.write_text(json.dumps({"../x": "0", **json.loads(path.read_text())}))
    refused(preset, "sha256.json", "'../x' is not a file name")


def test_a_list_of_checksums_that_is_empty(tmp_path):
    (tmp_path / "sha256.json").write_text("{}")
    refused(tmp_path, "sha256.json", "names no file")


def test_a_zip_whose_names_are_not_utf8(preset, tmp_path):
    (preset / "labelsé").write_text("")
    path = zipped(preset, tmp_path / "x.zip")
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    refused(path, "not a readable zip")


def test_a_file_that_is_no_zip(tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK no")
    refused(tmp_path / "x.zip", "x.zip", "not a readable zip")


def test_a_path_that_is_not_there(tmp_path):
    refused(tmp_path / "nowhere", "nowhere", "no such")


def test_entries_with_line_breaks_are_refused(tmp_path):
    with pytest.raises(UserError, match="line break"):
        store.write(tmp_path / "p", CONFIG, WEIGHTS, {"labels": ["a\nb"]}, "")
    assert not (tmp_path / "p").exists()
