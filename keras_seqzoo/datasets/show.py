"""A few examples of a set, as people can read them in a terminal."""

import dataclasses
import textwrap
from typing import Any

import numpy as np

from keras_seqzoo.datasets import catalogue, text_drawing
from keras_seqzoo.datasets.card import card
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import words_over_slots

MEL_BANDS = 20


@dataclasses.dataclass(frozen=True)
class Example:
    """An example and what it is, in a line: "train[3]: walking, person 5"."""

    heading: str
    values: dict[str, Any]  # Its features; strings for bytes, a class's name for it.


def examples(
    name: str,
    split: str,
    count: int,
    seed: int | None = None,
    data_dir: str | None = None,
) -> list[Example]:
    """Some examples of a split, in the set's order.

    Args:
        name: The set.
        split: One of its splits.
        count: How many; all if there are not so many.
        seed: Draws them at random; None takes the first ones.
        data_dir: Folder of a local copy; None for the copy prepared earlier, or else
            the public source.

    Raises:
        UserError: The set has no such split, or as for `catalogue.builder`.
    """
    facts = card(name)
    if split not in facts.splits:
        raise UserError(
            f"split must be one of {list(facts.splits)}. Received: {split!r}"
        )
    rows = np.arange(facts.splits[split])
    if seed is not None:
        rows = np.random.default_rng(seed).permutation(rows)
    rows = np.sort(rows[:count]).tolist()
    if name == catalogue.SHIPPED:
        sentences = catalogue.read(name, split, data_dir)
        found = [vars(sentences[row]) for row in rows]
    else:
        found = _read(name, split, rows, data_dir)
    heading, _ = _VIEWS[facts.task]
    return [
        Example(f"{split}[{row}]: {heading(values)}".removesuffix(": "), values)
        for row, values in zip(rows, found)
    ]


def as_text(task: str, example: Example, width: int) -> str:
    """An example under its heading, drawn with characters where it is no text.

    Args:
        task: The set's task, as its card has it.
        example: One of `examples`.
        width: Columns of the terminal.
    """
    _, body = _VIEWS[task]
    return f"{example.heading}\n{body(example.values, width)}"


def _read(
    name: str, split: str, rows: list[int], data_dir: str | None
) -> list[dict[str, Any]]:
    """The rows of a split with strings for bytes and names for classes."""
    builder = catalogue.builder(name, data_dir)
    if split not in builder.info.splits:
        raise UserError(
            f"split {split!r} needs the file {builder.OPTIONAL[split]}, which was not "
            "there when the set was prepared: give its folder with --data-dir"
        )
    from keras_seqzoo.datasets.prepared import read_rows

    features, found = builder.info.features, []
    parts = "+".join(f"{split}[{row}:{row + 1}]" for row in rows)
    for row in read_rows(builder, parts):
        values = {key: _decoded(value) for key, value in row.items()}
        if "label" in values:
            values["label"] = features["label"].int2str(int(values["label"]))
        if "audio" in values:
            values["sample_rate"] = builder.RATE
        found.append(values)
    return found


