"""Recipes: what to train, on what and how, as YAML checked by a typed schema."""

import pathlib
from collections.abc import Mapping
from typing import Any, Literal

import pydantic
import yaml
from pydantic import Field

from keras_seqzoo.errors import UserError

Dataset = Literal["atis", "snips", "train_tickets"]
Split = Literal["train", "validation", "test"]


class Section(pydantic.BaseModel):
    """A part of a recipe: types are not converted, unknown keys are errors."""

    model_config = pydantic.ConfigDict(strict=True, extra="forbid", frozen=True)


class Model(Section):
    """The architecture's name, and what to pass to `create` beside it."""

    name: str
    overrides: dict[str, Any] = {}


class Data(Section):
    """The set, its splits and how they become batches."""

    dataset: Dataset
    train: list[Split] = Field(default=["train"], min_length=1)
    validation: Split | None = "validation"
    test: Split = "test"
    batch_size: int = Field(default=32, gt=0)
    bucket_boundaries: list[int] = [8, 12, 16, 24, 32]
    word_dropout: float = Field(default=0.0, ge=0)
    min_count: int = Field(default=1, gt=0)  # Rarer words are out of vocabulary.


class Training(Section):
    """The optimisation."""

    epochs: int = Field(default=40, gt=0)
    optimizer: Literal["adam", "adamw", "nadam", "rmsprop", "sgd"] = "adam"
    learning_rate: float = Field(default=0.001, gt=0)
    schedule: Literal["constant", "cosine", "linear"] = "constant"
    warmup_epochs: float = Field(default=0.0, ge=0)
    final_learning_rate: float = Field(default=0.0, ge=0)
    clip_norm: float | None = Field(default=1.0, gt=0)
    weight_decay: float | None = Field(default=None, gt=0)
    label_smoothing: float = Field(default=0.0, ge=0, lt=1)
    ema: float | None = Field(default=None, gt=0, lt=1)
    patience: int | None = Field(default=None, gt=0)  # Epochs without a better dev F1.
    seed: int = Field(default=1, ge=0)
    jit_compile: bool = False

    @pydantic.model_validator(mode="after")
    def _schedule_has_what_it_takes(self):
        if self.warmup_epochs and self.schedule != "cosine":
            raise ValueError("warmup_epochs needs training.schedule: cosine")
        if self.final_learning_rate and self.schedule == "constant":
            raise ValueError("final_learning_rate needs a schedule: cosine or linear")
        return self


class Expected(Section):
    """The figure that the recipe is known to reach."""

    metric: Literal["slot_f1"] = "slot_f1"
    value: float
    tolerance: float = Field(gt=0)


class Recipe(Section):
    """A whole recipe."""

    model: Model
    data: Data
    training: Training = Training()
    expected: Expected | None = None

    @pydantic.model_validator(mode="after")
    def _early_stopping_needs_validation(self):
        if self.data.validation is None and self.training.patience is not None:
            raise ValueError("training.patience needs data.validation")
        if self.data.validation in self.data.train:
            raise ValueError("data.validation must not be one of data.train")
        return self


def read_recipe(
    path: str | pathlib.Path, overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """Reads and checks a recipe.

    A recipe may begin with `extends: <file>`, a path beside the recipe: what it says
    itself then goes over what that file says, key by key.

    Args:
        path: The YAML file.
        overrides: Changed values by dotted key, such as {"training.seed": 2}.

    Raises:
        UserError: One line that names the file, the key and what is allowed.
    """
    path = pathlib.Path(path)
    content = _read_yaml(path)
    if "extends" in content:
        base = path.parent / str(content.pop("extends"))
        content = _merged(_read_yaml(base), content)
    for key, value in (overrides or {}).items():
        for name in reversed(key.split(".")):
            value = {name: value}
        content = _merged(content, value)
    try:
        return Recipe.model_validate(content)
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {_first_error(error)}") from error


def parse_overrides(texts: list[str]) -> dict[str, Any]:
    """["training.seed=2"] -> {"training.seed": 2}; values are YAML."""
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"an override must be KEY=VALUE. Received: {text!r}")
        try:
            overrides[key] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise UserError(
                f"an override's value must be YAML. Received: {text!r}"
            ) from error
    return overrides


def _read_yaml(path: pathlib.Path) -> dict:
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not a UTF-8 text file") from error
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        line = f"line {place.line + 1}: " if place else ""
        problem = getattr(error, "problem", None) or "not readable"
        raise UserError(f"{path}: {line}not YAML: {problem}") from error
    if not isinstance(content, dict):
        raise UserError(
            f"{path}: a recipe must have the sections {list(Recipe.model_fields)}. "
            f"Received: {type(content).__name__}"
        )
    return content


def _merged(base: dict, over: dict) -> dict:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            value = _merged(merged[key], value)
        merged[key] = value
    return merged


def _first_error(error: pydantic.ValidationError) -> str:
    """The first error as `key: what is allowed. Received: value`."""
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        section = Recipe
        for part in first["loc"][:-1]:
            section = section.model_fields[part].annotation
        return f"{key}: unknown key; allowed are {', '.join(section.model_fields)}"
    if first["type"] == "missing":
        return f"{key}: is missing"
    message = first["msg"].removeprefix("Value error, ")
    message = message.replace("Input should be", "must be")
    received = f". Received: {first['input']!r}"
    if first["type"] == "value_error":  # Of a whole section: its input says nothing.
        received = ""
    return f"{key}: {message}{received}".removeprefix(": ")
