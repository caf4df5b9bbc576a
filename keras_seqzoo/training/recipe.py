"""Recipes: what to train, on what and how, as YAML checked by a typed schema."""

import pathlib
import re
from collections.abc import Mapping
from typing import Any, Literal, get_args

import pydantic
import yaml
from pydantic import Field

from keras_seqzoo import registry
from keras_seqzoo.datasets.buckets import check_boundaries
from keras_seqzoo.errors import UserError
from keras_seqzoo.training.tasks import all_options, task_of

LARGEST_SEED = 2**32 - 1  # NumPy's
# TensorFlow takes memory for the rows of a batch before it has them.
LARGEST_BATCH, MOST_TOKENS = 2**20, 2**24
RATIOS = -20, 100  # dB: below there is nothing but noise, and above no noise


class Section(pydantic.BaseModel):
    """A part of a recipe: types are not converted, unknown keys are errors."""

    model_config = pydantic.ConfigDict(
        strict=True, extra="forbid", frozen=True, allow_inf_nan=False
    )


class Model(Section):
    """The architecture's name, and what to pass to `create` beside it."""

    name: str
    overrides: dict[str, Any] = {}

    @pydantic.field_validator("name")
    @classmethod
    def _is_an_architecture(cls, name: str) -> str:
        known = registry.list_models(pretrained=False)
        if name not in known:
            raise ValueError(f"must be an architecture: {', '.join(known)}")
        return name


class Data(Section):
    """The set, its splits and how they become batches."""

    dataset: str
    train: list[str] = Field(default=["train"], min_length=1)
    validation: str | None = "validation"
    test: str = "test"
    # Examples, 32 by default; or steps and padding.
    batch_size: int | None = Field(default=None, gt=0, le=LARGEST_BATCH)
    tokens_per_batch: int | None = Field(default=None, gt=0, le=MOST_TOKENS)
    bucket_boundaries: list[int] | None = None  # By default from the lengths.
    # Of some tasks only, see `Task.OPTIONS`.
    word_dropout: float = Field(default=0.0, ge=0, le=10)  # See tagging.word_dropout.
    min_count: int = Field(default=1, gt=0)  # Rarer words are out of vocabulary.
    subwords: int = Field(default=8000, gt=0)  # Entries of the vocabulary, at most.
    noise: float = Field(default=0.0, ge=0)  # Deviation, in the data's unit.
    signal_to_noise: list[float] | None = None  # Of sound: lowest and highest, in dB.
    # Back or forth, at most: seconds of sound, steps of a series.
    time_shift: float = Field(default=0.0, ge=0)
    rotate: float = Field(default=0.0, ge=0, le=180)  # Degrees, of vectors in space.
    transpose: int = Field(default=0, ge=0, le=12)  # Semitones up or down, at most.
    mirror: bool = False  # Pictures in a mirror, every other time.
    crops: int = Field(default=0, ge=0, le=8)  # Of each picture, beside the whole.
    ngram: int = Field(default=0, ge=0, le=9)  # Order of a language model; 0: none.
    # The encoder's layer behind which its weights are trained; None freezes it whole.
    tuned_from: str | None = None

    @pydantic.field_validator("train")
    @classmethod
    def _no_part_twice(cls, parts: list[str]) -> list[str]:
        if len(set(parts)) != len(parts):
            raise ValueError("must be different parts")
        return parts

    @pydantic.field_validator("signal_to_noise")
    @classmethod
    def _ratios_are_a_range(cls, ratios: list[float] | None) -> list[float] | None:
        low, high = RATIOS
        if ratios is not None and (
            len(ratios) != 2 or not low <= ratios[0] <= ratios[1] <= high
        ):
            raise ValueError(
                f"must be the lowest and the highest ratio, from {low} to {high} dB"
            )
        return ratios

    @pydantic.field_validator("bucket_boundaries")
    @classmethod
    def _boundaries_increase(cls, boundaries: list[int] | None) -> list[int] | None:
        check_boundaries(boundaries or [])
        return boundaries

    @pydantic.model_validator(mode="after")
    def _one_size_of_batch(self):
        if self.batch_size is not None and self.tokens_per_batch is not None:
            raise ValueError("tokens_per_batch goes in place of batch_size")
        if self.batch_size is None and self.tokens_per_batch is None:
            return self.model_copy(update={"batch_size": 32})
        return self


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
    patience: int | None = Field(default=None, gt=0)  # Epochs without a better figure.
    seed: int = Field(default=1, ge=0, le=LARGEST_SEED)
    jit_compile: bool = False
    gradient_accumulation_steps: int = Field(default=1, gt=0)  # Batches a step.
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    keep: Literal["float16", "int8"] = "float16"  # The weights in the preset.
    # A recipe, by its path from this one, to train before: its weights are the first.
    after: str | None = None

    @pydantic.model_validator(mode="after")
    def _schedule_has_what_it_takes(self):
        if self.warmup_epochs and self.schedule != "cosine":
            raise ValueError("warmup_epochs needs training.schedule: cosine")
        if self.warmup_epochs > self.epochs:
            raise ValueError(
                f"warmup_epochs must be at most epochs, {self.epochs}. "
                f"Received: {self.warmup_epochs}"
            )
        if self.final_learning_rate and self.schedule == "constant":
            raise ValueError("final_learning_rate needs a schedule: cosine or linear")
        if self.final_learning_rate > self.learning_rate:
            raise ValueError(
                "final_learning_rate must be at most learning_rate, "
                f"{self.learning_rate}. Received: {self.final_learning_rate}"
            )
        return self


