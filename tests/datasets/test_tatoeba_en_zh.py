import gzip
import hashlib
import random

import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.files import content_sha256
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.datasets.tatoeba_en_zh import (
    FILES,
    TatoebaEnZh,
    groups,
    key,
    split_of_pairs,
)
from keras_seqzoo.errors import UserError


def test_pairs_with_their_attribution(fake_set):
    builder = catalogue.builder("tatoeba_en_zh", str(fake_set("tatoeba_en_zh")))
    assert list(read_rows(builder, "validation")) == [
        {
            "en": f"Sentence {row}.".encode(),
            "zh": f"第{row} 句。".encode(),
            "attribution": f"CC-BY #{row}".encode(),
        }
        for row in (0, 4)
    ]


def test_a_row_without_its_columns_is_damage(fake_set):
    bad = gzip.compress("One.\t一。\n".encode())
    folder = fake_set("tatoeba_en_zh", **{"dev.tsv.gz": bad})
    with pytest.raises(UserError, match="dev.tsv.gz: damaged"):
        catalogue.builder("tatoeba_en_zh", str(folder))


def test_a_key_is_letters_digits_and_chinese_characters():
    assert key("Ｈe's 3 metres\tfrom Straße_9, é!") == "hes3metresfromstrasse9é"
    assert key("“你好，\u3000ＡＢ１。”") == "你好ab1"


def groups_by_merging(keys):
    """One pair after the other joins the groups that it shares a key with."""
    found = []
    for number, (english, chinese) in enumerate(keys):
        own = {number}
        for group in list(found):
            if any(english == keys[n][0] or chinese == keys[n][1] for n in group):
                own |= group
                found.remove(group)
        found.append(own)
    return found


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_those_of_merging(seed):
    chance = random.Random(seed)
    # Of the same words in both languages, which are not to be taken for one another.
    keys = [tuple(str(chance.randrange(60)) for _ in range(2)) for _ in range(50)]
    found = groups(keys)
    assert sorted(map(sorted, found)) == sorted(map(sorted, groups_by_merging(keys)))


# The SHA-256 of these letters' keys come in this order.
BY_HASH = "supjdnfxcbervwzmokqyhlagit"


def test_a_split_takes_the_next_groups_that_it_has_room_for():
    pairs = [(f"{word}!", str(n)) for n, word in enumerate("suuppp" + "j" + "d" * 11)]
    splits = split_of_pairs(pairs, {"x": 2, "y": 2})
    assert splits == ["x", "y", "y", *["train"] * 3, "x", *["train"] * 11]
    # The order of the pairs is of no account.
    assert split_of_pairs(pairs[::-1], {"x": 2, "y": 2}) == splits[::-1]
    # Eleven pairs are for training, even where there is room; ten are not.
    assert split_of_pairs(pairs, {"x": 50}) == ["x"] * 7 + ["train"] * 11
    assert split_of_pairs(pairs[:-1], {"x": 50}) == ["x"] * 17


def test_the_alphabetically_first_key_gives_a_group_its_place():
    others = [("e", "2"), ("v", "3")]
    both = [("t", "1"), ("b", "1")]  # At "b", before the others, wherever "t" is.
    assert split_of_pairs(both + others, {"x": 2}) == ["x"] * 2 + ["train"] * 2
    both = [("s", "1"), ("a", "1")]  # At "a", after the others, wherever "s" is.
    assert split_of_pairs(both + others, {"x": 2}) == ["train"] * 2 + ["x"] * 2


def test_the_letters_of_these_tests_come_in_that_order():
    digests = [hashlib.sha256(letter.encode()).hexdigest() for letter in BY_HASH]
    assert digests == sorted(digests)


def test_the_public_file_must_be_the_expected_one(tmp_path):
    path = tmp_path / "cmn.txt"
    path.write_text("Hi.\t嗨。\tCC-BY\n", "utf-8")
    with pytest.raises(UserError, match="cmn.txt: not the expected file"):
        TatoebaEnZh.convert({"cmn.txt": path}, tmp_path)


def test_a_public_row_without_its_columns_is_damage(tmp_path, monkeypatch):
    path = tmp_path / "cmn.txt"
    path.write_bytes(b"One.\n")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(TatoebaEnZh, "ORIGINAL_SHA256", digest)
    with pytest.raises(UserError, match="cmn.txt: damaged, or not laid out"):
        TatoebaEnZh.convert({"cmn.txt": path}, tmp_path)


def test_the_rule_gives_the_local_splits(real_folder, tmp_path, monkeypatch):
    """All local rows, with 100 of them twice: those held out are not among them."""
    folder, path = real_folder("tatoeba_en_zh"), tmp_path / "cmn.txt"
    texts = [gzip.decompress((folder / file).read_bytes()) for file in FILES.values()]
    doubles = b"".join(texts[0].splitlines(keepends=True)[:100])
    path.write_bytes(b"".join([*texts, doubles]))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(TatoebaEnZh, "ORIGINAL_SHA256", digest)
    monkeypatch.setattr(TatoebaEnZh, "HELD_OUT", 0)
    TatoebaEnZh.convert({"cmn.txt": path}, tmp_path)
    made = {file: content_sha256(tmp_path / file) for file in TatoebaEnZh.CONTENT}
    assert made == TatoebaEnZh.CONTENT


def test_real_set(real_set):
    builder = real_set("tatoeba_en_zh")
    seen = {}
    for split, rows in (("train", 26555), ("validation", 1000), ("test", 1000)):
        found = list(read_rows(builder, split))
        assert len(found) == rows
        assert all(row["en"] and row["zh"] and row["attribution"] for row in found)
        seen[split] = {row["en"] for row in found}, {row["zh"] for row in found}
    assert [*map(len, seen["train"])] == [25296, 23338]
    for column in range(2):
        assert not seen["train"][column] & seen["test"][column]
        assert not seen["train"][column] & seen["validation"][column]
