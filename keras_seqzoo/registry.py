"""Names to models: architectures, and their pretrained tags."""

import dataclasses
import difflib
import fnmatch
import inspect
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_type_hints

from keras_seqzoo.errors import PresetError, UserError, first_line
from keras_seqzoo.model_size import no_larger_than, that_can_be_trained
from keras_seqzoo.presets import remote, store
from keras_seqzoo.presets.weights import check_body_kept, copy_weights, set_weights

if TYPE_CHECKING:
    from keras_seqzoo.models.zoo_model import ZooModel

PATTERNS = ("one_to_many", "many_to_one", "synced", "ctc", "seq2seq")


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A registered function that makes a model."""

    name: str
    pattern: str
    cell: str
    build: Callable[..., "ZooModel"]

    @property
    def model_class(self) -> type["ZooModel"]:
        """The class of the models it makes: its annotated return type."""
        return get_type_hints(self.build)["return"]


_architectures: dict[str, Architecture] = {}


def register(*, pattern: str, cell: str) -> Callable[[Callable], Callable]:
    """Register the decorated function as an architecture under its own name.

    The function takes the model's arguments as overrides of its own defaults, and
    its return annotation is the model's class.

    Args:
        pattern: One of `PATTERNS`, the model's input/output pattern.
        cell: Name of the recurrent cell.

    Raises:
        ValueError: if the name is taken, the pattern unknown, or the function does
            not say what it returns.
    """
    if pattern not in PATTERNS:
        raise ValueError(
            f"`pattern` must be one of {', '.join(PATTERNS)}. "
            f"Received: pattern={pattern!r}"
        )

    def decorate(function: Callable) -> Callable:
        name = function.__name__
        if name in _architectures:
            raise ValueError(
                f"The architecture {name!r} of {function.__module__} is registered "
                f"already by {_architectures[name].build.__module__}."
            )
        if "return" not in function.__annotations__:
            raise ValueError(
                f"{name} must be annotated with the model's class: `def {name}("
                "**overrides) -> SomeModel`."
            )
        _architectures[name] = Architecture(name, pattern, cell, function)
        return function

    return decorate


def architectures() -> dict[str, Architecture]:
    """All registered architectures by name."""
    import keras_seqzoo.models  # noqa: F401  importing registers them

    return dict(sorted(_architectures.items()))


def list_models(
    filter: str | Sequence[str] = "",
    *,
    pattern: str | None = None,
    cell: str | None = None,
    pretrained: bool | None = None,
) -> list[str]:
    """Names of models, sorted.

    Args:
        filter: Wildcard pattern, or several of which one must match ("*lstm*").
        pattern: Only this input/output pattern.
        cell: Only this recurrent cell.
        pretrained: True: pretrained names, `architecture.tag`; False: architectures
            only; None: both.

    Raises:
        UserError: if `pattern` or `cell` is not known, or `filter` not of strings.
    """
    known = architectures()
    _check_choice("pattern", pattern, PATTERNS)
    _check_choice("cell", cell, sorted({a.cell for a in known.values()}))
    names = [] if pretrained else list(known)
    if pretrained is not False:
        names += [tag for tag in store.shipped() if tag.split(".")[0] in known]
    filters = [filter] if isinstance(filter, str) else filter
    if not isinstance(filters, Sequence) or not all(
        isinstance(one, str) for one in filters
    ):
        raise UserError(
            "`filter` must be a string or a sequence of strings. "
            f"Received: filter={filter!r}"
        )
    filters = [one for one in filters if one]

    def wanted(name: str) -> bool:
        architecture = known[name.split(".")[0]]
        return (
            pattern in (None, architecture.pattern)
            and cell in (None, architecture.cell)
            and (not filters or any(fnmatch.fnmatchcase(name, one) for one in filters))
        )

    return sorted(name for name in names if wanted(name))


def create(name: str, /, **overrides: Any) -> "ZooModel":
    """Make a model with fresh weights.

    Args:
        name: `architecture`, or `architecture.tag` for that tag's arguments.
        **overrides: Arguments of the model; `name=...` is the Keras model's own.

    Raises:
        UserError: if the name or an argument is wrong, or the model is too large for
            this machine.
    """
    name = _text(name)
    entry = _architecture(name.partition(".")[0], name)
    config = _arguments(entry, _preset(name)) if "." in name else {}
    arguments = _with_head(entry, config, overrides)
    with that_can_be_trained(arguments):
        return _build(entry, arguments)


def load(name: str | os.PathLike, /, **overrides: Any) -> "ZooModel":
    """Load a pretrained model.

    Args:
        name: `architecture.tag`; or the path of a preset's folder or zip file (what
            exists as a path, has a path separator or ends in ".zip" is a path); or
            the URL of one, which is fetched once and then kept.
        **overrides: `num_classes=n` or `labels=[...]` keep the body and make a new
            head; arguments that change nothing in the body but its dropout may be
            given too, and alone they keep the head. `name=...` is the Keras model's.

    Returns:
        The model, a `keras.Model` with its preprocessor and decoder.

    Raises:
        UserError: if there is no such model, or an override changes the body.
        PresetError: if the preset is damaged.
    """
    preset, tag = _find(name)
    entry = _preset_architecture(preset)
    config = _arguments(entry, preset)
    new_config = _with_head(entry, config, overrides)
    check_body_kept(entry.model_class, config, overrides)
    try:
        with no_larger_than(preset.weights):
            model = _build(entry, config)
    except UserError as error:
        raise PresetError(f"{preset.source}/{store.CONFIG}: {error}") from error
    set_weights(model, preset)
    model.card = preset.card
    if overrides:
        trained = model
        with that_can_be_trained(overrides):
            model = _build(entry, new_config)
        copy_weights(trained, model, overrides)
    model.tag = tag
    return model


_ROOM = 60  # characters of a list in what is printed of a model


@dataclasses.dataclass(frozen=True)
class ModelInfo:
    """What is known about a model without building it.

    `lists` are those of the preset's text files: labels, channels, vocabulary.
    """

    name: str
    pattern: str
    cell: str
    pretrained: bool
    description: str
    tags: tuple[str, ...]
    parameters: int | None = None
    dataset: str | None = None
    metric: str | None = None
    value: float | None = None
    licence: str | None = None
    metadata: dict[str, Any] = dataclasses.field(default_factory=dict)
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    lists: dict[str, list[str]] = dataclasses.field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return dataclasses.asdict(self)

    def __str__(self) -> str:
        rows = {
            "pattern": self.pattern,
            "cell": self.cell,
            "parameters": None if self.parameters is None else f"{self.parameters:,}",
            "data": self.dataset,
            "licence": self.licence,
            self.metric or "metric": self.value,
            **{f"config.{key}": value for key, value in self.config.items()},
            **{key: _shortened(entries) for key, entries in self.lists.items()},
            "tags": ", ".join(self.tags) or "none pretrained",
        }
        lines = [f"  {k:26} {value}" for k, value in rows.items() if value is not None]
        return "\n".join([self.name, f"  {self.description}", *lines])


def _shortened(entries: Sequence[str]) -> str:
    """How many they are, and as many of them as there is room for."""
    shown = ", ".join(entries[:_ROOM])
    if len(shown) > _ROOM:
        shown = f"{shown[:_ROOM].rpartition(', ')[0]}, ..."
    return f"{len(entries):,}: {shown}"


def info(name: str | os.PathLike) -> ModelInfo:
    """What is known about an architecture, a pretrained tag or a preset's folder.

    Raises:
        UserError: if there is no such model.
        PresetError: if the preset is damaged.
    """
    text = _text(name)
    preset = None if text in architectures() else _find(name)[0]
    entry = _preset_architecture(preset) if preset else architectures()[text]
    tags = [tag for tag in store.shipped() if tag.split(".")[0] == entry.name]
    metadata = dict(preset.config["metadata"]) if preset else {}
    if not isinstance(metadata.get("parameters", 0), int):
        raise PresetError(
            f"{preset.source}/{store.CONFIG}: `parameters` must be an integer. "
            f"Received: parameters={metadata['parameters']!r}"
        )
    return ModelInfo(
        name=text,
        pattern=entry.pattern,
        cell=entry.cell,
        pretrained=preset is not None,
        description=(inspect.getdoc(entry.build) or "").split("\n")[0],
        tags=tuple(tags),
        parameters=metadata.get("parameters"),
        dataset=metadata.get("dataset"),
        metric=metadata.get("metric"),
        value=metadata.get("value"),
        licence=metadata.get("licence"),
        metadata=metadata,
        config=dict(preset.config["config"]) if preset else {},
        lists=dict(preset.assets) if preset else {},
    )


def _check_choice(name: str, value: str | None, allowed: Sequence[str]) -> None:
    if value is not None and value not in allowed:
        raise UserError(
            f"`{name}` must be one of {', '.join(allowed)}. Received: {name}={value!r}"
        )


def _unknown(name: str, known: Sequence[str]) -> UserError:
    nearest = difflib.get_close_matches(name, known, n=3, cutoff=0.0)
    return UserError(f"There is no model {name!r}. Nearest: {', '.join(nearest)}.")


def _text(name: str | os.PathLike) -> str:
    if not isinstance(name, (str, os.PathLike)):
        raise UserError(f"A model's name must be a string. Received: {name!r}")
    return os.fspath(name)


def _architecture(architecture: str, asked: str) -> Architecture:
    known = architectures()
    if architecture not in known:
        names = [*known, *store.shipped()] if "." in asked else list(known)
        raise _unknown(asked, names)
    return known[architecture]


def _preset_architecture(preset: store.Preset) -> Architecture:
    architecture, known = preset.config["architecture"], architectures()
    if architecture not in known:
        raise PresetError(
            f"{preset.source}/{store.CONFIG}: {_unknown(architecture, list(known))}"
        )
    return known[architecture]


def _is_path(name: str) -> bool:
    if not name or name in store.shipped():  # a file of that name here hides nothing
        return False
    return os.sep in name or name.endswith(".zip") or Path(name).exists()


def _find(name: str | os.PathLike) -> tuple[store.Preset, str | None]:
    """The preset of a name or path, and its tag."""
    text = _text(name)
    if remote.is_url(text):
        return store.read(remote.fetch_url(text)), None
    if re.match(r"\w+://", text):
        raise UserError(
            "a preset's URL must begin with http://, https:// or file://. "
            f"Received: {text}"
        )
    if isinstance(name, os.PathLike) or _is_path(text):
        return store.read(text), None
    return _preset(text), text.partition(".")[2]


def _preset(name: str) -> store.Preset:
    known = store.shipped() or list(architectures())
    try:
        source = store.find(name)
    except remote.AbsentError as error:
        raise UserError(f"{_unknown(name, known)} Nor is it at {error}") from error
    if source is None:
        tags = [one for one in store.shipped() if one.startswith(f"{name}.")]
        if name in architectures() and tags:
            raise UserError(
                f"{name!r} is an architecture; load one of its pretrained tags: "
                f"{', '.join(tags)}; or make a fresh one with create()."
            )
        raise _unknown(name, known)
    return store.read(source)


def _arguments(entry: Architecture, preset: store.Preset) -> dict[str, Any]:
    """The model's arguments that a preset holds."""
    arguments = {**preset.config["config"], **preset.assets}
    try:
        _check_known(entry, arguments)
    except UserError as error:
        raise PresetError(f"{preset.source}/{store.CONFIG}: {error}") from error
    return arguments


def _with_head(entry: Architecture, config: dict, overrides: dict) -> dict[str, Any]:
    """`config` under `overrides`; either of the head's two arguments rules both."""
    _check_known(entry, overrides)
    if "num_classes" in overrides and "labels" not in overrides:
        config = {key: value for key, value in config.items() if key != "labels"}
    return {**config, **overrides}


def _check_known(entry: Architecture, arguments: dict[str, Any]) -> None:
    parameters = inspect.signature(entry.model_class.__init__).parameters
    allowed = [key for key in parameters if key != "self"]
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
    for key in arguments:
        if key not in allowed and not takes_any:
            raise UserError(
                f"{entry.name} has no argument {key!r}. Allowed: {', '.join(allowed)}."
            )


def _build(entry: Architecture, config: dict) -> "ZooModel":
    try:
        model = entry.build(**config)
    except (TypeError, ValueError) as error:
        raise UserError(f"{entry.name}: {first_line(error)}") from error
    model.architecture = entry.name
    return model