class Expected(Section):
    """The figure that the recipe is known to reach."""

    metric: str
    value: float
    tolerance: float = Field(gt=0)


class Published(Section):
    """The figure that others report on the same split."""

    value: float
    citation: str


class Recipe(Section):
    """A whole recipe."""

    model: Model
    data: Data
    training: Training = Training()
    expected: Expected | None = None
    published: Published | None = None

    @pydantic.model_validator(mode="after")
    def _all_is_of_its_task(self):
        task = task_of(self.model.name)
        if self.data.dataset not in task.DATASETS:
            raise ValueError(
                f"data.dataset: must be one of {', '.join(task.DATASETS)}. "
                f"Received: {self.data.dataset!r}"
            )
        known = task.splits(self.data.dataset)
        for name in ("train", "validation", "test"):
            value = getattr(self.data, name)
            for split in value if isinstance(value, list) else [value]:
                if split not in (*known, None):
                    raise ValueError(
                        f"data.{name}: must be of {', '.join(known)}. "
                        f"Received: {split!r}"
                    )
        options = task.options(self.data.dataset)
        others = f", but for {', '.join(sorted(options))}" if options else ""
        for name in sorted(all_options() - options):
            if getattr(self.data, name) != Data.model_fields[name].default:
                raise ValueError(
                    f"data.{name}: must be left out: {self.model.name} has no use for "
                    f"it on {self.data.dataset}{others}. "
                    f"Received: {getattr(self.data, name)!r}"
                )
        task.check_options(self.data)
        if self.expected and self.expected.metric != task.METRIC:
            raise ValueError(
                f"expected.metric: must be {task.METRIC}. "
                f"Received: {self.expected.metric!r}"
            )
        return self

    @pydantic.model_validator(mode="after")
    def _early_stopping_needs_validation(self):
        if self.data.validation is None and self.training.patience is not None:
            raise ValueError("training.patience needs data.validation")
        return self

    @pydantic.model_validator(mode="after")
    def _parts_have_one_use(self):
        data = self.data
        if data.validation in data.train:
            raise ValueError("data.validation must not be one of data.train")
        if data.test in data.train:
            raise ValueError("data.test must not be one of data.train")
        if data.test == data.validation:
            raise ValueError("data.test must not be data.validation")
        return self


OF_RESULTS = {"expected", "published"}  # what a training does not depend on


