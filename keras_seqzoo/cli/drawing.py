"""The file that `seqzoo predict` draws into."""

import contextlib
import functools
import io
import os
import pathlib
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import click

from keras_seqzoo.errors import UserError

# Fonts with Chinese characters, of which a machine has one or none.
CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Heiti SC",
    "Arial Unicode MS",
    "Microsoft YaHei",
    "SimHei",
)


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


@functools.cache
def fonts() -> list[str]:
    """The family of fonts to write words in, Chinese ones too."""
    from matplotlib import font_manager

    known = set(font_manager.get_font_names())
    return ["DejaVu Sans", *(font for font in CHINESE_FONTS if font in known)]


@contextlib.contextmanager
def noting_missing_fonts() -> Iterator[None]:
    """While open, text is drawn; afterwards says if a character had no font."""
    with warnings.catch_warnings(record=True) as raised:
        warnings.simplefilter("always")
        yield
    if any("missing from font" in str(one.message) for one in raised):
        click.echo(
            "This machine has no font with some of the words' characters: they are "
            "drawn as boxes.",
            err=True,
        )
