"""The sections of README.md that tools write."""

import pytest
from readme_section import check_section, markers, replace_section, write_section


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
