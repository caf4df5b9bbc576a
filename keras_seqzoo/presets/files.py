"""The files of a preset folder or zip, read only if every checksum is right."""

import hashlib
import json
import lzma
import re
import zipfile
import zlib
from pathlib import Path, PurePosixPath
from typing import Any

from keras_seqzoo.errors import PresetError

CHECKSUMS = "sha256.json"
FILE_NAME = re.compile(r"\w[\w.-]*", re.ASCII)
SIZE_LIMIT = 200 * 2**20  # bytes of a preset


def checked_files(path: Path) -> dict[str, bytes]:
    """The files of a preset folder, or of a zip file of one, by name.

    Raises:
        PresetError: if a file is missing, damaged or foreign; the message names it.
    """
    if path.is_dir():
        files = _folder_files(path)
    elif path.is_file():
        files = _zip_files(path)
    else:
        raise PresetError(f"{path}: there is no such preset folder or zip file.")
    checksums = json_object(path, CHECKSUMS, files)
    if not checksums:
        raise PresetError(f"{path / CHECKSUMS}: names no file.")
    for name in sorted(set(files) - set(checksums) - {CHECKSUMS}):
        raise PresetError(f"{path}: the file {name!r} is not part of the preset.")
    for name, expected in checksums.items():
        if not FILE_NAME.fullmatch(name):
            raise PresetError(f"{path / CHECKSUMS}: {name!r} is not a file name.")
        if name not in files:
            raise PresetError(f"{path / name}: the file is missing.")
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise PresetError(f"{path / name}: the file is damaged (wrong sha256).")
    return files


def text_of(path: Path, name: str, files: dict[str, bytes]) -> str:
    """The text of one of the files of the preset at `path`.

    Raises:
        PresetError: if it is not UTF-8.
    """
    try:
        return files[name].decode()
    except UnicodeDecodeError as error:
        raise PresetError(f"{path / name}: not UTF-8 text.") from error


def json_object(path: Path, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    """The JSON object in one of the files of the preset at `path`.

    Raises:
        PresetError: if it is missing or holds something else.
    """
    if name not in files:
        raise PresetError(f"{path / name}: the file is missing.")
    try:
        value = json.loads(text_of(path, name, files), parse_constant=_not_json)
    except PresetError:
        raise
    except (ValueError, RecursionError) as error:
        raise PresetError(f"{path / name}: not JSON.") from error
    if not isinstance(value, dict):
        raise PresetError(f"{path / name}: must be a JSON object.")
    return value


def _not_json(constant: str) -> None:
    """Python reads NaN and Infinity, which JSON has not."""
    raise ValueError(constant)


def _folder_files(folder: Path) -> dict[str, bytes]:
    if not (folder / CHECKSUMS).is_file():
        raise PresetError(f"{folder / CHECKSUMS}: the file is missing.")
    files, size = {}, 0
    try:
        for path in sorted(folder.iterdir()):
            if path.is_symlink() or not path.is_file():
                raise PresetError(
                    f"{folder}: {path.name!r} is not a plain file, and a preset holds "
                    "plain files only."
                )
            size += path.stat().st_size
            _check_size(folder, path.name, size)
            files[path.name] = path.read_bytes()
    except OSError as error:
        raise PresetError(
            f"{error.filename or folder}: cannot be read: {error.strerror}."
        ) from error
    return files


def _zip_files(path: Path) -> dict[str, bytes]:
    """The files of a zip, at its top or in one folder; nothing is unpacked."""
    files, size, places = {}, 0, set()
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                name = PurePosixPath(entry.filename)
                places.add(name.parts[:-1])
                if (
                    name.is_absolute()
                    or ".." in name.parts
                    or len(name.parts) > 2
                    or len(places) > 1
                ):
                    raise PresetError(f"{path}: {entry.filename!r} is out of place.")
                # No more than the size stated is ever unpacked.
                size += entry.file_size
                _check_size(path, entry.filename, size)
                if name.name in files:
                    raise PresetError(f"{path}: {name.name!r} is there twice.")
                files[name.name] = archive.read(entry)
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        RuntimeError,
        OSError,
        EOFError,
        UnicodeDecodeError,
    ) as error:
        raise PresetError(f"{path}: not a readable zip file.") from error
    return files


def _check_size(path: Path, name: str, size: int) -> None:
    if size > SIZE_LIMIT:
        raise PresetError(
            f"{path}: with {name!r} the preset is larger than {SIZE_LIMIT // 2**20} MB."
        )
