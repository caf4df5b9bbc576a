"""`seqzoo export`."""

from collections.abc import Mapping
from typing import Any

import click

from keras_seqzoo.cli.options import (
    beams_option,
    data_dir_option,
    json_option,
    load_keras_file,
    split_option,
)
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json, results_only


@click.command("export", short_help="Write a TFLite, ONNX or SavedModel file.")
@click.argument("tag")
@click.argument("path", type=click.Path())
@click.option(
    "--quantize",
    type=click.Choice(["float16", "int8", "int8_weights", "full_int8"]),
    help="Smaller numbers (TFLite only); full_int8 needs a data set.",
)
@click.option(
    "--streaming/--no-streaming",
    default=None,
    help="With or without the signature `step`; by default where the model allows it.",
)
@beams_option
@click.option("--overwrite", is_flag=True, help="Replace an export that is there.")
@click.option(
    "--tolerance",
    type=click.FloatRange(min=0, min_open=True),
    help="Largest difference from Keras that is allowed.",
)
@click.option("--dataset", help="Data set to measure on; with --data-dir TAG's own.")
@data_dir_option
@split_option
@click.option(
    "--max-loss",
    type=click.FloatRange(min=0),
    help="How much worse the file's figure may be than Keras', in the figure's unit; "
    "by default 0.5 points, or 0.05 nats.",
)
@json_option
def export_command(
    tag: str,
    path: str,
    quantize: str | None,
    streaming: bool | None,
    beams: int | None,
    overwrite: bool,
    tolerance: float | None,
    dataset: str | None,
    data_dir: str | None,
    split: str | None,
    max_loss: float | None,
    as_json: bool,
) -> None:
    """Write the model TAG to PATH and check the file in its own runtime.

    TAG is a pretrained model's name, a preset folder or a zip of one, or any Keras
    model in a .keras file. PATH ends in .tflite or .onnx; a name without ending is a
    SavedModel's folder.

    Besides whole sequences the file takes them step by step, if the model reads in one
    direction; of x.onnx that is a second file, x.step.onnx.

    With --dataset or --data-dir the file's figure is measured beside Keras', and a file
    that loses more than --max-loss is refused.

    \b
    Examples:
      seqzoo export bi_peephole_tagger.atis tagger.tflite --quantize int8
      seqzoo export gru_tagger.atis x.tflite --quantize full_int8 --data-dir data/atis
      seqzoo export lstm_tagger.atis tagger.onnx --streaming
      seqzoo export bi_peephole_tagger.atis tagger/ --json
      seqzoo export bi_peephole_speech.an4 speech.onnx --beams 16
      seqzoo export mine.keras mine.tflite
    """
    from keras_seqzoo import registry
    from keras_seqzoo.export import ExportError, export
    from keras_seqzoo.models.search_arguments import search_overrides

    options = {} if tolerance is None else {"tolerance": tolerance}
    if quantize == "full_int8" and not (dataset or data_dir):
        raise UserError("--quantize full_int8 needs --dataset or --data-dir.")
    if max_loss is not None and not (dataset or data_dir):
        raise UserError("--max-loss needs --dataset or --data-dir to measure on.")
    is_keras_file = tag.endswith(".keras")
    if is_keras_file and (dataset or data_dir):
        raise UserError("--dataset and --data-dir are for models of the zoo.")
    if is_keras_file and beams is not None:
        raise UserError(f"--beams is for models of the zoo. Received: {beams}")
    try:
        with results_only():
            if is_keras_file:
                model = load_keras_file(tag)
            else:
                model = registry.load(tag, **search_overrides(tag, beams))
            if dataset or data_dir:
                metadata = registry.info(tag).metadata
                options |= data_options(
                    model, metadata, dataset, data_dir, split, quantize
                )
                if max_loss is not None:
                    options["max_loss"] = max_loss
            report = export(
                model,
                path,
                quantize=quantize,
                streaming=streaming,
                overwrite=overwrite,
                **options,
            )
    except ExportError as error:
        raise click.ClickException(" ".join(str(error).split())) from error
    except UserError as error:
        # The library speaks of its argument; here it is an option.
        message = str(error).replace("overwrite is asked for", "--overwrite is given")
        raise UserError(message) from error
    if report.keras_metric == 0:
        click.echo(
            "TAG itself has the figure 0 on this data set: no loss was found.", err=True
        )
    if as_json:
        print_json(report.to_dict())
    else:
        click.echo(str(report))


def data_options(
    model: Any,
    metadata: Mapping[str, Any],
    dataset: str | None,
    data_dir: str | None,
    split: str | None,
    quantize: str | None,
) -> dict[str, Any]:
    """What a data set gives `export`: a metric, its limit and, if wanted, inputs."""
    from keras_seqzoo.training import task_of
    from keras_seqzoo.training.evaluate import measured_split

    task = task_of(model.architecture)
    dataset = dataset or metadata.get("dataset")
    split = split or measured_split(metadata, dataset)
    options = {
        "metric": task.metric(model, task.read(dataset, split, data_dir)),
        "higher_is_better": task.HIGHER_IS_BETTER,
        "max_loss": task.MAX_LOSS,
    }
    if quantize == "full_int8":
        rows = task.read(dataset, "train", data_dir)
        options["representative_data"] = task.representative(model, rows)
    return options
