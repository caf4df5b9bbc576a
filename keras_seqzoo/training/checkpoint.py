"""Checkpoints that survive being cut short: whole or not there."""

import json
import os
import pathlib
import shutil
import sys
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

from keras_seqzoo.errors import first_line

_DAMAGE = (OSError, KeyError, TypeError, ValueError, EOFError)
KEPT = 2  # The newest, and the one before it in case the newest is damaged.


def save(
    folder: pathlib.Path, epoch: int, state: dict[str, Any], arrays: dict[str, Any]
) -> None:
    """Writes `folder/epoch-NNNN` by a rename, then removes all but it and the last.

    Newer ones are damaged: a training goes on from the newest that can be read.
    """
    target = folder / f"epoch-{epoch:04d}"
    temporary = folder / f"epoch-{epoch:04d}.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    with open(temporary / "arrays.npz", "wb") as file:
        np.savez(file, **arrays)
        os.fsync(file.fileno())
    with open(temporary / "state.json", "w", encoding="utf-8") as file:
        json.dump(state, file)
        os.fsync(file.fileno())
    shutil.rmtree(target, ignore_errors=True)
    os.replace(temporary, target)
    kept = [path for path in _all(folder) if path <= target][-KEPT:]
    for path in folder.glob("epoch-*"):
        if path not in kept:
            shutil.rmtree(path, ignore_errors=True)


def latest(
    folder: pathlib.Path,
    check: Callable[[dict[str, Any], dict[str, np.ndarray]], Any] = lambda *_: None,
) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """State and arrays of the newest checkpoint that can be read; None without one.

    Args:
        folder: Of the checkpoints.
        check: Gets state and arrays; raises KeyError, TypeError or ValueError if they
            are not what the caller needs, which counts as damage.
    """
    for path in reversed(_all(folder)):
        try:
            with np.load(path / "arrays.npz", allow_pickle=False) as stored:
                arrays = dict(stored)
            state = dict(json.loads((path / "state.json").read_text("utf-8")))
            check(state, arrays)
            return state, arrays
        except (*_DAMAGE, zipfile.BadZipFile) as error:
            reason = first_line(error)
            print(f"{path}: damaged, passed over ({reason})", file=sys.stderr)
    return None


def is_there(folder: pathlib.Path) -> bool:
    """Whether there is a checkpoint, damaged or not."""
    return bool(_all(folder))


def _all(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.glob("epoch-*") if path.suffix != ".tmp")
