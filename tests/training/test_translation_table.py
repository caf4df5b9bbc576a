"""The table of the translators."""

import translation_table

from keras_seqzoo.training.tasks.translation import Translation


def test_no_tag_is_no_table():
    assert translation_table.table({}) == "No translator is pretrained yet."


def test_a_row_for_each_tag_and_each_published_model():
    row = {
        "dataset": "multi30k",
        "parameters": 2100081,
        "minutes": "3.2 (GPU)",
        "beams": 4,
        "greedy": 37.0,
        "beam": 38.25,
        "int8": 38.1,
        "int8_bytes": 2_450_000,
        "signature": "nrefs:1|tok:13a",
    }
    other = {**row, "dataset": "tatoeba_en_zh", "signature": "nrefs:1|tok:zh"}
    lines = translation_table.table({"b.zh": other, "a.x": row}).splitlines()
    assert lines[2] == (
        "| a.x | multi30k | 37.00 | 38.25 (4) | 38.10, 2.5 MB | 2,100,081 | 3.2 (GPU) |"
    )
    assert lines[3].startswith("| b.zh | tatoeba_en_zh |")
    published = translation_table.PUBLISHED["multi30k"]
    assert len(lines) == 4 + len(published) + 4
    assert lines[-3] == "Largest loss allowed: in int8, BLEU 0.5: reached by all."
    poor, at_limit = {**row, "int8": 37.74}, {**row, "int8": 37.75}
    text = translation_table.table({"a.x": poor, "c.z": at_limit, "b.y": poor})
    assert "in int8, BLEU 0.5: **missed** by a.x, b.y." in text
    assert (
        "`multi30k`: `nrefs:1|tok:13a`; `tatoeba_en_zh`: `nrefs:1|tok:zh`" in lines[-1]
    )


def test_a_pretrained_tag_without_a_row_is_named(monkeypatch):
    assert translation_table.METRIC == Translation.METRIC
    tags = {"bleu": ["a.x", "b.y"]}
    monkeypatch.setattr(translation_table, "pretrained", tags.get)
    assert translation_table.without_row({"a.x": {}}) == ["b.y"]
