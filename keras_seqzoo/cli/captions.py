"""What `seqzoo predict` says of pictures: captions, and where each word looked."""

from collections.abc import Sequence
from typing import Any

import click
import numpy as np

from keras_seqzoo.cli.drawing import check_drawing, write_drawing
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json

PANELS_IN_A_ROW = 5
PIXELS = 224  # Of a picture in the drawing.


def predict_captions(
    model: Any, inputs: Sequence[str], output: str | None, as_json: bool
) -> None:
    """Prints the captions of picture files; draws the attention of one into a file.

    Args:
        model: A captioner, or the runner of an exported one.
        inputs: The files' names.
        output: The drawing's file, or None.
        as_json: Whether to print JSON.

    Raises:
        UserError: There is no picture or it cannot be read, or a drawing cannot be
            made of it.
    """
    if not inputs or "-" in inputs:
        raise UserError("INPUT must be picture files. Received: standard input")
    attends = getattr(model, "attends", False)
    if output is not None:
        if not attends:
            raise UserError(
                "--output must be left out: the model does not attend to parts of a "
                f"picture. Received: {output}"
            )
        check_drawing(output, inputs, "pictures")
    if attends:
        found = model.attention(inputs)
    else:
        found = [(caption, []) for caption in model.caption(inputs)]
    if output is not None:
        draw_attention(inputs[0], *found[0], output)
    if as_json:
        print_json([_as_json(*row) for row in zip(inputs, found)])
        return
    for name, (caption, _) in zip(inputs, found):
        click.echo(f"{name}  {caption}" if len(inputs) > 1 else caption)
    if output is not None:
        click.echo(f"Wrote {output}", err=True)


def draw_attention(
    picture: str, caption: str, words: Sequence[tuple[str, np.ndarray]], path: str
) -> None:
    """Writes the picture, and for each word the picture lit where it was looked at.

    Of each word the least weight is dark and the largest bright, however near they are.

    Args:
        picture: The picture's file.
        caption: Its caption.
        words: Each word and its weights `(rows, columns)`.
        path: The drawing's file; its suffix is the format.
    """
    from matplotlib.figure import Figure
    from PIL import Image

    from keras_seqzoo.runtime.pictures import pictures_of

    size = (PIXELS, PIXELS)
    (pixels,) = pictures_of([picture])
    pixels = np.asarray(Image.fromarray(pixels).resize(size))  # as the model sees it
    rows = 1 + len(words) // PANELS_IN_A_ROW
    figure = Figure(
        figsize=(2 * PANELS_IN_A_ROW, 2.3 * rows), dpi=100, layout="constrained"
    )
    panels = figure.subplots(rows, PANELS_IN_A_ROW, squeeze=False).ravel()
    for panel in panels:
        panel.set_axis_off()
    panels[0].imshow(pixels)
    for panel, (word, weights) in zip(panels[1:], words):
        light = (weights - weights.min()) / max(float(np.ptp(weights)), 1e-9)
        light = Image.fromarray(light.astype("float32"))
        light = np.asarray(light.resize(size, Image.Resampling.BICUBIC)).clip(0, 1)
        shown = pixels * (0.25 + 0.75 * light[..., None])
        panel.imshow(shown.astype("uint8"))
        panel.set_title(word, fontsize="medium").set_parse_math(False)
    figure.suptitle(caption).set_parse_math(False)
    write_drawing(figure, path)


def _as_json(name: str, found: tuple[str, list]) -> dict[str, Any]:
    caption, words = found
    row = {"input": name, "caption": caption}
    if words:
        row["words"] = [
            {"word": word, "attention": [[float(x) for x in line] for line in weights]}
            for word, weights in words
        ]
    return row
