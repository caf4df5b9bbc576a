"""What all sets have in common: files, checksums, counts, the prepared copy."""

import io
import shutil
import tempfile
import threading

import numpy as np
import pytest

from keras_seqzoo.datasets import catalogue, files, prepared
from keras_seqzoo.errors import UserError

NAMES = [name for name in catalogue.NAMES if name != catalogue.SHIPPED]
PUBLIC = ["atis", "snips", "mr", "japanese_vowels", "multi30k"]
MADE = [name for name in NAMES if catalogue.builder_class(name).ORIGINALS]
# (What is made for UCI HAR is checked by that set itself.)
MADE_AS_IT_WAS = [name for name in MADE if catalogue.builder_class(name).CONTENT]


def error_of(name, data_dir=None):
    """The one line that preparing a set ends with."""
    with pytest.raises(UserError) as caught:
        catalogue.builder(name, data_dir and str(data_dir))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("name", NAMES)
def test_a_local_copy_is_built_elsewhere_and_silently(fake_set, name, capsys, home):
    folder = fake_set(name)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    builder = catalogue.builder(name, str(folder.parent))
    assert {s: i.num_examples for s, i in builder.info.splits.items()} == builder.ROWS
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    assert str(builder.data_dir).startswith(str(home))
    assert capsys.readouterr().out == ""
    # The set's own folder will do as well, and the prepared copy without any.
    assert (
        catalogue.builder(name, str(folder)).info.splits.keys() == builder.ROWS.keys()
    )
    shutil.rmtree(folder)
    assert catalogue.builder(name).info.splits.keys() == builder.ROWS.keys()


