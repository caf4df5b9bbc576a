"""`seqzoo predict`: what a model says of text, measures, music, pictures or sound."""

import shutil
import sys
from collections.abc import Sequence
from typing import Any

import click

from keras_seqzoo.cli.media import Expected, medium_of
from keras_seqzoo.cli.options import beams_option, json_option, load_model
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json, words_over_slots

_PLOT_NEEDS = "--plot needs a classifier of text, or a speech recogniser."
_DRAWN_WITH_O = "What each word saw is drawn with -o FILE."


@click.command("predict", short_help="Tag, classify, judge or describe your input.")
@click.argument("tag")
@click.argument("inputs", nargs=-1, metavar="[INPUT]...")
@click.option("--plot", is_flag=True, help="Show words by weight, or labels over time.")
@click.option(
    "-o",
    "--output",
    type=click.Path(dir_okay=False),
    help="File (.png) to draw into what each word of a caption or translation saw, the "
    "words by weight, or the labels over time.",
)
@beams_option
@click.option(
    "--sample-rate", type=int, help="Of raw sound from standard input, not the model's."
)
@json_option
def predict_command(
    tag: str,
    inputs: tuple[str, ...],
    plot: bool,
    output: str | None,
    beams: int | None,
    sample_rate: int | None,
    as_json: bool,
) -> None:
    """Show what the model TAG says of each INPUT: a sentence or a file.

    A tagger prints words over slots; a classifier the class, its probability, and with
    --plot, or in a drawing with -o, the words, the more coloured the more they weigh. A
    model of measurements
    reads CSV files, a row for each time step, a column for each channel: with the
    channels' names (`seqzoo info TAG` has them) in the first line, or in their order.
    A model that makes text or music says how likely a text, or the music of a MIDI
    file, is, and what it expects next. A model of pictures describes each file in a
    sentence. A translator prints each sentence's translation. A speech recogniser
    writes down WAV files, or from "-" raw samples of 16 bits as they come; one that
    starts at frames reads them from .npy or Sphinx files.

    TAG is a pretrained model's name, a preset folder or a zip of one, or an exported
    .tflite or .onnx file. Without INPUT, or where it is "-", standard input is read:
    a sentence a line, one CSV file, or one text.

    \b
    Examples:
      seqzoo predict bi_peephole_tagger.atis "i would like to arrive in oulu"
      seqzoo predict bi_peephole_sentiment.sst2 --plot "It's good, isn't it?"
      seqzoo predict bi_peephole_sentiment.sst2 "It's good." -o words.png
      seqzoo predict my_tagger/ --json < sentences.txt
      seqzoo predict bi_gru_series.uci_har walk.csv
      seqzoo predict lstm_character_model.folk_abc tune.abc
      seqzoo predict lstm_piano_roll.jsb chorale.mid
      seqzoo predict lstm_show_attend_and_tell.flickr8k photo.jpg -o seen.png
      seqzoo predict bi_peephole_speech.fsdd digit.wav --plot
      arecord -r 8000 -f S16_LE -t raw | seqzoo predict my_streaming_preset/ -
      seqzoo predict my_translator/ "a man rides a bicycle." -o seen.png
    """
    model = load_model(tag, beams)
    if hasattr(model, "transcribe"):
        from keras_seqzoo.cli.speech import predict_speech

        predict_speech(model, inputs or ("-",), plot, output, sample_rate, as_json)
        return
    if sample_rate is not None:
        raise UserError("--sample-rate needs a speech recogniser.")
    if hasattr(model, "caption"):
        if plot:
            raise UserError(f"{_PLOT_NEEDS} {_DRAWN_WITH_O}")
        from keras_seqzoo.cli.captions import predict_captions

        predict_captions(model, inputs, output, as_json)
        return
    if hasattr(model, "translate"):
        if plot:
            raise UserError(f"{_PLOT_NEEDS} {_DRAWN_WITH_O}")
        from keras_seqzoo.cli.translations import predict_translations

        sentences = [line for item in inputs or ("-",) for line in lines_of(item)]
        predict_translations(model, sentences, output, as_json)
        return
    if hasattr(model, "explain"):
        from keras_seqzoo.cli.sentiment import predict_classes

        sentences = [line for item in inputs or ("-",) for line in lines_of(item)]
        predict_classes(model, sentences, plot, output, as_json)
        return
    if output is not None:
        raise UserError(
            "--output needs a model that classifies text, describes pictures, hears or "
            "translates."
        )
    if plot:
        raise UserError(_PLOT_NEEDS)
    if hasattr(model, "predict_series"):
        series = {name: series_of(name, model.channels) for name in inputs or ("-",)}
        found = model.predict_series(list(series.values()))
        show_series(dict(zip(series, found)), as_json)
        return
    if hasattr(model, "makes"):
        show_expected(expected_of(model, tag, inputs or ("-",)), as_json)
        return
    if not hasattr(model, "predict_text"):
        raise UserError(
            f"`{tag}` must be a model that reads text, measurements or pictures. "
            f"Received: {model!r}"
        )
    sentences = [line for item in inputs or ("-",) for line in lines_of(item)]
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


def expected_of(
    model: Any, tag: str, inputs: Sequence[str]
) -> list[tuple[str, Expected]]:
    """Each input, and what the model makes of it."""
    medium = medium_of(model, tag)
    found = []
    for item in inputs:
        if item != "-":
            piece = medium.read(model, item)
        elif model.makes == "text":
            piece = sys.stdin.buffer.read().decode("utf-8", "replace")
        else:
            raise UserError("INPUT must be a MIDI file. Received: standard input")
        found.append((item, medium.expected(model, piece)))
    return found


def show_expected(found: Sequence[tuple[str, Expected]], as_json: bool) -> None:
    """How likely each input is and what may come next, two lines an input."""
    if as_json:
        rows = [
            {
                "input": item,
                one.unit: one.steps,
                one.measure: one.value,
                "next": [{"name": name, "probability": p} for name, p in one.next],
            }
            for item, one in found
        ]
        print_json(rows)
        return
    for item, one in found:
        figure = f", {one.measure} {one.value:.2f}" if one.value is not None else ""
        unit = one.unit.removesuffix("s") if one.steps == 1 else one.unit
        likely = "  ".join(f"{_visible(name)} {p:.3f}" for name, p in one.next)
        first = item.strip().partition("\n")[0] or "(nothing)"
        click.echo(f"{first}: {one.steps} {unit}{figure}\n  next: {likely}")


def _visible(name: str) -> str:
    """The name, in quotes if it is white space or not to be printed."""
    return name if name.isprintable() and not name.isspace() else repr(name)


def series_of(item: str, channels: Sequence[str]) -> Any:
    """The series in a CSV file, or in standard input."""
    from keras_seqzoo.preprocessing.series_csv import parse_series, read_series

    if item == "-":
        return parse_series(sys.stdin.buffer.read(), channels, "standard input")
    return read_series(item, channels)


def lines_of(item: str) -> list[str]:
    """The sentences an argument stands for: itself, or standard input's lines."""
    if item == "-":
        raw = sys.stdin.buffer.read().decode("utf-8", "replace")
        return raw.splitlines()
    return [item.encode("utf-8", "replace").decode()]
