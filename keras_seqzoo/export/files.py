"""Where an export goes: checked before the work, in place only after it."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

from keras_seqzoo.errors import UserError
from keras_seqzoo.export.report import ExportError

FORMATS = {".tflite": "tflite", ".onnx": "onnx", "": "saved_model"}


def format_of(path: str | os.PathLike) -> str:
    """The format a path asks for: "tflite", "onnx" or "saved_model"."""
    text = os.fspath(path)
    if not isinstance(text, str) or not text:
        raise UserError(f"path must be a file or folder name. Received: path={path!r}")
    is_folder = text.endswith(("/", os.sep))
    suffix = "" if is_folder else pathlib.Path(text).suffix
    if suffix not in FORMATS:
        raise UserError(
            "path must end in .tflite or .onnx, or be a folder without a suffix "
            f"for a SavedModel. Received: path={text!r}"
        )
    return FORMATS[suffix]


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """Yields a path to write to, and moves what is there to `path` at the end.

    After any failure, Ctrl-C too, nothing new is left and an older file at `path` is
    as it was.

    Raises:
        UserError: if nothing can be written there.
        ExportError: if writing failed later, say on a full disk.
    """
    is_folder = format_of(path) == "saved_model"
    path = pathlib.Path(path)
    parent = path.absolute().parent
    if is_folder and path.exists() and not _replaceable(path):
        raise UserError(
            "path must be a new or empty folder, or a SavedModel to replace. "
            f"Received: path={str(path)!r}"
        )
    if not is_folder and path.is_dir():
        raise UserError(f"path must be a file's. Received: the folder {str(path)!r}")
    try:
        # A sibling, so that moving it is one step on the same disk.
        workplace = tempfile.mkdtemp(dir=parent, prefix=f".{path.name}.")
    except OSError as error:
        raise UserError(
            f"path must be in a folder that can be written: {error.strerror}. "
            f"Received: path={str(path)!r}"
        ) from None
    try:
        new, old = (pathlib.Path(workplace, name) for name in ("new", "old"))
        yield new
        if path.is_dir():
            os.replace(path, old)
        os.replace(new, path)
    except OSError as error:
        raise ExportError(f"{path} could not be written: {error}") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def size(path: pathlib.Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    if path.is_dir():
        return sum(f.stat().st_size for f in path.rglob("*") if f.is_file())
    return path.stat().st_size


def _replaceable(path):
    if not path.is_dir():
        return False
    return (path / "saved_model.pb").exists() or not any(path.iterdir())
