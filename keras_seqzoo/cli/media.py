"""What models make, and how `seqzoo generate` reads, shows and writes it."""

import pathlib
from collections.abc import Callable
from typing import Any, NamedTuple

from keras_seqzoo.errors import UserError

TEXT_FILES = (".txt", ".abc")


class Medium(NamedTuple):
    """What models that have its name as `makes` make.

    Attributes:
        primer: `(model, option) -> primer`, as the model's `generate` takes it.
        files: For each suffix of a file `(path, made, model, tag)`, which writes it.
        as_json: `(made, model) -> dict` of JSON values.
        drawn: `(made, model, columns) -> text` for a terminal.
    """

    primer: Callable[[Any, str], Any]
    files: dict[str, Callable[[str, Any, Any, str], None]]
    as_json: Callable[[Any, Any], dict[str, Any]]
    drawn: Callable[[Any, Any, int], str]


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


def _midi_primer(model: Any, path: str) -> Any:
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


# Text: strings.


def _text_primer(model: Any, option: str) -> str:
    path = pathlib.Path(option)
    if not option.endswith(TEXT_FILES) and not _is_file(path):
        return option
    try:
        return path.read_text("utf-8")
    except FileNotFoundError as error:
        raise UserError(f"--primer {option}: there is no such file") from error
    except OSError as error:
        raise UserError(
            f"--primer {option}: cannot be read: {error.strerror}"
        ) from error
    except UnicodeDecodeError as error:
        raise UserError(f"--primer {option}: not a UTF-8 text file") from error


def _is_file(path: pathlib.Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # A text can be longer than a name may be.
        return False


def _write_text(path: str, text: str, model: Any, tag: str) -> None:
    pathlib.Path(path).write_text(text.removesuffix("\n") + "\n", "utf-8")


_MEDIA = {
    "music": Medium(
        _midi_primer,
        {".mid": _write_midi, ".png": _write_picture},
        _pitches,
        _drawn_roll,
    ),
    "text": Medium(
        _text_primer,
        dict.fromkeys(TEXT_FILES, _write_text),
        lambda text, model: {"text": text},
        lambda text, model, columns: text.removesuffix("\n"),
    ),
}
