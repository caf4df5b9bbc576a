"""The folder of a training: whose it is, who works in it, what it came to."""

import contextlib
import json
import os
import pathlib
import sys
from collections.abc import Iterator
from typing import Any

import filelock
import pydantic

from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import store
from keras_seqzoo.training.recipe import OF_RESULTS, Recipe


def open_run(run: pathlib.Path, recipe: Recipe) -> None:
    """Makes the run folder, or checks that it is this recipe's."""
    content = _content(recipe)
    file = run / "recipe.json"
    try:
        begun = (run / "checkpoints").exists() or (run / "result.json").exists()
        if begun and _completed(file.read_text("utf-8")) != content:
            raise UserError(
                f"{run}: holds a training with another recipe (see {file}); give "
                "another run folder or remove this one"
            )
        run.mkdir(parents=True, exist_ok=True)
        write_whole(file, content)
    except OSError as error:
        raise UserError(f"{run}: cannot be written: {error.strerror}") from error


def _content(recipe: Recipe) -> str:
    return recipe.model_dump_json(exclude=OF_RESULTS, indent=2)


def _completed(content: str) -> str:
    """A stored recipe with the keys that there were not yet when it was stored."""
    try:
        return _content(Recipe.model_validate_json(content))
    except pydantic.ValidationError:
        return content  # of no recipe of today


def write_whole(file: pathlib.Path, text: str) -> None:
    """Writes the file so that one who reads it finds the old text or the new."""
    temporary = file.with_suffix(".tmp")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, file)


@contextlib.contextmanager
def alone_in(run: pathlib.Path) -> Iterator[None]:
    """Keeps a second training out of the run folder; a killed one lets go of it."""
    try:
        with filelock.FileLock(run / ".lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise UserError(f"{run}: another training is at work in this folder") from error


def result_of(run: pathlib.Path) -> dict[str, Any] | None:
    """What a finished training came to; None if it is not finished."""
    file = run / "result.json"
    try:
        return dict(json.loads(file.read_text("utf-8"))) if file.exists() else None
    except (ValueError, TypeError) as error:
        say(f"{file}: damaged, made anew ({error})")
        return None


def holds(folder: pathlib.Path, result: dict[str, Any]) -> bool:
    """Whether the folder is the preset of this result."""
    try:
        return store.read(folder).config["metadata"] == result
    except PresetError:
        return False


def say(message: str) -> None:
    """A line about the course of a training."""
    print(message, file=sys.stderr)
