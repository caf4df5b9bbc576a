"""Frames of features in files: NumPy's, and those of CMU Sphinx."""

import os
import struct

import numpy as np

from keras_seqzoo.errors import UserError


def read_frames(path: str | os.PathLike, features: int) -> np.ndarray:
    """Frames `(time, features)`, float32.

    Args:
        path: A .npy file of such an array; or any other, which is taken for Sphinx'
            (.mfc): the number of values, an integer of 32 bits, and the values, floats
            of 32 bits, in either byte order.
        features: Numbers in a frame.

    Raises:
        UserError: There is no such file, or it holds no such frames.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        reason = error.strerror
        raise UserError(f"{path}: cannot be read: {reason}") from error
    if os.fspath(path).endswith(".npy"):
        try:
            frames = np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise UserError(f"{path}: must be a .npy file of numbers") from error
    else:
        frames = _sphinx(content)
        if frames is not None and len(frames) % features == 0:
            frames = frames.reshape(-1, features)
    is_right = frames is not None and frames.ndim == 2 and frames.shape[1] == features
    if not is_right or frames.dtype.kind not in "fiu" or not len(frames):
        found = f"{len(content)} bytes" if frames is None else f"shape {frames.shape}"
        raise UserError(
            f"{path}: must be frames of {features} features, a .npy file or one of CMU "
            f"Sphinx. Received: {found}"
        )
    return frames.astype(np.float32)


def _sphinx(content: bytes) -> np.ndarray | None:
    """The values of a Sphinx file, (values,); None if it is none."""
    for order in (">", "<"):
        if len(content) >= 4:
            (count,) = struct.unpack(f"{order}i", content[:4])
            if len(content) == 4 + 4 * count:
                return np.frombuffer(content[4:], f"{order}f4")
    return None
