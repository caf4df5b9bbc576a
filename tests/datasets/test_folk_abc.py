import csv
import gzip

import pytest

from keras_seqzoo.datasets import catalogue, folk_abc
from keras_seqzoo.datasets.files import content_sha256
from keras_seqzoo.datasets.folk_abc import FolkAbc, read_tunes
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_tunes_are_parted_at_blank_lines(fake_set):
    builder = catalogue.builder("folk_abc", str(fake_set("folk_abc")))
    rows = list(read_rows(builder, "test"))
    assert [row["tune"] for row in rows] == [
        b"X: %d\nT:test\nK:G\nGABc|\n" % row for row in range(3)
    ]


def test_real_set(real_set):
    builder = real_set("folk_abc")
    # Characters of the files: the tunes', and a blank line between two of them.
    for split, size in {"train": 362_294, "validation": 39_937, "test": 42_759}.items():
        tunes = [row["tune"].decode() for row in read_rows(builder, split)]
        assert all(tune.startswith("X:") and "\nK:" in tune for tune in tunes)
        assert sum(map(len, tunes)) + len(tunes) - 1 == size


def test_a_tune_is_what_follows_its_number_without_blank_lines(tmp_path):
    path = tmp_path / "book.abc"
    path.write_text("\nX: 2\nT:A \n\nGABc|\\\n d|\t\n\n\nX:1\nT:X: 5\n")
    assert read_tunes(path) == {2: "X: 2\nT:A\nGABc|\\\n d|\n", 1: "X:1\nT:X: 5\n"}


@pytest.mark.parametrize("text", ["X: none\n", "X: 1\nT:\xe9\n", "X: 2\nT:A\n"])
def test_a_book_that_is_damaged_or_lacks_a_tune_is_named(tmp_path, monkeypatch, text):
    books = {f"{book}.abc": tmp_path / f"{book}.abc" for book in folk_abc.BOOKS}
    for path in books.values():
        path.write_bytes(b"X: 1\nT:A\n")
    books["slip.abc"].write_text(text, "latin-1")
    wanted = {"train": [("xmas", 1), ("slip", 1)]}
    monkeypatch.setattr(FolkAbc, "tunes_of_splits", lambda: wanted)
    with pytest.raises(UserError, match="slip.abc: damaged, or not laid out"):
        FolkAbc.convert(books, tmp_path)


def test_every_tune_has_one_split():
    splits = FolkAbc.tunes_of_splits()
    assert {split: len(tunes) for split, tunes in splits.items()} == FolkAbc.ROWS
    tunes = sum(splits.values(), [])
    assert len(set(tunes)) == len(tunes)
    assert {book for book, _ in tunes} == set(folk_abc.BOOKS)


def test_the_splits_are_those_of_the_local_copy(real_folder):
    with (real_folder("folk_abc") / "index.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for split, tunes in FolkAbc.tunes_of_splits().items():
        listed = [row for row in rows if row["split"] == split.removesuffix("ation")]
        listed.sort(key=lambda row: int(row["position"]))
        assert tunes == [(row["file"], int(row["x"])) for row in listed]


def test_books_of_the_local_tunes_are_parted_as_they_were(real_folder, tmp_path):
    """The tunes sorted into books, and made into the same files again."""
    folder = real_folder("folk_abc")
    books = {f"{book}.abc": tmp_path / f"{book}.abc" for book in folk_abc.BOOKS}
    for split, wanted in FolkAbc.tunes_of_splits().items():
        content = gzip.decompress((folder / folk_abc.FILES[split]).read_bytes())
        tunes = content.decode().removesuffix("\n").split("\n\n")
        for (book, _), tune in zip(wanted, tunes, strict=True):
            with books[f"{book}.abc"].open("a", encoding="utf-8") as file:
                file.write(f"\n{tune} \n\n")
    FolkAbc.convert(books, tmp_path)
    made = {file: content_sha256(tmp_path / file) for file in FolkAbc.CONTENT}
    assert made == FolkAbc.CONTENT
