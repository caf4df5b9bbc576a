import gzip

import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_pairs_with_their_attribution(fake_set):
    builder = catalogue.builder("tatoeba_en_zh", str(fake_set("tatoeba_en_zh")))
    assert list(read_rows(builder, "validation")) == [
        {
            "en": f"Sentence {row}.".encode(),
            "zh": f"第{row} 句。".encode(),
            "attribution": f"CC-BY #{row}".encode(),
        }
        for row in range(2)
    ]


def test_a_row_without_its_columns_is_damage(fake_set):
    bad = gzip.compress("One.\t一。\n".encode())
    folder = fake_set("tatoeba_en_zh", **{"dev.tsv.gz": bad})
    with pytest.raises(UserError, match="dev.tsv.gz: damaged"):
        catalogue.builder("tatoeba_en_zh", str(folder))


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
