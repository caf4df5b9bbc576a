import collections
import gzip

import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_three_languages_with_plain_spaces(fake_set):
    builder = catalogue.builder("multi30k", str(fake_set("multi30k")))
    assert list(read_rows(builder, "validation")) == [
        {code: f"{code} {row} end".encode() for code in ("en", "de", "fr")}
        for row in range(2)
    ]


def test_languages_must_be_as_long(fake_set):
    short = gzip.compress(b"ein Satz\n")
    folder = fake_set("multi30k", **{"raw/val.de.gz": short})
    with pytest.raises(UserError, match="val.de.gz: expected 2 lines.* Received: 1"):
        catalogue.builder("multi30k", str(folder))


def test_real_set(real_set):
    builder = real_set("multi30k")
    english = {}
    for split, rows in (("train", 29000), ("validation", 1014), ("test", 1000)):
        columns = collections.defaultdict(list)
        for batch in builder.as_dataset(split=split, batch_size=1000):
            for code, texts in batch.items():
                columns[code] += [text.decode() for text in texts.numpy()]
        assert sorted(columns) == ["de", "en", "fr"]
        for texts in columns.values():
            assert len(texts) == rows
            assert all(text == " ".join(text.split()) != "" for text in texts)
        english[split] = columns["en"]
    counts = collections.Counter(english["train"])
    assert sum(count - 1 for count in counts.values()) == 9
    assert sum(text in counts for text in english["validation"]) == 1
    assert not set(english["test"]) & set(counts)
