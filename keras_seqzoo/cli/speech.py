"""What `seqzoo predict` says of sound: its text, and the labels over time."""

import pathlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click
import numpy as np

from keras_seqzoo.cli.drawing import check_drawing
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json

LONGEST_PLOT = 60  # seconds
SHADES = " .:-=+*#%@"  # of probabilities from 0 to 1


def predict_speech(
    model: Any,
    inputs: Sequence[str],
    plot: bool,
    output: str | None,
    sample_rate: int | None,
    as_json: bool,
) -> None:
    """Prints the text of sound files, or of raw samples as they come.

    Args:
        model: A speech recogniser, or the runner of an exported one.
        inputs: The files' names; "-" is standard input.
        plot: Whether to show the labels over time in the terminal.
        output: A file to draw them into, or None.
        sample_rate: Of standard input, in Hz; None for the model's.
        as_json: Whether to print JSON.

    Raises:
        UserError: An input cannot be read or is not what the model hears, or cannot be
            drawn.
    """
    if output is not None:
        check_drawing(output, inputs, "sounds")
    if (plot or output) and "-" in inputs:
        raise UserError("--plot and --output need files. Received: standard input")
    if sample_rate is not None and "-" not in inputs:
        raise UserError("--sample-rate is of standard input. Received: files alone")
    rows = []
    for name in inputs:
        if plot or output:
            sound = _whole(model, name)
            parts = [_text(model, sound)]
        else:
            parts = _parts(model, name, sample_rate)
        if as_json:
            rows.append({"input": name, "text": "".join(parts)})
        else:
            _print_said(parts, name if len(inputs) > 1 else None)
        if plot and not as_json:
            click.echo(chart(*model.posteriors(sound), model.transcripts.labels))
        if output:
            draw_posteriors(
                *model.posteriors(sound), model.transcripts.labels, parts[0], output
            )
            click.echo(f"Wrote {output}", err=True)
    if as_json:
        print_json(rows)


def _parts(model: Any, name: str, sample_rate: int | None) -> Iterator[str]:
    """The text of an input, part by part."""
    from keras_seqzoo.runtime.frame_files import read_frames
    from keras_seqzoo.runtime.sound import raw_blocks, read_wav

    if model.sample_rate is None:
        if name == "-":
            raise UserError(
                f"INPUT must be files of frames of {model.features} features. "
                "Received: standard input"
            )
        yield from model.predict_frames([read_frames(name, model.features)])
    elif name == "-":
        rate = model.sample_rate if sample_rate is None else sample_rate
        yield from model.transcribe(raw_blocks(sys.stdin.buffer), rate)
    else:
        rate, blocks = read_wav(name)
        yield from model.transcribe(blocks, rate)


def _print_said(parts: Iterable[str], name: str | None) -> None:
    """Prints the text as it comes; none of it is kept, for a stream has no end."""
    if name:
        click.echo(f"{name}  ", nl=False)
    for part in parts:
        if part:
            click.echo(part, nl=False)
            sys.stdout.flush()
    click.echo()


def _whole(model: Any, name: str) -> np.ndarray:
    """A file's samples, of the model's rate, or its frames."""
    from keras_seqzoo.runtime.frame_files import read_frames
    from keras_seqzoo.runtime.sound import at_rate, read_wav

    if model.sample_rate is None:
        return read_frames(name, model.features)
    rate, blocks = read_wav(name)
    found, count = [], 0
    for block in at_rate(blocks, rate, model.sample_rate):
        found.append(block)
        count += len(block)
        if count > LONGEST_PLOT * model.sample_rate:
            raise UserError(f"{name}: must be {LONGEST_PLOT} s or less to be drawn.")
    if not found:
        raise UserError(f"{name}: must have sound to be drawn. Received: no sample")
    return np.concatenate(found)


def _text(model: Any, sound: np.ndarray) -> str:
    if model.sample_rate is None:
        return model.predict_frames([sound])[0]
    return model.predict_audio(sound)


def chart(p: np.ndarray, seconds: float | None, labels: Sequence[str]) -> str:
    """The probabilities over time in lines of text, one for each label that is likely.

    Args:
        p: `(steps, 1 + labels)`, the blank first.
        seconds: Of a step, or None.
        labels: Their names.
    """
    width = min(len(p), 100)
    columns = np.array_split(p, width)
    shown = [i for i in range(1, p.shape[1]) if p[:, i].max() >= 0.5]
    names = ["blank", *(repr(one)[1:-1] for one in labels)]
    room = max(len(names[i]) for i in (0, *shown))
    lines = []
    for i in (*shown, 0):
        levels = [float(one[:, i].max()) for one in columns]
        shades = "".join(SHADES[round(x * (len(SHADES) - 1))] for x in levels)
        lines.append(f"{names[i]:>{room}} |{shades}|")
    end = f"{seconds * len(p):.1f} s" if seconds else f"{len(p)} steps"
    return "\n".join([*lines, f"{'':{room}}  0{end:>{max(1, width - 1)}}"])


def draw_posteriors(
    p: np.ndarray, seconds: float | None, labels: Sequence[str], text: str, path: str
) -> None:
    """Draws the probability of each likely label, and of the blank, over time.

    Args:
        p, seconds, labels: As of `chart`.
        text: What is said, the title.
        path: The drawing's file; its suffix is the format.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.5), dpi=100, layout="constrained")
    axes = figure.subplots()
    time = (np.arange(len(p)) + 0.5) * (seconds or 1)
    axes.plot(time, p[:, 0], color="0.7", linestyle=":", label="blank")
    for i, label in enumerate(labels, 1):
        if p[:, i].max() >= 0.5:
            (line,) = axes.plot(time, p[:, i])
            at = int(np.argmax(p[:, i]))
            axes.annotate(
                repr(label)[1:-1] if label.strip() else "space",
                (time[at], p[at, i]),
                xytext=(0, 3),
                textcoords="offset points",
                ha="center",
                color=line.get_color(),
                parse_math=False,
            )
    axes.set(
        xlabel="seconds" if seconds else "steps", ylabel="probability", ylim=(0, 1.12)
    )
    axes.set_xlim(0, len(p) * (seconds or 1))
    axes.legend(loc="upper right", frameon=False)
    figure.suptitle(text).set_parse_math(False)
    figure.savefig(path, format=pathlib.Path(path).suffix[1:].lower())