def test_nothing_is_left_in_the_temporary_folder(fake_set, tmp_path, monkeypatch):
    folder = fake_set("atis")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    catalogue.builder("atis", str(folder))
    assert not list(temporary.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_another_or_missing_is_named(fake_set, name):
    folder = fake_set(name)
    required = set(catalogue.builder_class(name).SHA256)
    required -= set(catalogue.builder_class(name).OPTIONAL.values())
    for file in sorted(required):
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content + b"x")
        assert f"{folder / file}: not the expected file" in error_of(name, folder)
        (folder / file).unlink()
        message = error_of(name, folder)
        if len(required) > 1:
            assert f"{folder / file}: cannot be read: No such file" in message
        else:
            assert f"expected {name}/{file} or {file}" in message
        (folder / file).write_bytes(content)


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_was_cut_short_at_its_source(fake_set, name, home):
    folder = fake_set(name)
    for file in list(catalogue.builder_class(name).SHA256):
        content = (folder / file).read_bytes()
        (folder / file).write_bytes(content[: len(content) // 2])
        fake_set.expect(name, folder, [file])
        assert (
            str(folder) in (message := error_of(name, folder)) or "Received" in message
        )
        assert not list(home.rglob("dataset_info.json"))
        (folder / file).write_bytes(content)
        fake_set.expect(name, folder, [file])


# (Connected digits are as many as are asked for: the strings are made.)
@pytest.mark.parametrize("name", [one for one in NAMES if one != "connected_digits"])
def test_counts_are_asserted(fake_set, name, monkeypatch):
    folder = fake_set(name)
    rows = catalogue.builder_class(name).ROWS
    monkeypatch.setattr(
        catalogue.builder_class(name), "ROWS", rows | {"test": rows["test"] + 1}
    )
    assert f"test: expected {rows['test'] + 1} examples. Received: " in error_of(
        name, folder
    )


@pytest.mark.parametrize("name", ["uci_har", "flickr8k"])
def test_a_set_without_public_files_asks_for_a_local_copy(fake_set, name, monkeypatch):
    fake_set(name)
    monkeypatch.setattr(catalogue.builder_class(name), "ORIGINALS", {})
    message = error_of(name)
    assert "--data-dir" in message
    assert catalogue.builder_class(name).SOURCE in message
    for file, digest in catalogue.builder_class(name).SHA256.items():
        assert f"{file} (sha256 {digest[:12]}...)" in message


@pytest.mark.parametrize("name", PUBLIC)
def test_public_files_are_fetched_and_checked(fake_set, name, monkeypatch):
    folder = fake_set(name)
    builder = catalogue.builder_class(name)
    monkeypatch.setattr(builder, "URL", folder.as_uri())
    found = catalogue.builder(name)
    assert set(found.info.splits) == set(builder.ROWS)
    shutil.rmtree(found.data_dir)
    file = next(iter(builder.SHA256))
    (folder / file).write_bytes(b"other")
    assert "not the expected file" in error_of(name)
    (folder / file).unlink()
    message = error_of(name)
    assert folder.as_uri() in message and "local copy with --data-dir" in message


def rows_of(builder):
    """All rows of a set by its splits, as bytes that can be compared."""
    return {
        split: [
            {key: np.asarray(value).tolist() for key, value in row.items()}
            for row in prepared.read_rows(builder, split)
        ]
        for split in builder.info.splits
    }


@pytest.mark.parametrize("name", MADE)
def test_files_are_made_from_public_ones(fake_originals, name, home, capsys):
    local, _ = fake_originals(name)
    expected = rows_of(catalogue.builder(name, str(local)))
    shutil.rmtree(home)
    found = catalogue.builder(name)
    assert rows_of(found) == expected
    assert set(expected) == set(catalogue.builder_class(name).ROWS)
    assert capsys.readouterr().out == ""
    assert not list(home.rglob("*.fetched"))


@pytest.mark.parametrize("name", MADE_AS_IT_WAS)
def test_public_files_that_have_changed(fake_originals, name, monkeypatch):
    fake_originals(name)
    builder = catalogue.builder_class(name)
    file = next(iter(builder.CONTENT))
    monkeypatch.setattr(builder, "CONTENT", builder.CONTENT | {file: "0" * 64})
    message = error_of(name)
    assert f"{file}, made from {builder.SOURCE}: not the expected content" in message
    assert "--data-dir" in message


@pytest.mark.parametrize("name", MADE)
def test_public_files_that_are_damaged_or_gone(fake_originals, name):
    _, folder = fake_originals(name)
    builder = catalogue.builder_class(name)
    original = next(iter(builder.ORIGINALS))
    (folder / original).write_bytes(b"\xff")
    assert original in error_of(name) or "not the expected content" in error_of(name)
    (folder / original).unlink()
    assert "could not be downloaded" in error_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_every_set_is_public(name):
    builder = catalogue.builder_class(name)
    assert builder.is_public() and bool(builder.URL) != bool(builder.ORIGINALS)
    for url in builder.ORIGINALS.values():
        assert url.startswith("https://")
    assert builder.CONTENT.keys() <= builder.SHA256.keys()


def test_a_connection_that_breaks_off(fake_set, monkeypatch):
    fake_set("atis")

    class Breaks(io.BytesIO):
        headers = {}

        def read(self, *_):
            raise files.http.client.IncompleteRead(b"half")

    class Ends(io.BytesIO):
        headers = {"Content-Length": "10"}

    answers = iter((Breaks(), Ends(b"half")))
    monkeypatch.setattr(files.urllib.request, "urlopen", lambda *_, **__: next(answers))
    for _ in range(2):
        assert "test/label could not be downloaded (IncompleteRead" in error_of("atis")


@pytest.mark.parametrize("name", MADE_AS_IT_WAS)
def test_real_files_have_the_content_of_what_is_made(name, real_folder):
    folder, builder = real_folder(name), catalogue.builder_class(name)
    found = {file: files.content_sha256(folder / file) for file in builder.CONTENT}
    assert found == builder.CONTENT


def test_the_folder_must_have_the_set(fake_set, tmp_path):
    fake_set("uci_har")
    assert "`data_dir` must be a folder" in error_of("uci_har", tmp_path / "none")
    message = error_of("uci_har", tmp_path)
    assert "no UCI HAR in it: expected uci_har/uci_har_acc.npz" in message


def test_an_optional_split_can_come_later(fake_set, tmp_path):
    folder = fake_set("sst2")
    phrases = folder / "stsa.binary.phrases.train.gz"
    phrases.rename(tmp_path / "aside.gz")
    sentences = {"train", "validation", "test"}
    assert set(catalogue.builder("sst2", str(folder)).info.splits) == sentences
    (tmp_path / "aside.gz").rename(phrases)
    everything = sentences | {"phrases"}
    assert set(catalogue.builder("sst2", str(folder)).info.splits) == everything
    phrases.unlink()
    assert set(catalogue.builder("sst2", str(folder)).info.splits) == everything


def test_the_order_is_that_of_the_files(fake_set):
    builder = catalogue.builder("uci_har", str(fake_set("uci_har")))
    for _ in range(2):
        rows = prepared.read_rows(builder, "train")
        assert [row["acceleration"][0, 0] for row in rows] == [0, 1, 2, 3, 4]


def test_a_prepared_copy_that_was_cut_short_is_built_again(fake_set):
    folder = fake_set("uci_har")
    builder = catalogue.builder("uci_har", str(folder))
    (shard,) = builder.info.splits["test"].filepaths
    shard.write_bytes(shard.read_bytes()[:100])
    assert "the prepared copy is damaged" in error_of("uci_har")
    builder = catalogue.builder("uci_har", str(folder))
    assert len(list(prepared.read_rows(builder, "test"))) == 3


def test_a_cut_copy_of_a_set_whose_source_cannot_be_reached(fake_set):
    builder = catalogue.builder("uci_har", str(fake_set("uci_har")))
    (shard,) = builder.info.splits["test"].filepaths
    shard.write_bytes(shard.read_bytes()[:100])
    message = error_of("uci_har")
    assert "the prepared copy is damaged (it is cut short, and http" in message
    assert "could not be downloaded" in message


def test_a_prepared_copy_with_other_bytes_is_named(fake_set):
    builder = catalogue.builder("uci_har", str(fake_set("uci_har")))
    (shard,) = builder.info.splits["test"].filepaths
    content = shard.read_bytes()
    shard.write_bytes(content[:100] + b"damage" + content[106:])
    with pytest.raises(UserError, match="the prepared copy is damaged .*delete this"):
        list(prepared.read_rows(builder, "test"))


def test_a_damaged_description_of_the_prepared_copy(fake_set):
    builder = catalogue.builder("uci_har", str(fake_set("uci_har")))
    (builder.data_path / "dataset_info.json").write_text("")
    assert "the prepared copy is damaged" in error_of("uci_har")


def test_two_can_prepare_at_the_same_time(fake_set):
    folder = fake_set("multi30k")
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(catalogue.builder("multi30k", str(folder)))
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [builder.info.splits.total_num_examples for builder in found] == [10] * 3


def test_too_little_disk_space(fake_set, monkeypatch):
    folder = fake_set("jsb_chorales")
    full = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(prepared.shutil, "disk_usage", lambda path: full)
    assert "50 MB of free disk space" in error_of("jsb_chorales", folder)


def test_public_files_need_more_disk_space(fake_set, monkeypatch):
    folder = fake_set("flickr8k")
    half = type("Usage", (), {"free": 1_000_000_000})
    monkeypatch.setattr(prepared.shutil, "disk_usage", lambda path: half)
    assert "1400 MB of free disk space are needed" in error_of("flickr8k")
    assert catalogue.builder("flickr8k", str(folder)).info.splits["test"]


def test_cache_folder_that_cannot_be_made(fake_set, home):
    folder = fake_set("jsb_chorales")
    home.write_text("")
    message = error_of("jsb_chorales", folder)
    assert "set KERAS_SEQZOO_HOME to another folder" in message


def test_a_disk_that_is_full_while_building(fake_set, home, monkeypatch):
    import tensorflow as tf

    def full(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")

    folder = fake_set("jsb_chorales")
    monkeypatch.setattr(tf.io.TFRecordWriter, "write", full)
    message = error_of("jsb_chorales", folder)
    assert "cannot prepare JSB Chorales here" in message
    assert "No space left on device" in message
    assert not list(home.rglob("*tfrecord*"))
