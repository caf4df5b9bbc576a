import hashlib
import pathlib

import pytest

from keras_seqzoo.datasets import catalogue, slot_files
from keras_seqzoo.errors import UserError

REAL_DATA = pathlib.Path(__file__).parents[3] / "shared" / "data"
ROWS = {"train": 5, "validation": 2, "test": 3}


@pytest.fixture
def tiny_set(tmp_path, monkeypatch):
    """A generated set in the real sets' format: its builder and its folder."""
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path / "home"))
    folder = tmp_path / "data" / "tiny_slots"
    sums = {}
    for split, rows in ROWS.items():
        texts = {
            "seq.in": "".join(f"go  to city{row} \n" for row in range(rows)),
            "seq.out": "O O B-city \n" * rows,
            "label": "travel\n" * rows,
        }
        for file, text in texts.items():
            name = f"{slot_files.SPLIT_FOLDERS[split]}/{file}"
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text)
            sums[name] = hashlib.sha256(text.encode()).hexdigest()

    class TinySlots(slot_files.SlotFilesBuilder, skip_registration=True):
        __module__ = slot_files.__name__  # tfds wants a package.
        name = "tiny_slots"
        TITLE = "Tiny slots"
        URL = folder.as_uri()
        CITATION = ""
        SHA256 = sums

    TinySlots.ROWS = ROWS
    return TinySlots, folder


def test_local_copy_is_read_in_order_and_prepared_elsewhere(tiny_set):
    builder, folder = tiny_set
    before = sorted(folder.parent.rglob("*"))
    sentences = slot_files.read_split(builder, "train", str(folder.parent))
    assert [s.words for s in sentences] == [("go", "to", f"city{i}") for i in range(5)]
    assert sentences[0].slots == ("O", "O", "B-city")
    assert sentences[0].intent == "travel"
    assert sorted(folder.parent.rglob("*")) == before
    # The folder itself will do as well, and the prepared copy without any.
    assert len(slot_files.read_split(builder, "validation", str(folder))) == 2
    assert len(slot_files.read_split(builder, "test")) == 3


def test_public_source_is_fetched_and_checked(tiny_set):
    builder, folder = tiny_set
    assert len(slot_files.read_split(builder, "test")) == 3
    builder.VERSION = "2.0.0"
    (folder / "train" / "label").write_text("other")
    with pytest.raises(UserError, match="not the expected file"):
        slot_files.read_split(builder, "test")


def test_unreachable_source_says_what_to_do(tiny_set):
    builder, _ = tiny_set
    builder.URL = "file:///nowhere"
    with pytest.raises(UserError, match="local copy with --data-dir") as caught:
        slot_files.read_split(builder, "test")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "damage, message",
    [
        (
            lambda file: file.write_text("x"),
            "seq.out: not the expected file .*may be another data set's",
        ),
        (lambda file: file.unlink(), "seq.out: cannot be read: No such file"),
    ],
)
def test_bad_file_is_named_even_when_prepared(tiny_set, damage, message):
    builder, folder = tiny_set
    slot_files.read_split(builder, "test", str(folder))
    damage(folder / "train" / "seq.out")
    with pytest.raises(UserError, match=message):
        slot_files.read_split(builder, "test", str(folder))


def test_wrong_folder(tiny_set, tmp_path):
    builder, _ = tiny_set
    with pytest.raises(UserError, match="`data_dir` must be a folder.*none"):
        slot_files.read_split(builder, "test", str(tmp_path / "none"))
    with pytest.raises(UserError, match="no Tiny slots in it: expected tiny_slots/tr"):
        slot_files.read_split(builder, "test", str(tmp_path))


def test_counts_are_asserted(tiny_set):
    builder, folder = tiny_set
    builder.ROWS = ROWS | {"train": 6}
    with pytest.raises(UserError, match="expected 6 sentences. Received: 5"):
        slot_files.read_split(builder, "test", str(folder))


def test_too_little_disk_space(tiny_set, monkeypatch):
    builder, folder = tiny_set
    full = type("Usage", (), {"free": 1_000_000})
    monkeypatch.setattr(slot_files.shutil, "disk_usage", lambda path: full)
    with pytest.raises(UserError, match="50 MB of free disk space"):
        slot_files.read_split(builder, "test", str(folder))


def test_cache_folder_that_cannot_be_made(tiny_set, monkeypatch, tmp_path):
    builder, folder = tiny_set
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path / "file"))
    with pytest.raises(UserError, match="set KERAS_SEQZOO_HOME to another folder"):
        slot_files.read_split(builder, "test", str(folder))


def test_unknown_names():
    with pytest.raises(UserError, match=r"dataset must be one of .*'snips'"):
        catalogue.read("snip", "test")
    with pytest.raises(UserError, match="split must be one of"):
        catalogue.read("train_tickets", "dev")


@pytest.mark.parametrize(
    "name, chunks", [("atis", (14851, 1709, 2837)), ("snips", (33958, 1794, 1790))]
)
def test_real_set(name, chunks, tmp_path, monkeypatch):
    if not (REAL_DATA / name).is_dir():
        pytest.skip(f"{name} is not in ../shared/data")
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path))
    for split, count in zip(slot_files.SPLIT_FOLDERS, chunks):
        sentences = catalogue.read(name, split, str(REAL_DATA))
        begins = [slot[:2] for s in sentences for slot in s.slots].count("B-")
        assert begins == count
