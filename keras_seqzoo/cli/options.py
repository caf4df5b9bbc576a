"""Options that several commands share."""

from typing import Any

import click

json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON value and nothing else."
)
data_dir_option = click.option(
    "--data-dir",
    type=click.Path(exists=True, file_okay=False),
    help="Folder of a local copy of the data set; fetched if not given.",
)
split_option = click.option(
    "--split",
    metavar="NAME",
    default="test",
    show_default=True,
    help="Part of the data set; `seqzoo data info SET` names them.",
)


def load_model(tag: str) -> Any:
    """A pretrained model, a preset, or the runner of an exported file."""
    if tag.endswith((".tflite", ".onnx")):
        from keras_seqzoo import runtime

        return runtime.load(tag)
    from keras_seqzoo import registry

    return registry.load(tag)
