import hashlib

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.prepared import read_rows

# Of the unpacked texts: the usual copies' MD5, and tokens with the ends of sentences.
REAL = {
    "train": ("f26c4b92c5fdc7b3f8c7cdcb991d8420", 929_589, 45_020),
    "validation": ("aa0affc06ff7c36e977d7cd49e3839bf", 73_760, 3_485),
    "test": ("8b80168b89c18661a38ef683c0dc3721", 82_430, 4_794),
}


def test_sentences_come_in_order_and_without_outer_spaces(fake_set):
    builder = catalogue.builder("ptb", str(fake_set("ptb")))
    rows = list(read_rows(builder, "test"))
    assert [row["text"] for row in rows] == [
        b"the test fell N <unk> %d" % row for row in range(3)
    ]


def test_real_set(real_set):
    builder = real_set("ptb")
    known = set()
    for split, (md5, tokens, unknown) in REAL.items():
        lines = [row["text"].decode() for row in read_rows(builder, split)]
        text = "".join(f" {line} \n" for line in lines)
        assert hashlib.md5(text.encode()).hexdigest() == md5
        words = text.split()
        assert len(words) + len(lines) == tokens
        assert words.count("<unk>") == unknown
        known = known or set(words)
        assert set(words) <= known
    assert len(known) == 9_999
