"""`seqzoo generate`: music from a pretrained model."""

import os
import pathlib
import shutil
import sys
from typing import Any

import click

from keras_seqzoo.cli.options import json_option, load_model
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json, results_only

_FILES = (".mid", ".png")


@click.command("generate", short_help="Make music: MIDI, and a picture of it.")
@click.argument("tag")
@click.option(
    "--steps",
    type=click.IntRange(1, 100_000),
    default=64,
    show_default=True,
    help="How many to make.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    help="Below 1 safer, above 1 wilder; 0 takes what is likelier than not.",
)
@click.option("--top-k", type=int, help="Only the K likeliest of a step may sound.")
@click.option("--top-p", type=float, help="Only the likeliest that make this share.")
@click.option(
    "--primer",
    type=click.Path(exists=True, dir_okay=False),
    help="A MIDI file to go on from.",
)
@click.option(
    "-o",
    "--output",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="A .mid or .png file to write; may be given many times.",
)
@json_option
def generate_command(
    tag: str,
    steps: int,
    seed: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    primer: str | None,
    output: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make music with the model TAG, from nothing or from a primer on.

    TAG is a pretrained model's name, a preset folder or a zip of one, or an exported
    .tflite or .onnx file with steps. Without --output the piano roll is drawn with
    characters.

    \b
    Examples:
      seqzoo generate lstm_piano_roll.jsb --seed 3 --temperature 0.9 -o tune.mid
      seqzoo generate lstm_piano_roll.jsb --primer mine.mid -o on.mid -o on.png
    """
    for path in output:
        _check_output(path)
    with results_only():
        model = load_model(tag)
        if not hasattr(model, "generate"):
            raise UserError(f"{tag} must be a model that makes music.")
        keys = model.num_keys, model.lowest_pitch, model.step_beats
        if primer is not None:
            from keras_seqzoo.preprocessing.midi import read_midi

            primer = read_midi(primer, *keys)
        roll = model.generate(
            steps,
            seed=seed,
            temperature=temperature,
            top_k=top_k,
            top_p=top_p,
            primer=primer,
        )
    for path in output:
        _write(path, roll, tag, keys)
    if as_json:
        pitches = [[int(p) + keys[1] for p in row.nonzero()[0]] for row in roll]
        print_json({"tag": tag, "pitches": pitches, "files": list(output)})
    elif output:
        click.echo(f"Wrote {', '.join(output)}", err=True)
    else:
        from keras_seqzoo.datasets.text_drawing import piano_roll

        width = max(20, shutil.get_terminal_size().columns)
        text = piano_roll(roll, keys[1], width)
        encoding = sys.stdout.encoding or "utf-8"
        click.echo(text.encode(encoding, "replace").decode(encoding))


def _check_output(path: str) -> None:
    """Now, not after the work."""
    file = pathlib.Path(path)
    if file.suffix.lower() not in _FILES:
        raise UserError(f"--output must end in {' or '.join(_FILES)}. Received: {path}")
    if not os.access(file.parent, os.W_OK):
        raise UserError(f"--output must be in a folder that can be written: {path}")


def _write(path: str, roll: Any, tag: str, keys: tuple[int, int, float]) -> None:
    if path.lower().endswith(".mid"):
        from keras_seqzoo.preprocessing.midi import write_midi

        write_midi(path, roll, *keys[1:])
        return
    from keras_seqzoo.datasets.plot import draw
    from keras_seqzoo.datasets.show import Example

    draw("music", [Example(tag, {"roll": roll})], path)
