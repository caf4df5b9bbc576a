"""Draws examples of a set into a picture file."""

import io
import os
import pathlib
import re
import textwrap
import warnings
from typing import Any

import matplotlib
import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from keras_seqzoo.datasets.show import Example, log_mel
from keras_seqzoo.errors import UserError

LARGEST_COUNT = 12  # Examples that a figure can hold.
CHINESE_FONTS = (  # With what matplotlib's own font lacks, the best first.
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "Noto Sans CJK JP",
    "PingFang SC",
    "Hiragino Sans GB",
    "Microsoft YaHei",
    "SimHei",
    "Arial Unicode MS",
)
_WORDS_IN_A_ROW = 8
_AXIS_COLOURS = {"x": "#D55E00", "y": "#0072B2", "z": "#009E73"}  # Okabe and Ito's.


def check_plot(path: str | os.PathLike, count: int) -> None:
    """Checks that so many examples can be drawn into a file: now, not after the work.

    Raises:
        UserError: The file's suffix is not a format that matplotlib writes, its folder
            is not there or cannot be written, or the examples are too many.
    """
    file = pathlib.Path(path)
    formats = set(Figure().canvas.get_supported_filetypes()) - {"pgf"}  # Needs LaTeX.
    if file.suffix[1:].lower() not in formats:
        raise UserError(
            f"A plot's file must end in .{', .'.join(sorted(formats))}. "
            f"Received: {str(path)!r}"
        )
    if not file.parent.is_dir() or not os.access(file.parent, os.W_OK):
        raise UserError(
            "A plot's folder must be there and be writable. "
            f"Received: {str(file.parent)!r}"
        )
    if count > LARGEST_COUNT:
        raise UserError(
            f"A plot holds at most {LARGEST_COUNT} examples. Received: count={count}"
        )


def draw(task: str, examples: list[Example], path: str | os.PathLike) -> list[str]:
    """Writes a figure with a panel for each example, one under the other.

    What matplotlib's font lacks is drawn with one of CHINESE_FONTS, if the machine has
    one.

    Args:
        task: The set's task, as its card has it.
        examples: What `show.examples` gave.
        path: The file; its suffix is the format.

    Returns:
        The characters that no font has: there is a box in the place of each.
    """
    fonts = [one for one in CHINESE_FONTS if one in font_manager.get_font_names()]
    families = [*matplotlib.rcParams["font.family"], *fonts]
    with matplotlib.rc_context({"font.family": families}):
        figure = _figure(task, examples)
        content = io.BytesIO()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            figure.savefig(content, format=pathlib.Path(path).suffix[1:].lower())
    pathlib.Path(path).write_bytes(content.getvalue())
    lacking = set()
    for one in caught:
        glyph = re.match(r"Glyph (\d+) .*missing", str(one.message))
        if glyph:
            lacking.add(chr(int(glyph[1])))
        else:
            warnings.warn_explicit(one.message, one.category, one.filename, one.lineno)
    return sorted(lacking)


def _figure(task: str, examples: list[Example]) -> Figure:
    draw_example, height = _PANELS[task]
    heights = [0.4 + height(example.values) for example in examples]  # In inches.
    figure = Figure(figsize=(10, sum(heights)), dpi=100, layout="constrained")
    panels = figure.subplots(
        len(examples), squeeze=False, gridspec_kw={"height_ratios": heights}
    )
    for example, panel in zip(examples, panels[:, 0]):
        panel.set_title(example.heading, loc="left", fontsize="medium")
        panel.title.set_parse_math(False)
        draw_example(panel, example.values)
    return figure


def _draw_sentence(panel: Axes, values: dict[str, Any]) -> None:
    """A table of words over slots, a few words to a row."""
    panel.set_axis_off()
    cells, colours = [], []
    for start in range(0, len(values["words"]), _WORDS_IN_A_ROW):
        for key, colour in (("words", "white"), ("slots", "0.93")):
            row = list(values[key][start : start + _WORDS_IN_A_ROW])
            cells.append(row + [""] * (_WORDS_IN_A_ROW - len(row)))
            colours.append([colour] * _WORDS_IN_A_ROW)
    table = panel.table(cells, cellColours=colours, cellLoc="center", bbox=(0, 0, 1, 1))
    table.auto_set_font_size(False)
    for cell in table.get_celld().values():
        cell.set_edgecolor("0.8")
        text = cell.get_text()
        text.set_parse_math(False)
        text.set_fontsize(min(9, 130 / max(12, len(text.get_text()))))


