"""What `seqzoo predict` says of a text's class, and what each of its words weighs."""

from collections.abc import Sequence
from typing import Any

import click

from keras_seqzoo.cli.drawing import (
    check_drawing,
    fonts,
    noting_missing_fonts,
    write_drawing,
)
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json

WEIGHT_COLOUR = (230, 159, 0)  # Okabe and Ito's orange
Words = Sequence[tuple[str, float]]

# Of a drawing.
MOST_WORDS = 1000
LONGEST_WORD = 60  # characters; the rest of a word is not drawn
WIDTH, MARGIN, LINE = 8.0, 0.2, 0.32  # inches
SPACE = 0.1


def predict_classes(
    model: Any,
    sentences: Sequence[str],
    plot: bool,
    output: str | None,
    as_json: bool,
) -> None:
    """Prints the classes of sentences; draws the words of one into a file.

    Args:
        model: A classifier of text, or the runner of an exported one.
        sentences: Any number of them.
        plot: Whether to show the words in the terminal, coloured by their weights.
        output: A file to draw them into, or None.
        as_json: Whether to print JSON.

    Raises:
        UserError: A sentence has no word, or a drawing cannot be made of the sentences.
    """
    for sentence in sentences:
        if not sentence.split():
            raise UserError(f"INPUT must have a word or more. Received: {sentence!r}")
    if output is not None:
        if not sentences:
            raise UserError("--output must be for one INPUT. Received: none")
        check_drawing(output, sentences, "sentences")
    explained = model.explain(sentences) if sentences else []
    if output is not None:
        draw_words(*explained[0], output)
    if as_json:
        print_json([_as_json(*one) for one in explained])
        return
    for label, chance, words in explained:
        line = f"{label}  {chance:.3f}"
        if plot:
            line += "  " + coloured(words)
        # Colours were asked for, whatever the output is.
        click.echo(line, color=plot or None)
    if output is not None:
        click.echo(f"Wrote {output}", err=True)


def coloured(words: Words) -> str:
    """The words on their `grounds`, for a terminal."""
    pairs = zip(words, grounds(words), strict=True)
    return " ".join(
        click.style(word, fg=(0, 0, 0), bg=ground) for (word, _), ground in pairs
    )


def grounds(words: Words) -> list[tuple[int, int, int]]:
    """A colour for each word: white of no weight, orange of the heaviest."""
    heaviest = max((weight for _, weight in words), default=1.0)
    shares = [weight / heaviest for _, weight in words]
    return [
        tuple(round(255 + share * (c - 255)) for c in WEIGHT_COLOUR) for share in shares
    ]


def draw_words(label: str, chance: float, words: Words, path: str) -> None:
    """Draws the words in lines, each on its ground, under class and probability.

    Args:
        label, chance: The class and its probability, the title.
        words: Each word and its weight.
        path: The drawing's file; its suffix is the format.

    Raises:
        UserError: They are more than MOST_WORDS.
    """
    if len(words) > MOST_WORDS:
        raise UserError(
            f"--output must be for at most {MOST_WORDS} words. Received: {len(words)}"
        )
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, 1.0), dpi=100)
    title = figure.text(0, 0, f"{label}  {chance:.3f}", weight="bold", family=fonts())
    title.set_parse_math(False)
    placed, line, at = [(title, 0, MARGIN)], 1, MARGIN
    with noting_missing_fonts():
        for (word, _), ground in zip(words, grounds(words), strict=True):
            shown = word if len(word) <= LONGEST_WORD else f"{word[:LONGEST_WORD]}..."
            colour = [c / 255 for c in ground]
            box = {"facecolor": colour, "edgecolor": "none", "pad": 2}
            text = figure.text(0, 0, shown, family=fonts(), bbox=box)
            text.set_parse_math(False)
            room = text.get_window_extent().width / figure.dpi
            if at > MARGIN and at + room > WIDTH - MARGIN:
                line, at = line + 1, MARGIN
            placed.append((text, line, at))
            at += room + SPACE
        height = 2 * MARGIN + LINE * (line + 1)
        figure.set_size_inches(WIDTH, height)
        for text, line, at in placed:
            text.set_position((at / WIDTH, 1 - (MARGIN + LINE * (line + 0.7)) / height))
        write_drawing(figure, path)


def _as_json(label: str, chance: float, words: Words) -> dict[str, Any]:
    return {
        "label": label,
        "probability": chance,
        "words": [{"word": word, "weight": weight} for word, weight in words],
    }
