"""The file that `seqzoo predict` draws into."""

import io
import os
import pathlib
from collections.abc import Sequence
from typing import Any

from keras_seqzoo.errors import UserError


def check_drawing(path: str, inputs: Sequence[str], kind: str) -> None:
    """Raises UserError if a drawing of one input cannot be made into a file.

    Now, not after the work.

    Args:
        path: The drawing's file.
        inputs: Of which there must be one.
        kind: What they are, in the plural.
    """
    if len(inputs) > 1:
        raise UserError(
            f"--output must be for one INPUT. Received: {len(inputs)} {kind}"
        )
    if pathlib.Path(path).suffix.lower() not in (".png", ".pdf", ".svg"):
        raise UserError(f"--output must end in .png, .pdf or .svg. Received: {path}")
    folder = pathlib.Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(f"--output must be in a folder that can be written: {path}")
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise UserError(
            "--output needs matplotlib: pip install 'keras_seqzoo[plots]'"
        ) from error


def write_drawing(figure: Any, path: str) -> None:
    """Writes matplotlib's figure; the file's suffix is the format."""
    content = io.BytesIO()
    figure.savefig(content, format=pathlib.Path(path).suffix[1:].lower())
    pathlib.Path(path).write_bytes(content.getvalue())
