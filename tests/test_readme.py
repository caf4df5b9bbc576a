"""The README's code, run as a newcomer would paste it, from top to bottom."""

import pathlib
import re

README = pathlib.Path(__file__).resolve().parents[1] / "README.md"


def test_the_readme_code_works_as_written(tmp_path, monkeypatch, capsys, recwarn):
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert len(blocks) >= 2
    namespace = {}
    for block in blocks:
        exec(compile(block, str(README), "exec"), namespace)
    printed = capsys.readouterr().out
    assert "B-toloc.city_name" in printed and "november" in printed
    assert (tmp_path / "my_tagger.tflite").exists()
    assert (tmp_path / "mine.tflite").exists()
    assert not [str(w.message) for w in recwarn if w.category is UserWarning]
