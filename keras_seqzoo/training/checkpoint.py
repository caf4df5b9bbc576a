"""Checkpoints that survive being cut short: whole or not there."""

import json
import os
import pathlib
import shutil
import sys
import zipfile
from typing import Any

import numpy as np

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


def latest(folder: pathlib.Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """State and arrays of the newest checkpoint that can be read; None without one."""
    for path in reversed(_all(folder)):
        try:
            with np.load(path / "arrays.npz", allow_pickle=False) as stored:
                arrays = dict(stored)
            state = json.loads((path / "state.json").read_text("utf-8"))
            return dict(state), arrays
        except (OSError, TypeError, ValueError, EOFError, zipfile.BadZipFile) as error:
            print(f"{path}: damaged, passed over ({error})", file=sys.stderr)
    return None


def _all(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted(path for path in folder.glob("epoch-*") if path.suffix != ".tmp")
