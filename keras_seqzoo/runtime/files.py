"""Model files with what is known about them inside, read without TensorFlow.

The metadata is a few named texts: `seqzoo.json`, which says what the file is and
takes, and for a zoo model its vocabulary, labels and card. A TFLite file carries them
as a zip archive behind its last byte, where interpreters do not look; an ONNX file as
its `metadata_props`, which stand last in it. One more text, `sha256`, is the checksum
of all the others and of the model, so that no runtime is ever given a damaged one.
"""

import dataclasses
import hashlib
import io
import json
import pathlib
import zipfile
from collections.abc import Iterator
from typing import Any

from keras_seqzoo.errors import UserError

FORMAT = 1
DESCRIPTION, CARD, CHECKSUM = "seqzoo.json", "README.md", "sha256"

TFLITE_IDENTIFIER = b"TFL3"  # a flatbuffer's, from its byte 4 on
_ONNX_METADATA = 14  # the field `metadata_props` of ONNX's ModelProto


@dataclasses.dataclass(frozen=True)
class ModelFile:
    """A model file's content, checked.

    Attributes:
        path: where it is.
        content: the model, without the metadata.
        description: what `seqzoo.json` holds.
        texts: the metadata's other texts by name.
    """

    path: str
    content: bytes
    description: dict[str, Any]
    texts: dict[str, str]

    def lines(self, name: str) -> list[str]:
        """The lines of a text; none if it is not there."""
        return self.texts.get(name, "").split("\n")[:-1]


def read_model_file(path: pathlib.Path) -> ModelFile:
    """Reads and checks a TFLite or ONNX file that `seqzoo.export` wrote.

    Raises:
        UserError: if it cannot be read, is damaged, or was not written by it.
    """
    try:
        data = path.read_bytes()
    except (OSError, ValueError) as error:  # of a NUL in the name, the latter
        reason = getattr(error, "strerror", error)
        raise UserError(f"{path} cannot be read: {reason}.") from None
    if path.suffix == ".tflite" and data[4:8] != TFLITE_IDENTIFIER:
        raise UserError(f"{path} is not a TFLite file.")
    read = _archive if path.suffix == ".tflite" else _properties
    try:
        content_size, texts = read(data)
        checksum = texts.pop(CHECKSUM)
        description = json.loads(texts[DESCRIPTION])
    # What a damaged archive, message or JSON text can raise has no end.
    except Exception as error:
        raise UserError(
            f"{path} is damaged, or was not written by seqzoo.export: it has no "
            "readable seqzoo metadata."
        ) from error
    content = data[:content_size]
    if checksum != _checksum(content, texts):
        raise UserError(f"{path} is damaged: its sha256 is not what it should be.")
    form = description.get("format") if isinstance(description, dict) else None
    if form != FORMAT:
        raise UserError(
            f"{path} must have metadata of format {FORMAT}. Received: format={form!r}"
        )
    return ModelFile(str(path), content, description, texts)


def with_metadata(
    content: bytes, suffix: str, description: dict, texts: dict[str, str]
) -> bytes:
    """A TFLite or ONNX file's bytes with the metadata; the same each time."""
    texts = {DESCRIPTION: as_json(description), **texts}
    texts[CHECKSUM] = _checksum(content, texts)
    return (_zipped if suffix == ".tflite" else _as_properties)(content, texts)


def as_json(description: dict) -> str:
    """The description as the text it is kept as."""
    return json.dumps(description, sort_keys=True, ensure_ascii=False) + "\n"


def _checksum(content, texts):
    """sha256 of the model and then of each text's name and text, ended by NULs."""
    found = hashlib.sha256(content)
    for name, text in texts.items():
        found.update(f"{name}\0{text}\0".encode())
    return found.hexdigest()


# TFLite: a zip archive behind the flatbuffer.


def _archive(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = archive.infolist()
        texts = {entry.filename: archive.read(entry).decode() for entry in entries}
        return min(entry.header_offset for entry in entries), texts


def _zipped(content, texts):
    file = io.BytesIO(content)
    # Appending makes the archive's offsets those of the whole file.
    with zipfile.ZipFile(file, "a") as archive:
        for name, text in texts.items():
            # The time of the zip format's beginning, and not today's.
            archive.writestr(zipfile.ZipInfo(name), text)
    return file.getvalue()


# ONNX: a protobuf message, whose fields may be written in any order.


def _properties(data):
    texts, first = {}, None
    for number, start, value in _fields(data):
        if number == _ONNX_METADATA:
            first = start if first is None else first
            key, text = (bytes(part).decode() for _, _, part in _fields(value))
            texts[key] = text
        elif first is not None:
            raise ValueError("fields after the metadata")
    return first, texts


def _as_properties(content, texts):
    def field(number, value):
        return _as_varint(number << 3 | 2) + _as_varint(len(value)) + value

    return content + b"".join(
        field(_ONNX_METADATA, field(1, name.encode()) + field(2, text.encode()))
        for name, text in texts.items()
    )


def _fields(message) -> Iterator[tuple[int, int, Any]]:
    """(number, position, value) of each field of a protobuf message."""
    message, at = memoryview(message), 0
    while at < len(message):
        start = at
        key, at = _varint(message, at)
        kind = key & 7
        if kind == 0:
            value, at = _varint(message, at)
        elif kind in (1, 2, 5):
            size, at = _varint(message, at) if kind == 2 else ({1: 8, 5: 4}[kind], at)
            value, at = message[at : at + size], at + size
        else:
            raise ValueError(f"wire type {kind}")
        if at > len(message):
            raise ValueError("a field goes beyond the end")
        yield key >> 3, start, value


def _varint(message, at):
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _as_varint(value):
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])
