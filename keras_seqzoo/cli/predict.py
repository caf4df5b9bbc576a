"""`seqzoo predict`: what a model says of text or measurements."""

import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

from keras_seqzoo.cli.options import json_option, load_model
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json, words_over_slots

_WEIGHT_COLOUR = (230, 159, 0)  # Okabe and Ito's orange


@click.command("predict", short_help="Tag or classify sentences or series.")
@click.argument("tag")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("--plot", is_flag=True, help="Colour the words by their weight.")
@json_option
def predict_command(
    tag: str, inputs: tuple[str, ...], plot: bool, as_json: bool
) -> None:
    """Show what the model TAG says of each INPUT: a sentence, or a CSV file.

    A tagger prints words over slots; a classifier the class, its probability, and with
    --plot the words, the more coloured the more they weigh. A model of measurements
    reads CSV files, a row for each time step, a column for each channel: with the
    channels' names (`seqzoo info TAG` has them) in the first line, or in their order.

    TAG is a pretrained model's name, a preset folder or a zip of one, or an exported
    .tflite or .onnx file. Without INPUT, or where it is "-", standard input is read:
    a sentence a line, or one CSV file.

    \b
    Examples:
      seqzoo predict bi_peephole_tagger.atis "i would like to arrive in oulu"
      seqzoo predict bi_peephole_sentiment.sst2 --plot "a film that never loses its way"
      seqzoo predict my_tagger/ --json < sentences.txt
      seqzoo predict bi_gru_series.uci_har walk.csv
    """
    model = load_model(tag)
    if hasattr(model, "predict_series"):
        if plot:
            raise UserError(
                "--plot is for classifiers of text, whose words have weights."
            )
        series = {name: series_of(name, model.channels) for name in inputs or ("-",)}
        found = model.predict_series(list(series.values()))
        show_series(dict(zip(series, found)), as_json)
        return
    if not hasattr(model, "predict_text"):
        raise UserError(
            f"`{tag}` must be a model that reads text or measurements. "
            f"Received: {model!r}"
        )
    explains = hasattr(model, "explain")
    if plot and not explains:
        raise UserError("--plot needs a classifier, whose words have weights.")
    sentences = [line for item in inputs or ("-",) for line in lines_of(item)]
    if explains:
        for sentence in sentences:
            if not sentence.split():
                raise UserError(
                    f"INPUT must have a word or more. Received: {sentence!r}"
                )
        show_classes(model.explain(sentences) if sentences else [], plot, as_json)
    else:
        show_slots(model.predict_text(sentences) if sentences else [], as_json)


def show_slots(tagged: Sequence[Sequence[tuple[str, str]]], as_json: bool) -> None:
    """Words over slots, sentence by sentence."""
    if as_json:
        print_json([[{"word": w, "slot": s} for w, s in pairs] for pairs in tagged])
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    for number, pairs in enumerate(tagged):
        if number:
            click.echo()
        click.echo(words_over_slots(pairs, width))


def show_classes(explained: Sequence[Any], plot: bool, as_json: bool) -> None:
    """Class and probability, a line a sentence, with its words if they are coloured."""
    if as_json:
        print_json(
            [
                {
                    "label": label,
                    "probability": chance,
                    "words": [{"word": w, "weight": x} for w, x in words],
                }
                for label, chance, words in explained
            ]
        )
        return
    for label, chance, words in explained:
        line = f"{label}  {chance:.3f}"
        if plot:
            line += "  " + coloured(words)
        # Colours were asked for, whatever the output is.
        click.echo(line, color=plot or None)


def show_series(found: dict[str, tuple[str, float]], as_json: bool) -> None:
    """Class and probability, a line a file."""
    if as_json:
        rows = [
            {"input": name, "label": label, "probability": chance}
            for name, (label, chance) in found.items()
        ]
        print_json(rows)
        return
    for name, (label, chance) in found.items():
        file = f"{name}  " if len(found) > 1 else ""
        click.echo(f"{file}{label}  {chance:.3f}")


def series_of(item: str, channels: Sequence[str]) -> Any:
    """The series in a CSV file, or in standard input."""
    from keras_seqzoo.preprocessing.series_csv import parse_series, read_series

    if item == "-":
        return parse_series(sys.stdin.buffer.read(), channels, "standard input")
    return read_series(item, channels)


def coloured(words: Sequence[tuple[str, float]]) -> str:
    """The words on a ground that is white for no weight, orange for the heaviest."""
    heaviest = max((weight for _, weight in words), default=1.0)
    shown = []
    for word, weight in words:
        share = weight / heaviest
        ground = tuple(round(255 + share * (c - 255)) for c in _WEIGHT_COLOUR)
        shown.append(click.style(word, fg=(0, 0, 0), bg=ground))
    return " ".join(shown)


def lines_of(item: str) -> list[str]:
    """The sentences an argument stands for: itself, or standard input's lines."""
    if item == "-":
        raw = sys.stdin.buffer.read().decode("utf-8", "replace")
        return raw.splitlines()
    return [item.encode("utf-8", "replace").decode()]
