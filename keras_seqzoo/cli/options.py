"""Options that several commands share."""

import os
from typing import Any

import click

from keras_seqzoo.errors import UserError, first_line

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value and nothing else."
)
beams_option = click.option(
    "--beams",
    type=int,
    help="Beams of the search, not the model's own; 1 is greedy. For translators, "
    "speech recognisers and models that describe pictures.",
)
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False),
    help="Folder of a local copy of the data set; fetched if not given.",
)
split_option = click.option(
    "--split",
    metavar="NAME",
    help="Part of the data set; by default that of TAG's own figure, or test. `seqzoo "
    "data info SET` names them.",
)


def load_model(tag: str, beams: int | None = None) -> Any:
    """A pretrained model, a preset, or the runner of an exported file.

    Args:
        tag: Its name or file.
        beams: Of its search; None for its own.
    """
    search = {}
    if beams is not None:  # without them a file needs no TensorFlow
        from keras_seqzoo.models.search_arguments import search_overrides

        search = search_overrides(tag, beams)
    if tag.endswith((".tflite", ".onnx")):
        from keras_seqzoo import runtime

        return runtime.load(tag)
    from keras_seqzoo import registry

    return registry.load(tag, **search)


def load_keras_file(path: str) -> Any:
    """The model of a .keras file, which may hold our layers."""
    import keras

    import keras_seqzoo.layers  # noqa: F401  (registers them)

    if not os.path.isfile(path):
        raise UserError(f"TAG must be a file that is there. Received: {path}")
    try:
        return keras.saving.load_model(path, compile=False)
    except Exception as error:  # a damaged archive, or a class that is not known
        raise UserError(f"{path}: cannot be loaded: {first_line(error)}") from error