def _sentence_height(values: dict[str, Any]) -> float:
    return 0.5 * -(-len(values["words"]) // _WORDS_IN_A_ROW)


def _draw_lines(panel: Axes, values: dict[str, Any]) -> None:
    panel.set_axis_off()
    text = panel.text(0, 1, "\n".join(_lines(values)), va="top")
    text.set_parse_math(False)


def _lines_height(values: dict[str, Any]) -> float:
    return 0.2 * len(_lines(values))


def _lines(values: dict[str, Any]) -> list[str]:
    """A review, a tune, or a sentence in its languages, as wrapped lines."""
    if "tune" in values:
        return values["tune"].splitlines()
    languages = [key for key in ("en", "de", "fr", "zh") if key in values]
    lines = [f"{key}:  {values[key]}" for key in languages] or [values["text"]]
    # Chinese characters are as wide as two.
    width = 55 if "zh" in values else 110
    return [part for line in lines for part in textwrap.wrap(line, width)]


def _draw_music(panel: Axes, values: dict[str, Any]) -> None:
    from keras_seqzoo.datasets.piano_roll_files import LOWEST_PITCH

    roll = values["roll"]  # (time, keys)
    used = np.flatnonzero(roll.any(axis=0))
    low, high = (used[0], used[-1] + 1) if len(used) else (0, roll.shape[1])
    panel.imshow(
        roll[:, low:high].T,
        aspect="auto",
        origin="lower",
        interpolation="nearest",
        cmap="Greys",
        extent=(0, len(roll), low + LOWEST_PITCH - 0.5, high + LOWEST_PITCH - 0.5),
    )
    panel.set(xlabel="step", ylabel="MIDI pitch")


def _draw_activity(panel: Axes, values: dict[str, Any]) -> None:
    from keras_seqzoo.datasets.uci_har import SAMPLE_RATE

    acceleration = values["acceleration"]  # (time, 3)
    seconds = np.arange(len(acceleration)) / SAMPLE_RATE
    for (name, colour), axis in zip(_AXIS_COLOURS.items(), acceleration.T):
        panel.plot(seconds, axis, color=colour, label=name)
    panel.set(xlabel="seconds", ylabel="g", xlim=(0, seconds[-1]))
    panel.grid(color="0.9")
    panel.legend(loc="upper right", fontsize="small", ncols=3)


def _draw_series(panel: Axes, values: dict[str, Any]) -> None:
    series = values["frames"] if "frames" in values else values["series"]
    panel.plot(series)  # a curve for each channel
    panel.set(xlabel="step", xlim=(0, max(1, len(series) - 1)))
    panel.grid(color="0.9")


def _draw_speech(panel: Axes, values: dict[str, Any]) -> None:
    decibels = log_mel(values)  # (frames, bands)
    loudest = decibels.max()
    panel.imshow(
        decibels.T,
        aspect="auto",
        origin="lower",
        vmin=loudest - 60,
        vmax=loudest,
        extent=(0, len(values["audio"]) / values["sample_rate"], 0, decibels.shape[1]),
    )
    panel.set(xlabel="seconds", ylabel="mel band")


def _draw_picture(panel: Axes, values: dict[str, Any]) -> None:
    panel.imshow(values["image"], extent=(0, 1, 0, 1))
    panel.set(xlim=(0, 4), ylim=(0, 1))
    panel.set_axis_off()
    captions = "\n".join(
        textwrap.fill(caption, 75, subsequent_indent="   ")
        for caption in values["captions"]
    )
    text = panel.text(1.05, 1, captions, va="top", linespacing=1.4)
    text.set_parse_math(False)


_PANELS = {  # Task -> how an example is drawn, and the height it takes in inches.
    "slot filling": (_draw_sentence, _sentence_height),
    "sentiment": (_draw_lines, _lines_height),
    "abc": (_draw_lines, _lines_height),
    "language modelling": (_draw_lines, _lines_height),
    "music": (_draw_music, lambda values: 2.6),
    "activity": (_draw_activity, lambda values: 2.2),
    "series": (_draw_series, lambda values: 2.2),
    "speech": (_draw_speech, lambda values: 2.2),
    "cepstra": (_draw_series, lambda values: 2.2),
    "translation": (_draw_lines, _lines_height),
    "captioning": (_draw_picture, lambda values: 2.3),
}
