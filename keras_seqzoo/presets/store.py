"""Preset folders on disk: written whole, read only if every checksum is right."""

import dataclasses
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import int8_weights, remote
from keras_seqzoo.presets.files import (
    CHECKSUMS,
    FILE_NAME,
    checked_files,
    json_object,
    text_of,
)

FORMAT = 1
CONFIG, WEIGHTS, CARD = "config.json", "weights.safetensors", "README.md"
PICTURE = "training.png"


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
    """Where the preset `architecture.tag` is: shipped, or fetched; or None.

    Raises:
        AbsentError: if it is neither shipped nor at the URL base that is set.
    """
    if name in shipped():
        return Path(__file__).parent / name
    return remote.fetch(name) if "." in name else None


def write(
    folder: str | os.PathLike,
    config: dict[str, Any],
    weights: dict[str, np.ndarray],
    assets: dict[str, list[str]],
    card: str,
    picture: bytes | None = None,
) -> None:
    """Write a preset folder, or a zip file of one; it is there whole or not at all.

    Args:
        folder: Where to; a zip file if it ends in ".zip". A preset that is there
            already is replaced, unless files of others are in its folder.
        config: JSON-able; "format" and "assets" are added.
        weights: Arrays by name.
        assets: Lists of strings by name, each kept in `<name>.txt`, one a line.
        card: The model card, Markdown.
        picture: The card's picture of the training, PNG.

    Raises:
        UserError: if the folder holds something else or cannot be written.
    """
    folder = Path(folder).resolve()
    _check_replaceable(folder)
    for key, lines in assets.items():
        if any("\n" in line for line in lines):
            raise UserError(f"An entry of `{key}` has a line break in it.")
    names = {key: f"{key}.txt" for key in assets}
    config = {"format": FORMAT, **config, "assets": names}
    try:
        text = json.dumps(config, indent=2, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise UserError(f"The config or metadata is not JSON: {error}.") from error
    # safetensors writes other than contiguous arrays with their values displaced.
    weights = {name: np.asarray(array, order="C") for name, array in weights.items()}
    files = {
        CONFIG: text.encode() + b"\n",
        WEIGHTS: safetensors.numpy.save(weights),
        CARD: card.encode(),
        **{
            names[key]: "".join(f"{line}\n" for line in lines).encode()
            for key, lines in assets.items()
        },
    }
    if picture is not None:
        files[PICTURE] = picture
    checksums = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    files[CHECKSUMS] = json.dumps(checksums, indent=2).encode() + b"\n"
    workplace = _workplace(folder)
    new, old = workplace / "new", workplace / "old"
    try:
        new.mkdir()
        for name, data in files.items():
            (new / name).write_bytes(data)
        if folder.suffix == ".zip":
            new = _zipped(new)
        if folder.exists():
            folder.rename(old)
        try:
            new.rename(folder)
        except OSError:
            if old.exists():
                old.rename(folder)
            raise
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from error
    finally:
        shutil.rmtree(workplace, ignore_errors=True)


def _zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.iterdir()):
            archive.write(file, file.name)
    return path


def read(source: str | os.PathLike) -> Preset:
    """Read and check a preset folder, or a zip file of one.

    Nothing in it is executed. All its files together are at most 200 MB.

    Raises:
        PresetError: if a file is missing, damaged or foreign; the message names it.
    """
    path = Path(source)
    if path.suffix in (".tflite", ".onnx") and path.is_file():
        raise _exported(path, "seqzoo.runtime.load")
    if (path / "saved_model.pb").is_file():
        raise _exported(path, "tf.saved_model.load")
    files = checked_files(path)
    config = json_object(path, CONFIG, files)
    if config.get("format") != FORMAT:
        raise PresetError(
            f"{path / CONFIG}: `format` must be {FORMAT}. "
            f"Received: format={config.get('format')!r}"
        )
    config.setdefault("metadata", {})
    for key, kind, words in (
        ("architecture", str, "a string"),
        ("config", dict, "an object"),
        ("assets", dict, "an object"),
        ("metadata", dict, "an object"),
    ):
        if not isinstance(config.get(key), kind):
            raise PresetError(f"{path / CONFIG}: `{key}` must be {words}.")
    if WEIGHTS not in files:
        raise PresetError(f"{path / WEIGHTS}: the file is missing.")
    try:
        weights = int8_weights.unpacked(safetensors.numpy.load(files[WEIGHTS]))
    except (safetensors.SafetensorError, ValueError, KeyError) as error:
        # KeyError: a dtype that NumPy lacks.
        raise PresetError(
            f"{path / WEIGHTS}: not a safetensors file that NumPy can read."
        ) from error
    assets = {}
    for key, name in config["assets"].items():
        if not isinstance(name, str) or not FILE_NAME.fullmatch(name):
            raise PresetError(f"{path / CONFIG}: {name!r} is not a file name.")
        if name not in files:
            raise PresetError(f"{path / name}: the file is missing.")
        text = text_of(path, name, files)
        assets[key] = text.removesuffix("\n").split("\n") if text else []
    parts = {CHECKSUMS, CONFIG, WEIGHTS, CARD, PICTURE, *config["assets"].values()}
    for name in sorted(set(files) - parts):
        raise PresetError(f"{path}: the file {name!r} is not part of a preset.")
    card = text_of(path, CARD, files) if CARD in files else ""
    return Preset(str(path), config, weights, assets, card)


def weights_sha256(folder: str | os.PathLike) -> str:
    """The checksum of a preset's weights, as its list of checksums has it."""
    return json.loads((Path(folder) / CHECKSUMS).read_text("utf-8"))[WEIGHTS]


def check_writable(folder: str | os.PathLike) -> None:
    """Raise UserError if `write` could not put a preset there; makes its parents."""
    folder = Path(folder).resolve()
    _check_replaceable(folder)
    _workplace(folder).rmdir()


def _exported(path: Path, function: str) -> PresetError:
    return PresetError(
        f"{path} is an exported model, not a preset: run it with {function}, or give "
        "the preset that it was exported from."
    )


def _workplace(folder: Path) -> Path:
    """A new empty folder beside `folder`, on the same disk."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=".preset-", dir=folder.parent))
    except OSError as error:
        raise UserError(f"{folder} cannot be written: {error.strerror}.") from error


def _check_replaceable(folder: Path) -> None:
    """Raise if `folder` is there and holds anything but one preset's files."""
    if not folder.exists():
        return
    if folder.is_file():
        try:
            read(folder)
        except PresetError as error:
            raise UserError(f"{folder} is no preset, and is left as it is.") from error
        return
    try:
        others = {path.name for path in folder.iterdir()}
        if CHECKSUMS in others:
            others -= {CHECKSUMS, *json.loads((folder / CHECKSUMS).read_bytes())}
    except (OSError, ValueError, TypeError, RecursionError):
        others = {folder.name}
    if others:
        raise UserError(
            f"{folder} holds something that is not a preset's, and is left as it is: "
            f"{min(others)!r}."
        )
