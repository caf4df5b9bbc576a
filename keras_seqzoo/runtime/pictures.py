"""Pictures of any kind as uint8 RGB arrays, with NumPy and Pillow."""

import os
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_seqzoo.errors import UserError, first_line

_KINDS = (
    "uint8 arrays (height, width), or with 1, 3 or 4 channels, Pillow pictures, or "
    "paths of picture files"
)


def pictures_of(images: Any, most: int | None = None) -> list[np.ndarray]:
    """Pictures as uint8 arrays `(height, width, 3)`, RGB.

    Grey is spread over the colours, what is transparent lies on white, a turned
    photograph is set upright, and of an animation the first picture counts.

    Args:
        images: A list of uint8 arrays `(height, width)` or with 1, 3 or 4 channels
            behind, of Pillow pictures, or of paths.
        most: Pixels that a height or width keeps at most: what has more is made
            smaller to just that, whatever its aspect ratio; None keeps all.

    Raises:
        UserError: `images` is no list, or one is no picture; the message names it.
    """
    is_batch = isinstance(images, np.ndarray) and images.ndim == 4
    if not isinstance(images, Sequence) and not is_batch or isinstance(images, str):
        raise UserError(
            f"`images` must be a list of {_KINDS}. Received: a {type(images).__name__}"
        )
    return [picture_of(one, f"images[{i}]", most) for i, one in enumerate(images)]


def picture_of(value: Any, name: str, most: int | None = None) -> np.ndarray:
    """One picture, as `pictures_of`; `name` is what an error calls it.

    Raises:
        UserError: It is no picture.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise UserError("pictures need Pillow: pip install pillow") from error

    if isinstance(value, str | os.PathLike):
        picture = _opened(os.fspath(value))
    elif isinstance(value, Image.Image):
        picture = value
    else:
        picture = _from_array(value, name)
    picture = _rgb(picture)
    if most is not None and max(picture.size) > most:
        size = tuple(min(most, side) for side in picture.size)
        picture = picture.resize(size, Image.Resampling.BILINEAR, reducing_gap=3.0)
    return np.asarray(picture, np.uint8)


def _opened(path: str) -> Any:
    from PIL import Image, ImageOps

    if os.path.isdir(path):
        raise UserError(f"a picture must be a file. Received: the folder {path}")
    if not os.path.exists(path):
        raise UserError(f"a picture must be a file that is there. Received: {path}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of large pictures, and of odd metadata
            with Image.open(path) as picture:
                picture.load()
                return ImageOps.exif_transpose(picture)
    # What a damaged file can make Pillow raise has no end.
    except Exception as error:
        reason = "" if isinstance(error, Image.UnidentifiedImageError) else error
        reason = f" ({first_line(reason)})" if reason else ""
        raise UserError(
            f"{path}: must be a JPEG, PNG or other picture that Pillow reads{reason}"
        ) from error


def _from_array(value: Any, name: str) -> Any:
    from PIL import Image

    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or dtype != np.uint8:
        received = f"a {type(value).__name__}" if dtype is None else f"{dtype} {shape}"
        raise UserError(f"{name} must be of {_KINDS}. Received: {received}")
    array = np.asarray(value)
    channels = array.shape[2] if array.ndim == 3 else 1
    if array.ndim not in (2, 3) or channels not in (1, 3, 4) or 0 in array.shape:
        raise UserError(f"{name} must be of {_KINDS}. Received: uint8 {array.shape}")
    return Image.fromarray(array[..., 0] if array.shape[2:] == (1,) else array)


def _rgb(picture: Any) -> Any:
    from PIL import Image

    if picture.mode.startswith("I;16"):  # which Pillow would cut off at 255
        picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
    if picture.mode in ("LA", "PA", "RGBA", "La", "RGBa") or (
        "transparency" in picture.info
    ):
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return picture.convert("RGB")
