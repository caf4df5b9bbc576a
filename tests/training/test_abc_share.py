"""README says how many of the tunes that are made music21 parses."""

import sys
import types

import abc_share
import pytest


def test_readme_is_up_to_date(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["abc_share.py", "--check"])
    assert abc_share.main() == 0, capsys.readouterr().out


def read(notes, error=None):
    """What stands for music21: each text has these notes, or is an error."""

    def parse(text, format):
        assert format == "abc"
        if error:
            raise error
        score = types.SimpleNamespace(notes=notes)
        return types.SimpleNamespace(recurse=lambda: score)

    converter = types.SimpleNamespace(parse=parse)
    return types.SimpleNamespace(converter=converter)


@pytest.mark.parametrize(
    ("music21", "expected"),
    [(read(["C4"]), True), (read([]), False), (read([], ValueError()), False)],
)
def test_a_tune_without_notes_does_not_count(music21, expected, monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", music21)
    assert abc_share.parses("X: 1\nK: C\nC") is expected
