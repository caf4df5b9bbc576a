"""Series of measurements from CSV files."""

import csv
import io
import os
import pathlib
from collections.abc import Sequence

import numpy as np

from keras_seqzoo.errors import UserError


def read_series(path: str | os.PathLike, channels: Sequence[str]) -> np.ndarray:
    """The rows of a CSV file as a series; see `parse_series`.

    Raises:
        UserError: The file cannot be read, or as `parse_series`.
    """
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    return parse_series(content, channels, str(path))


def parse_series(content: bytes, channels: Sequence[str], name: str) -> np.ndarray:
    """CSV text as a series.

    The first line may name the columns: then each channel is looked for by its name,
    whatever the case, and other columns are passed over. Without it the columns are the
    channels, in their order, and no others.

    Args:
        content: UTF-8 text, with commas, semicolons or tabs.
        channels: Names of the channels.
        name: Of the file, for messages.

    Returns:
        float32 `(time, channels)`.

    Raises:
        UserError: A column is missing, or is one too many without names; a cell is no
            finite number, or there is no row. The message has file, line and column.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{name}: not a UTF-8 text file") from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter)
    try:
        lines = [(reader.line_num, row) for row in reader if any(map(str.strip, row))]
    except csv.Error as error:
        raise UserError(f"{name}: line {reader.line_num}: not CSV: {error}") from error
    names = list(channels)
    columns = list(range(len(channels)))
    named = lines and not any(map(_is_number, lines[0][1]))
    if named:
        names = [cell.strip().lower() for cell in lines.pop(0)[1]]
        for channel in channels:
            if channel.lower() not in names:
                raise UserError(
                    f"{name}: must have a column {channel!r}. "
                    f"Received: {', '.join(names)}"
                )
        columns = [names.index(channel.lower()) for channel in channels]
    if not lines:
        raise UserError(f"{name}: must have a row of numbers or more. Received: none")
    series = np.empty((len(lines), len(channels)), np.float32)
    for step, (line, row) in enumerate(lines):
        # Without names, which column would be the one too many is not known.
        further = not named and any(map(str.strip, row[len(names) :]))
        if len(row) <= max(columns) or further:
            raise UserError(
                f"{name}: line {line}: must have {len(names)} columns "
                f"({', '.join(names)}). Received: {len(row)}"
            )
        for channel, (label, column) in enumerate(zip(channels, columns)):
            cell = row[column].strip()
            if not _is_number(cell):
                raise UserError(
                    f"{name}: line {line}, column {label}: must be a finite number. "
                    f"Received: {cell!r}"
                )
            series[step, channel] = float(cell)
    return series


def _is_number(cell: str) -> bool:
    try:
        return abs(float(cell)) <= np.finfo(np.float32).max
    except ValueError:
        return False
