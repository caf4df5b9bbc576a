import os

import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.export import files


def export_to(path, whole, step=None, overwrite=True):
    with files.written_whole(path, overwrite) as place:
        place.new.write_text(whole)
        if step is not None:
            place.step.write_text(step)


def contents(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


@pytest.mark.parametrize(
    ("path", "form"),
    [("a.tflite", "tflite"), ("a.onnx", "onnx"), ("v1.0/", "saved_model"), ("a", None)],
)
def test_the_name_says_the_format(path, form):
    assert files.format_of(path) == (form or "saved_model")


@pytest.mark.parametrize(
    "path", ["a.pb", "x.tflite.", ".onnx", "", 3, "a\0.onnx", "a.step.onnx"]
)
def test_other_names_are_refused(path):
    with pytest.raises(UserError, match="Received: path="):
        files.format_of(path)


def test_both_files_of_onnx_are_replaced_together(tmp_path):
    path = tmp_path / "x.onnx"
    export_to(path, "old", "old step")
    assert contents(tmp_path) == {"x.onnx": "old", "x.step.onnx": "old step"}
    export_to(path, "new")  # the old step belonged to the old file
    assert contents(tmp_path) == {"x.onnx": "new"}


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(UserError, match="File name too long"):
        export_to(tmp_path / f"{'x' * 300}.tflite", "new")


def test_what_is_there_stays_without_overwrite(tmp_path):
    path = tmp_path / "x.tflite"
    export_to(path, "old")
    with pytest.raises(UserError, match="exists already"):
        export_to(path, "new", overwrite=False)
    assert contents(tmp_path) == {"x.tflite": "old"}


@pytest.mark.parametrize("error", [OSError("disk"), KeyboardInterrupt()])
@pytest.mark.parametrize("fails_at", range(4))
def test_a_move_that_fails_is_undone(tmp_path, monkeypatch, fails_at, error):
    path = tmp_path / "x.onnx"
    export_to(path, "old", "old step")
    replace, calls = os.replace, []

    def failing(source, target):
        calls.append(target)
        if len(calls) == fails_at + 1:
            raise error
        replace(source, target)

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises((files.ExportError, KeyboardInterrupt)):
        export_to(path, "new", "new step")
    assert contents(tmp_path) == {"x.onnx": "old", "x.step.onnx": "old step"}


def test_a_link_is_written_through(tmp_path):
    link, path = tmp_path / "link.tflite", tmp_path / "there.tflite"
    link.symlink_to(path)
    with pytest.raises(UserError, match="link.tflite exists already"):
        export_to(link, "new", overwrite=False)
    export_to(link, "new")
    assert link.is_symlink() and path.read_text() == "new"
