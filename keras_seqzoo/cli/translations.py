"""What `seqzoo predict` says of a sentence to translate, and what each word saw."""

from collections.abc import Sequence
from typing import Any

import click
import numpy as np

from keras_seqzoo.cli.drawing import (
    check_drawing,
    fonts,
    noting_missing_fonts,
    write_drawing,
)
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json


def predict_translations(
    model: Any, sentences: Sequence[str], output: str | None, as_json: bool
) -> None:
    """Prints the translations of sentences; draws the attention of one into a file.

    Args:
        model: A translator, or the runner of an exported one.
        sentences: Any number of them; an empty one's translation is empty.
        output: The drawing's file, or None.
        as_json: Whether to print JSON.

    Raises:
        UserError: A drawing cannot be made of the sentences.
    """
    if output is not None:
        if not model.attends:
            raise UserError(
                "--output must be left out: the model does not attend to the words of "
                f"the source. Received: {output}"
            )
        if len(sentences) != 1 or not sentences[0].split():
            raise UserError(
                "--output must be for one INPUT with a word or more. "
                f"Received: {len(sentences)} sentences, {list(sentences)[:3]}"
            )
        check_drawing(output, sentences, "sentences")
    if model.attends and (as_json or output is not None):
        found = model.attention(sentences)
    else:
        found = [(one, [], [], None) for one in model.translate(sentences)]
    if output is not None:
        draw_attention(*found[0][1:], output)
    if as_json:
        print_json([_as_json(*row) for row in zip(sentences, found)])
        return
    for translation, *_ in found:
        click.echo(translation)
    if output is not None:
        click.echo(f"Wrote {output}", err=True)


def draw_attention(
    words: Sequence[str], source: Sequence[str], weights: np.ndarray, path: str
) -> None:
    """Writes a heat map: a row for each word, a column for each of the source.

    Args:
        words: Of the translation.
        source: Words of the source.
        weights: `(words, source words)`, from 0 to 1, the darker the more.
        path: The drawing's file; its suffix is the format.
    """
    from matplotlib.figure import Figure

    size = 2.0 + 0.42 * len(source), 1.6 + 0.32 * len(words)
    figure = Figure(figsize=size, dpi=120, layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(weights, cmap="Blues", vmin=0.0, vmax=1.0, aspect="auto")
    axes.set_xticks(range(len(source)), source, rotation=60, ha="left")
    axes.set_yticks(range(len(words)), words)
    axes.xaxis.tick_top()
    for label in [*axes.get_xticklabels(), *axes.get_yticklabels()]:
        label.set_family(fonts())
        label.set_parse_math(False)
        label.set_rotation_mode("anchor")
    figure.colorbar(picture, label="attention")
    with noting_missing_fonts():
        write_drawing(figure, path)


def _as_json(sentence: str, found: tuple) -> dict[str, Any]:
    translation, words, source, weights = found
    row = {"input": sentence, "translation": translation}
    if weights is not None:
        row["source_words"] = list(source)
        row["words"] = [
            {"word": word, "attention": [float(x) for x in line]}
            for word, line in zip(words, weights)
        ]
    return row
