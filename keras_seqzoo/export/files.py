"""Where an export goes: checked before the work, in place only after it."""

import contextlib
import dataclasses
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from keras_seqzoo.errors import UserError
from keras_seqzoo.export.report import ExportError

FORMATS = {".tflite": "tflite", ".onnx": "onnx", "": "saved_model"}


def format_of(path: str | os.PathLike) -> str:
    """The format a path asks for: "tflite", "onnx" or "saved_model".

    A SavedModel's folder has no suffix, or a slash at its end.

    Raises:
        UserError: for another suffix (a dot at the end is one), or no name at all.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str) or not text:
        raise UserError(f"path must be a file or folder name. Received: path={path!r}")
    if "\0" in text or text.endswith(".step.onnx"):
        raise UserError(
            "path must be a name without a NUL that does not end in .step.onnx, as an "
            f"ONNX export's second file. Received: path={text!r}"
        )
    suffix = os.path.splitext(text)[1]
    if suffix not in FORMATS or os.path.basename(text) in (".tflite", ".onnx"):
        raise UserError(
            "path must be a name that ends in .tflite or .onnx, or for a SavedModel a "
            "folder without a suffix or with a slash at its end. "
            f"Received: path={text!r}"
        )
    return FORMATS[suffix]


def step_path(path: str | os.PathLike) -> pathlib.Path:
    """Where the `step` of an ONNX file is: `x.step.onnx` beside `x.onnx`."""
    return pathlib.Path(path).with_suffix(".step.onnx")


@dataclasses.dataclass
class Place:
    """Where to write what moves to its place at the end.

    Attributes:
        new: the file or folder.
        step: the second file of an ONNX export; it need not be written.
    """

    new: pathlib.Path
    step: pathlib.Path

    def clear(self) -> None:
        """Removes what was written so far."""
        shutil.rmtree(self.new, ignore_errors=True)
        for path in (self.new, self.step):
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def written_whole(path: str | os.PathLike, overwrite: bool) -> Iterator[Place]:
    """Yields a place to write to, and moves what is there to `path` at the end.

    After any failure, Ctrl-C too, nothing new is left and what was at `path` is as it
    was.

    Raises:
        UserError: if something is there that may not be replaced, or nothing can be
            written there.
        ExportError: if writing failed later, say on a full disk.
    """
    form, path = format_of(path), pathlib.Path(path)
    try:
        if path.is_symlink():  # what it names is written, and it stays
            _check_free(path, form, overwrite)
            path = pathlib.Path(os.path.realpath(path))
        targets = [path, step_path(path)] if form == "onnx" else [path]
        for target in targets:
            _check_free(target, form, overwrite)
        # A sibling, so that moving it is one step on the same disk.
        parent = path.absolute().parent
        workplace = pathlib.Path(tempfile.mkdtemp(dir=parent, prefix=f".{path.name}."))
    except OSError as error:
        raise UserError(
            f"path must be in a folder that can be written: {error.strerror}. "
            f"Received: path={str(path)!r}"
        ) from None
    try:
        place = Place(workplace / "new", workplace / "step")
        yield place
        _move([place.new, place.step], targets, workplace)
    except OSError as error:
        raise ExportError(f"{path} could not be written: {error}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _check_free(path, form, overwrite):
    """Raises if there is something at a path that may not be replaced."""
    if form == "saved_model":
        is_empty = path.is_dir() and not any(path.iterdir())
        if path.exists() and not is_empty and not (path / "saved_model.pb").exists():
            raise UserError(
                "path must be a new or empty folder, or a SavedModel to replace. "
                f"Received: path={str(path)!r}"
            )
        if is_empty:
            return
    elif path.is_dir():
        raise UserError(f"path must be a file's. Received: the folder {str(path)!r}")
    if os.path.lexists(path) and not overwrite:
        raise UserError(
            f"{path} exists already; it is replaced only if overwrite is asked for."
        )


def _move(news, targets, workplace):
    """Moves what is new to its targets: all of it, or nothing."""
    with contextlib.ExitStack() as undo:
        for number, (new, target) in enumerate(zip(news, targets)):
            # A target for which nothing is new goes too: it belonged to the old one.
            if target.exists():
                old = workplace / f"old_{number}"
                os.replace(target, old)
                undo.callback(os.replace, old, target)
            if new.exists():
                os.replace(new, target)
                undo.callback(os.replace, target, new)
        undo.pop_all()  # all of it is there


def size(path: pathlib.Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    return path.stat().st_size