def _decoded(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return [entry.decode() for entry in value]
    return value


def _sentence_heading(values: dict[str, Any]) -> str:
    return values["intent"]


def _sentence(values: dict[str, Any], width: int) -> str:
    return words_over_slots(list(zip(values["words"], values["slots"])), width)


def _review_heading(values: dict[str, Any]) -> str:
    return values["label"]


def _text(values: dict[str, Any], width: int) -> str:
    return textwrap.fill(values["text"], width)


def _text_heading(values: dict[str, Any]) -> str:
    return f"{len(values['text'].split())} words"


def _music_heading(values: dict[str, Any]) -> str:
    roll = values["roll"]
    return f"{len(roll)} steps, {roll.sum() / len(roll):.2f} notes a step"


def _music(values: dict[str, Any], width: int) -> str:
    from keras_seqzoo.datasets.piano_roll_files import LOWEST_PITCH

    return text_drawing.piano_roll(values["roll"], LOWEST_PITCH, width)


def _abc_heading(values: dict[str, Any]) -> str:
    return next(
        (line[2:] for line in values["tune"].splitlines() if line.startswith("T:")), ""
    )


def _abc(values: dict[str, Any], width: int) -> str:
    return values["tune"].rstrip("\n")


def _activity_heading(values: dict[str, Any]) -> str:
    goes_on = ", goes on in the next example" if values["joined"] else ""
    return f"{values['label']}, person {values['subject']}{goes_on}"


def _activity(values: dict[str, Any], width: int) -> str:
    """Each axis around its own middle, all on one scale: at rest they are flat."""
    axes = values["acceleration"].T  # (3, time)
    reach = max(0.25, *(axis.max() - axis.min() for axis in axes)) / 2  # In g.
    lines = []
    for name, axis in zip("xyz", axes):
        middle = (axis.max() + axis.min()) / 2
        curve = text_drawing.sparkline(axis, middle - reach, middle + reach)
        lines.append(
            f"{name}  mean {axis.mean():6.3f} g, deviation {axis.std():.3f}, from "
            f"{axis.min():.3f} to {axis.max():.3f}\n   {curve[: max(1, width - 3)]}"
        )
    return "\n".join(lines)


def _series_heading(values: dict[str, Any]) -> str:
    return f"{values['label']}, {len(values['series'])} steps"


def _series(values: dict[str, Any], width: int) -> str:
    """Each channel on a scale of its own."""
    lines = []
    for number, channel in enumerate(values["series"].T, 1):
        low, high = float(channel.min()), float(channel.max())
        curve = text_drawing.sparkline(channel, low, max(high, low + 1e-6))
        lines.append(f"{number:2}  {low:6.2f} to {high:6.2f}  {curve[: width - 22]}")
    return "\n".join(lines)


def _speech_heading(values: dict[str, Any]) -> str:
    seconds = len(values["audio"]) / values["sample_rate"]
    if "digits" in values:
        return f"{values['digits']}, {values['speaker']}, {seconds:.2f} s"
    word, speaker, take = (values[key] for key in ("label", "speaker", "take"))
    return f"{word}, {speaker}, take {take}, {seconds:.2f} s"


def _speech(values: dict[str, Any], width: int) -> str:
    return text_drawing.spectrogram(log_mel(values), width)


def log_mel(values: dict[str, Any]) -> np.ndarray:
    """A spoken example's spectrogram, to look at: 25 ms windows every 10 ms.

    Args:
        values: Its `audio` (samples,) int16 and `sample_rate` in Hz.

    Returns:
        (frames, MEL_BANDS) decibels of full scale, float32; at least one frame.
    """
    from keras import ops

    from keras_seqzoo.preprocessing.log_mel import LogMel

    layer = LogMel(values["sample_rate"], MEL_BANDS, floor=1e-8)
    logarithms = ops.convert_to_numpy(layer(values["audio"][None]))[0]
    return logarithms * np.float32(10.0 / np.log(10.0))


def _cepstra_heading(values: dict[str, Any]) -> str:
    from keras_seqzoo.datasets.an4_mfcc import RATE

    seconds = len(values["frames"]) / RATE
    return f"{values['text']}, {values['speaker']}, {seconds:.2f} s"


def _cepstra(values: dict[str, Any], width: int) -> str:
    return _series({"series": values["frames"]}, width)


def _translation_heading(values: dict[str, Any]) -> str:
    return ""


def _translation(values: dict[str, Any], width: int) -> str:
    return "\n".join(
        textwrap.fill(f"{code}  {values[code]}", width, subsequent_indent="    ")
        for code in ("en", "de", "fr", "zh")
        if code in values
    )


def _picture_heading(values: dict[str, Any]) -> str:
    return values["name"]


def _picture(values: dict[str, Any], width: int) -> str:
    return "\n".join(
        textwrap.fill(f"- {caption}", width, subsequent_indent="  ")
        for caption in values["captions"]
    )


_VIEWS = {  # Task -> what the heading says of an example, and what stands under it.
    "slot filling": (_sentence_heading, _sentence),
    "sentiment": (_review_heading, _text),
    "language modelling": (_text_heading, _text),
    "music": (_music_heading, _music),
    "abc": (_abc_heading, _abc),
    "activity": (_activity_heading, _activity),
    "series": (_series_heading, _series),
    "speech": (_speech_heading, _speech),
    "cepstra": (_cepstra_heading, _cepstra),
    "translation": (_translation_heading, _translation),
    "captioning": (_picture_heading, _picture),
}
