"""`seqzoo generate`: music or text from a pretrained model."""

import os
import pathlib
import shutil
import sys

import click

from keras_seqzoo.cli.media import Medium, medium_of
from keras_seqzoo.cli.options import json_option, load_model
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json, results_only


@click.command("generate", short_help="Make music or text, or go on with yours.")
@click.argument("tag")
@click.option(
    "--steps",
    type=click.IntRange(1, 100_000),
    help="How many steps of music to make, or tokens of text at most.  "
    "[default: 64 of music, 2000 characters, 100 words]",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--temperature",
    type=float,
    default=1.0,
    show_default=True,
    help="Below 1 safer, above 1 wilder; 0 takes what is likeliest.",
)
@click.option(
    "--top-k",
    type=click.IntRange(1),
    help="Only the K likeliest of a step may come.",
)
@click.option(
    "--top-p",
    type=click.FloatRange(0, 1, min_open=True),
    help="Only the likeliest that make this share.",
)
@click.option(
    "--primer",
    metavar="FILE|TEXT",
    help="A MIDI file to go on from; of a model of text, a text or a file of it.",
)
@click.option(
    "-o",
    "--output",
    multiple=True,
    type=click.Path(dir_okay=False),
    help="A file to write, .mid or .png of music, .txt or .abc of text; may be given "
    "many times.",
)
@json_option
def generate_command(
    tag: str,
    steps: int | None,
    seed: int,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
    primer: str | None,
    output: tuple[str, ...],
    as_json: bool,
) -> None:
    """Make music or text with the model TAG, from nothing or from a primer on.

    TAG is a pretrained model's name, a preset folder or a zip of one, or an exported
    .tflite or .onnx file with steps. Without --output a text is printed, and music is
    drawn with characters as a piano roll. The pretrained models of music know pieces in
    C major and C minor: move a primer there first.

    \b
    Examples:
      seqzoo generate lstm_piano_roll.jsb --seed 3 --temperature 0.8 -o tune.mid
      seqzoo generate lstm_piano_roll.jsb_wide --primer mine.mid -o on.mid -o on.png
      seqzoo generate lstm_character_model.folk_abc --primer tune.abc -o whole.abc
    """
    with results_only():
        model = load_model(tag)
        medium = medium_of(model, tag)
        for path in output:
            _check_output(path, medium)
        options = {} if steps is None else {"steps": steps}
        if primer is not None:
            options["primer"] = medium.read(model, primer)
        made = model.generate(
            seed=seed, temperature=temperature, top_k=top_k, top_p=top_p, **options
        )
    for path in output:
        medium.files[_suffix(path)](path, made, model, tag)
    if as_json:
        print_json({"tag": tag, **medium.as_json(made, model), "files": list(output)})
    elif output:
        click.echo(f"Wrote {', '.join(output)}", err=True)
    else:
        columns = max(20, shutil.get_terminal_size().columns)
        text = medium.drawn(made, model, columns)
        encoding = sys.stdout.encoding or "utf-8"
        click.echo(text.encode(encoding, "replace").decode(encoding))


def _check_output(path: str, medium: Medium) -> None:
    """Now, not after the work."""
    if _suffix(path) not in medium.files:
        raise UserError(
            f"--output must end in {' or '.join(medium.files)}. Received: {path}"
        )
    if not os.access(pathlib.Path(path).parent, os.W_OK):
        raise UserError(f"--output must be in a folder that can be written: {path}")


def _suffix(path: str) -> str:
    return pathlib.Path(path).suffix.lower()