def read_recipe(
    path: str | pathlib.Path, overrides: Mapping[str, Any] | None = None
) -> Recipe:
    """Reads and checks a recipe.

    A recipe may begin with `extends: <file>`, a path beside the recipe: what it says
    itself then goes over what that file says, key by key. That file may extend another.

    Args:
        path: The YAML file.
        overrides: Changed values by dotted key, such as {"training.seed": 2}.

    Raises:
        UserError: One line that names the file, the key and what is allowed.
    """
    path = pathlib.Path(path)
    content = _extended(path, ())
    for key, value in (overrides or {}).items():
        for name in reversed(key.split(".")):
            value = {name: value}
        content = _merged(content, value)
    try:
        return Recipe.model_validate(content)
    except pydantic.ValidationError as error:
        raise UserError(f"{path}: {_first_error(error)}") from error


def check_before(path: pathlib.Path, recipe: Recipe) -> None:
    """Raises UserError if the trainings of `training.after` would never begin.

    Args:
        path: The recipe's file.
        recipe: As it is to be trained, overrides and all; those before have none.
    """
    seen = set()
    while recipe.training.after is not None:
        before = path.parent / recipe.training.after
        if before.resolve() in seen:
            raise UserError(f"{path}: training.after: {before} leads back to this file")
        seen.add(before.resolve())
        path, recipe = before, read_recipe(before)


def parse_overrides(texts: list[str]) -> dict[str, Any]:
    """["training.seed=2"] -> {"training.seed": 2}; values are YAML."""
    overrides = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UserError(f"an override must be KEY=VALUE. Received: {text!r}")
        try:
            overrides[key] = yaml.load(value, _Loader)
        except yaml.YAMLError as error:
            raise UserError(
                f"an override's value must be YAML. Received: {text!r}"
            ) from error
    return overrides


class _Loader(yaml.SafeLoader):
    """As YAML 1.2 has it: 1e-3 is a number, and no key is given twice."""

    def construct_mapping(self, node, deep=False):
        seen = set()
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            key = key_node.tag, str(key_node.value)
            if key in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key_node.value!r} is given twice",
                    problem_mark=key_node.start_mark,
                )
            seen.add(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def _extended(path: pathlib.Path, before: tuple[pathlib.Path, ...]) -> dict:
    """The content of a recipe file over that of the file it extends, if any.

    Args:
        path: The file.
        before: The files that led here, each by extending the next.
    """
    content = _read_yaml(path)
    if "extends" not in content:
        return content
    name = content.pop("extends")
    if not isinstance(name, str):
        raise UserError(f"{path}: extends: must be a file's path. Received: {name!r}")
    base, before = path.parent / name, (*before, path.resolve())
    if base.resolve() in before:
        raise UserError(f"{path}: extends: {base} leads back to this file")
    if not base.is_file():
        raise UserError(f"{path}: extends: there is no file {base}")
    return _merged(_extended(base, before), content)


def _read_yaml(path: pathlib.Path) -> dict:
    try:
        content = yaml.load(path.read_text("utf-8"), _Loader)
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
            section = _section(section.model_fields[part].annotation)
        return f"{key}: unknown key; allowed are {', '.join(section.model_fields)}"
    if first["type"] == "missing":
        return f"{key}: is missing"
    message = _PLAIN_WORDS.get(first["type"], first["msg"])
    message = message.removeprefix("Value error, ")
    message = message.removeprefix(f"{first['loc'][-1]} " if key else "")
    message = message.replace("Input should be", "must be")
    received = f". Received: {first['input']!r}"
    whole_section = first["type"] == "value_error" and isinstance(first["input"], dict)
    if whole_section or "Received: " in message:
        received = ""
    return f"{key}: {message}{received}".removeprefix(": ")


# For what pydantic says in terms of Python.
_PLAIN_WORDS = {
    "model_type": "must be a section of keys and values",
    "dict_type": "must be a section of keys and values",
    "list_type": "must be a list",
    "too_short": "must not be an empty list",
}


def _section(annotation: Any) -> type[Section]:
    """The section that a field holds, annotated as itself or as `itself | None`."""
    return annotation if isinstance(annotation, type) else get_args(annotation)[0]
