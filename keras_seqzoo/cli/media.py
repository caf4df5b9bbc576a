"""What models make, and how `generate` and `predict` read, show and write it."""

import math
import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from keras_seqzoo.errors import UserError

TEXT_FILES = (".txt", ".abc")


class Medium(NamedTuple):
    """What models that have its name as `makes` make.

    Attributes:
        read: `(model, item) -> piece`, as the model's `generate` takes a primer; `item`
            is a file's name or, of text, the text itself.
        files: For each suffix of a file `(path, made, model, tag)`, which writes it.
        as_json: `(made, model) -> dict` of JSON values.
        drawn: `(made, model, columns) -> text` for a terminal.
        expected: `(model, piece) -> Expected`.
    """

    read: Callable[[Any, str], Any]
    files: dict[str, Callable[[str, Any, Any, str], None]]
    as_json: Callable[[Any, Any], dict[str, Any]]
    drawn: Callable[[Any, Any, int], str]
    expected: Callable[[Any, Any], "Expected"]


class Expected(NamedTuple):
    """What a model makes of a piece, in the words of its medium.

    Attributes:
        steps: How many of them the piece has.
        unit: What a step is, in the plural.
        measure: Name of the figure.
        value: The figure, lower for what is likelier; None of an empty piece.
        next: (name, probability) of what is likeliest to come, likeliest first.
    """

    steps: int
    unit: str
    measure: str
    value: float | None
    next: list[tuple[str, float]]


def medium_of(model: Any, tag: str) -> Medium:
    """The medium of a model or a runner.

    Raises:
        UserError: It makes none.
    """
    made = getattr(model, "makes", None)
    if made not in _MEDIA:
        raise UserError(f"{tag} must be a model that makes {' or '.join(_MEDIA)}.")
    return _MEDIA[made]


# Music: rolls (time, keys).


def _read_midi(model: Any, path: str) -> Any:
    from keras_seqzoo.preprocessing.midi import read_midi

    return read_midi(path, model.num_keys, model.lowest_pitch, model.step_beats)


def _write_midi(path: str, roll: Any, model: Any, tag: str) -> None:
    from keras_seqzoo.preprocessing.midi import write_midi

    write_midi(path, roll, model.lowest_pitch, model.step_beats)


def _write_picture(path: str, roll: Any, model: Any, tag: str) -> None:
    from keras_seqzoo.datasets.plot import draw
    from keras_seqzoo.datasets.show import Example

    draw("music", [Example(tag, {"roll": roll})], path)


def _pitches(roll: Any, model: Any) -> dict[str, Any]:
    lowest = model.lowest_pitch
    return {"pitches": [[int(p) + lowest for p in row.nonzero()[0]] for row in roll]}


def _drawn_roll(roll: Any, model: Any, columns: int) -> str:
    from keras_seqzoo.datasets.text_drawing import piano_roll

    return piano_roll(roll, model.lowest_pitch, columns)


def _expected_notes(model: Any, roll: Any) -> Expected:
    from keras_seqzoo.datasets.text_drawing import note_name
    from keras_seqzoo.runtime.expectation import expected_notes

    found = expected_notes(model, roll)
    names = [(note_name(key + model.lowest_pitch), p) for key, p in found.next]
    return Expected(found.steps, "steps", "frame_nll", found.nats, names)


# Text: strings.


def _read_text(model: Any, item: str) -> str:
    path = pathlib.Path(item)
    if not item.endswith(TEXT_FILES) and not _is_file(path):
        return item
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(f"{item}: there is no such file") from error
    except OSError as error:
        raise UserError(f"{item}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{item}: not a UTF-8 text file") from error


def _is_file(path: pathlib.Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # A text can be longer than a name may be.
        return False


def _write_text(path: str, text: str, model: Any, tag: str) -> None:
    pathlib.Path(path).write_text(text.removesuffix("\n") + "\n", "utf-8")


def _expected_text(model: Any, text: str) -> Expected:
    from keras_seqzoo.runtime.expectation import expected_tokens

    found = expected_tokens(model, text)
    names = [(model.tokens.decode([token]), p) for token, p in found.next]
    if model.tokens.unit == "word":
        value = None if found.nats is None else math.exp(found.nats)
        return Expected(found.steps, "words", "perplexity", value, names)
    value = None if found.nats is None else found.nats / math.log(2)
    return Expected(found.steps, "characters", "bits_per_character", value, names)


_MEDIA = {
    "music": Medium(
        _read_midi,
        {".mid": _write_midi, ".png": _write_picture},
        _pitches,
        _drawn_roll,
        _expected_notes,
    ),
    "text": Medium(
        _read_text,
        dict.fromkeys(TEXT_FILES, _write_text),
        lambda text, model: {"text": text},
        lambda text, model, columns: text.removesuffix("\n"),
        _expected_text,
    ),
}
