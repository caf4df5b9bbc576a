"""The table of the captioners."""

import caption_table

from keras_seqzoo.training.tasks.captioning import Captioning


def test_a_row_for_each_search_and_each_published_model():
    found = {
        "encoder": {"pictures": 100, "same": 93},
        "tags": {
            "lstm_tell.x": {
                "cell": "lstm",
                "parameters": 1234,
                "beams": 3,
                "beam": [60.0, 40.0, 26.5, 17.25],
                "greedy": [58.0, 38.0, 25.0, 15.0],
            }
        },
    }
    lines = caption_table.table(found).splitlines()
    assert lines[2] == (
        "| lstm_tell.x | 800 | beam 3 | 60.00 | 40.00 | 26.50 | 17.25 | 1,234 |"
    )
    assert lines[3].startswith("| lstm_tell.x | 800 | greedy | 58.00 |")
    assert len(lines) == 4 + len(caption_table.PUBLISHED) + 2
    assert "for 93 of 100 test pictures" in lines[-1]


def test_a_pretrained_tag_without_a_row_is_named(monkeypatch):
    assert caption_table.METRIC == Captioning.METRIC
    tags = {"bleu4": ["a.x", "b.y"]}
    monkeypatch.setattr(caption_table, "pretrained", tags.get)
    assert caption_table.without_row({"tags": {"a.x": {}}}) == ["b.y"]
