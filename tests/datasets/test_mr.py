import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.errors import UserError
from keras_seqzoo.training.tasks.sentiment import Review, Sentiment


def test_text_label_and_fold(fake_set):
    folder = str(fake_set("mr"))
    rows = catalogue.rows("mr", "test", folder)
    assert [(row["text"].decode(), row["label"], row["fold"]) for row in rows] == [
        ("bad – film 9", 0, 9),
        ("good film 9", 1, 9),
    ]
    assert [row["fold"] for row in catalogue.rows("mr", "validation", folder)] == [8, 8]
    train = catalogue.rows("mr", "train", folder)
    assert [row["fold"] for row in train] == [n // 2 for n in range(16)]


def test_the_folds_are_splits_of_the_task(fake_set):
    folder = str(fake_set("mr"))
    for number in (3, 8, 9):
        assert Sentiment.read("mr", f"fold{number}", folder) == [
            Review(f"bad – film {number}", "negative"),
            Review(f"good film {number}", "positive"),
        ]
    with pytest.raises(UserError, match="split must be one of .*fold9. .*: 'fold10'"):
        Sentiment.read("mr", "fold10", folder)
    with pytest.raises(UserError, match="split must be one of .*Received: 'fold1'"):
        Sentiment.read("sst2", "fold1", folder)


def test_files_of_unequal_length_are_damaged(fake_set):
    folder = fake_set("mr", **{"rt-polarity.pos": b"good\n"})
    with pytest.raises(UserError, match="rt-polarity.pos: expected 10 lines"):
        catalogue.builder("mr", str(folder))


def test_real_set(real_set):
    builder = real_set("mr")
    lengths, longest = 0, 0
    for split in ("train", "validation", "test"):
        for batch in builder.as_dataset(split=split, batch_size=10_000):
            words = [len(text.split()) for text in batch["text"].numpy()]
            lengths, longest = lengths + sum(words), max(longest, *words)
            assert float(batch["label"].numpy().mean()) == 0.5
    assert longest == 59 and 20.9 < lengths / 10_662 < 21.1
