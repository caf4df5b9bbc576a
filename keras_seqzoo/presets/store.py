"""Preset folders on disk: written whole, read only if every checksum is right."""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import remote

FORMAT = 1
CONFIG, WEIGHTS, CARD, CHECKSUMS = (
    "config.json",
    "weights.safetensors",
    "README.md",
    "sha256.json",
)
SIZE_LIMIT = 200 * 2**20  # bytes of one file


@dataclasses.dataclass(frozen=True)
class Preset:
    """A preset's content, checked."""

    source: str
    config: dict[str, Any]
    weights: dict[str, np.ndarray]
    assets: dict[str, list[str]]
    card: str


def shipped() -> list[str]:
    """Names of the presets in this package."""
    folder = Path(__file__).parent
    return sorted(p.parent.name for p in folder.glob(f"*/{CONFIG}"))


def find(name: str) -> Path | None:
    """Where the preset `architecture.tag` is: shipped, or fetched; or None."""
    if name in shipped():
        return Path(__file__).parent / name
    return remote.fetch(name)


def write(
    folder: str | os.PathLike,
    config: dict[str, Any],
    weights: dict[str, np.ndarray],
    assets: dict[str, list[str]],
    card: str,
) -> None:
    """Write a preset folder; it is there whole or not at all.

    Args:
        folder: Where to. A preset that is there already is replaced.
        config: JSON-able; "format" and "assets" are added.
        weights: Arrays by name.
        assets: Lists of strings by name, each kept in `<name>.txt`, one a line.
        card: The model card, Markdown.

    Raises:
        UserError: if the folder holds something else or cannot be written.
    """
    folder = Path(folder).absolute()
    is_preset = (folder / CHECKSUMS).is_file()
    is_empty = folder.is_dir() and not any(folder.iterdir())
    if folder.exists() and not is_preset and not is_empty:
        raise UserError(f"{folder} holds something that is not a preset.")
    for key, lines in assets.items():
        if any("\n" in line for line in lines):
            raise UserError(f"An entry of `{key}` has a line break in it.")
    names = {key: f"{key}.txt" for key in assets}
    files = {
        CONFIG: json.dumps(
            {"format": FORMAT, **config, "assets": names},
            indent=2,
            ensure_ascii=False,
            allow_nan=False,
        ).encode()
        + b"\n",
        WEIGHTS: safetensors.numpy.save(weights),
        CARD: card.encode(),
        **{
            names[key]: "".join(f"{line}\n" for line in lines).encode()
            for key, lines in assets.items()
        },
    }
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    files[CHECKSUMS] = json.dumps(checksums, indent=2).encode() + b"\n"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=".preset-", dir=folder.parent))
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from error
    try:
        for name, data in files.items():
            (temporary / name).write_bytes(data)
        temporary.chmod(0o755)
        if folder.exists():
            old = Path(tempfile.mkdtemp(prefix=".old-", dir=folder.parent))
            folder.rename(old / folder.name)
            temporary.rename(folder)
            shutil.rmtree(old)
        else:
            temporary.rename(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def read(source: str | os.PathLike) -> Preset:
    """Read and check a preset folder, or a zip file of one.

    Raises:
        PresetError: if a file is missing, damaged or foreign; the message names it.
    """
    path = Path(source)
    if path.is_dir():
        files = _folder_files(path)
    elif path.is_file():
        files = _zip_files(path)
    else:
        raise PresetError(f"{path}: there is no such preset folder or zip file.")
    checksums = _json(path, CHECKSUMS, files)
    for name in sorted(set(files) - set(checksums) - {CHECKSUMS}):
        raise PresetError(f"{path / name}: this file is not part of the preset.")
    for name, expected in checksums.items():
        if name not in files:
            raise PresetError(f"{path / name}: the file is missing.")
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise PresetError(f"{path / name}: the file is damaged (wrong sha256).")
    config = _json(path, CONFIG, files)
    if config.get("format") != FORMAT:
        raise PresetError(
            f"{path / CONFIG}: `format` must be {FORMAT}. "
            f"Received: format={config.get('format')!r}"
        )
    for key, kind in (("architecture", str), ("config", dict), ("assets", dict)):
        if not isinstance(config.get(key), kind):
            raise PresetError(f"{path / CONFIG}: `{key}` must be a {kind.__name__}.")
    if WEIGHTS not in files:
        raise PresetError(f"{path / WEIGHTS}: the file is missing.")
    try:
        weights = safetensors.numpy.load(files[WEIGHTS])
    except (safetensors.SafetensorError, ValueError) as error:
        raise PresetError(f"{path / WEIGHTS}: not a safetensors file.") from error
    assets = {}
    for key, name in config["assets"].items():
        if name not in files:
            raise PresetError(f"{path / str(name)}: the file is missing.")
        assets[key] = _text(path, name, files).split("\n")[:-1]
    card = _text(path, CARD, files) if CARD in files else ""
    return Preset(str(path), config, weights, assets, card)


def _folder_files(folder: Path) -> dict[str, bytes]:
    files = {}
    for path in sorted(folder.iterdir()):
        if path.is_symlink() or not path.is_file():
            raise PresetError(f"{path}: a preset holds plain files only.")
        if path.stat().st_size > SIZE_LIMIT:
            raise PresetError(f"{path}: larger than {SIZE_LIMIT // 2**20} MB.")
        try:
            files[path.name] = path.read_bytes()
        except OSError as error:
            raise PresetError(f"{path}: cannot be read: {error.strerror}.") from error
    return files


def _zip_files(path: Path) -> dict[str, bytes]:
    """The files of a zip, at its top or in one folder; nothing is unpacked."""
    files = {}
    try:
        with zipfile.ZipFile(path) as archive:
            for entry in archive.infolist():
                if entry.is_dir():
                    continue
                name = PurePosixPath(entry.filename)
                if name.is_absolute() or ".." in name.parts or len(name.parts) > 2:
                    raise PresetError(f"{path}: {entry.filename!r} is out of place.")
                if entry.file_size > SIZE_LIMIT:
                    raise PresetError(
                        f"{path}: {entry.filename!r} is larger than "
                        f"{SIZE_LIMIT // 2**20} MB."
                    )
                if name.name in files:
                    raise PresetError(f"{path}: {name.name!r} is there twice.")
                files[name.name] = archive.read(entry)
    except (zipfile.BadZipFile, RuntimeError, OSError, EOFError) as error:
        raise PresetError(f"{path}: not a readable zip file.") from error
    return files


def _text(path: Path, name: str, files: dict[str, bytes]) -> str:
    try:
        return files[name].decode()
    except UnicodeDecodeError as error:
        raise PresetError(f"{path / name}: not UTF-8 text.") from error


def _json(path: Path, name: str, files: dict[str, bytes]) -> dict[str, Any]:
    if name not in files:
        raise PresetError(f"{path / name}: the file is missing.")
    try:
        value = json.loads(_text(path, name, files))
    except ValueError as error:
        raise PresetError(f"{path / name}: not JSON.") from error
    if not isinstance(value, dict):
        raise PresetError(f"{path / name}: must be a JSON object.")
    return value
