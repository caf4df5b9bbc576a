from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.prepared import read_rows


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
