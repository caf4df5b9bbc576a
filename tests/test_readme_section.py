"""The sections of README.md that tools write."""

import json

import pytest
from readme_section import (
    check_section,
    markers,
    pretrained,
    replace_section,
    write_section,
)


def test_only_the_part_between_the_markers_changes(tmp_path, capsys):
    begin, end = markers("cell table")
    readme = tmp_path / "README.md"
    other = "\n".join(markers("bench table"))
    text = f"before\n{begin}\nold\n{end}\nbetween\n{other}\nafter\n"
    readme.write_text(text)
    assert check_section(readme, "cell table", "new") == 1
    assert capsys.readouterr().out == "README.md: run tools/cell_table.py\n"
    write_section(readme, "cell table", "new")
    assert readme.read_text() == text.replace("old", "new")
    assert check_section(readme, "cell table", "new") == 0
    assert capsys.readouterr().out == "up to date\n"


@pytest.mark.parametrize("text", ["", *markers("a"), "\n".join(markers("b"))])
def test_markers_are_needed(text):
    with pytest.raises(SystemExit, match="must hold <!-- a: begin -->"):
        replace_section(text, "a", "new")


def test_a_table_that_lacks_a_tag_is_not_up_to_date(tmp_path, capsys):
    readme = tmp_path / "README.md"
    readme.write_text("\n".join(markers("speech table")) + "\n")
    write_section(readme, "speech table", "rows")
    assert check_section(readme, "speech table", "rows", ["a.x", "b.y"]) == 1
    assert capsys.readouterr().out == (
        "No row of a.x b.y: run tools/speech_table.py --measure DATA a.x b.y\n"
    )


def test_tags_are_found_by_their_metric(tmp_path):
    for tag, metric in (("b.y", "wer"), ("a.x", "wer"), ("c.z", "bleu")):
        (tmp_path / tag).mkdir()
        config = {"metadata": {"tag": tag, "metric": metric}}
        (tmp_path / tag / "config.json").write_text(json.dumps(config))
    assert pretrained("wer", tmp_path) == ["a.x", "b.y"]
    assert pretrained("bleu4", tmp_path) == []
