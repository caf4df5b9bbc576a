"""The command line: `seqzoo list | info | predict | train | export | bench | data`, ...

Each command imports what it needs when it runs, so that --help answers at once.
Results go to standard output, messages to standard error. Exit status: 0 done, 1 the
work failed, 2 the user's input was wrong, 130 interrupted.
"""

import errno
import os
from collections.abc import Sequence
from typing import Any

import click

from keras_seqzoo import __version__
from keras_seqzoo.cli.bench import bench_group
from keras_seqzoo.cli.data import data_group
from keras_seqzoo.cli.generate import generate_command
from keras_seqzoo.cli.options import (
    data_dir_option,
    json_option,
    load_keras_file,
    split_option,
)
from keras_seqzoo.cli.predict import predict_command
from keras_seqzoo.errors import UserError
from keras_seqzoo.native_log import quiet
from keras_seqzoo.printing import (
    print_facts,
    print_json,
    print_table,
    results_only,
)

_BACKENDS = ("tensorflow", "jax", "torch")  # of Keras; the first is its default

# Optional libraries, and the extra that installs them.
_EXTRAS = {
    "onnx": "onnx",
    "onnxruntime": "onnx",
    "tf2onnx": "onnx",
    "tensorflow_datasets": "datasets",
    "matplotlib": "plots",
    "mido": "music",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="seqzoo")
def commands() -> None:
    """Small pretrained recurrent models for Keras, and the road to a phone.

    \b
    Examples:
      seqzoo list --pretrained
      seqzoo predict bi_peephole_tagger.atis "i would like to arrive in oulu"
      seqzoo export bi_peephole_tagger.atis tagger.tflite --quantize int8
    """


@commands.command("list", short_help="List the models.")
@click.argument("filters", nargs=-1, metavar="[FILTER]...")
@click.option("--pattern", help='Only this input/output pattern, such as "synced".')
@click.option("--cell", help='Only this recurrent cell, such as "gru".')
@click.option("--pretrained", is_flag=True, help="Only models with trained weights.")
@json_option
def list_command(
    filters: tuple[str, ...],
    pattern: str | None,
    cell: str | None,
    pretrained: bool,
    as_json: bool,
) -> None:
    """List the models, those whose name matches a FILTER if one is given.

    \b
    Examples:
      seqzoo list
      seqzoo list "*lstm*" --pattern synced
      seqzoo list --cell gru --pretrained --json
    """
    from keras_seqzoo import registry

    names = registry.list_models(
        list(filters), pattern=pattern, cell=cell, pretrained=pretrained or None
    )
    columns = "name", "pattern", "cell", "pretrained", "parameters", "metric", "value"
    models = [registry.info(name) for name in names]
    rows = [{key: getattr(model, key) for key in columns} for model in models]
    if as_json:
        print_json(rows)
    elif rows:
        print_table(columns, [row.values() for row in rows])
    else:
        click.echo("No model matches.", err=True)


@commands.command("info")
@click.argument("name")
@json_option
def info_command(name: str, as_json: bool) -> None:
    """Show what is known of the model NAME.

    \b
    Examples:
      seqzoo info bi_peephole_tagger
      seqzoo info bi_peephole_tagger.atis --json
    """
    from keras_seqzoo import registry

    facts = registry.info(name)
    if as_json:
        print_json(facts.to_dict())
    else:
        click.echo(str(facts))


@commands.command("train", short_help="Train a recipe and write a preset.")
@click.argument("recipe", type=click.Path(exists=True, dir_okay=False))
@data_dir_option
@click.option("--output", type=click.Path(), help="Preset folder to write.")
@click.option("--run-dir", type=click.Path(), help="Folder of checkpoints and logs.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), help="Instead of the recipe's."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Instead of the recipe's.")
@click.option(
    "--set",
    "changes",
    multiple=True,
    metavar="KEY=VALUE",
    help="Change a recipe's value; may be given many times.",
)
@click.option(
    "--strategy",
    type=click.Choice(["none", "mirrored", "multiworker", "tpu"]),
    default="none",
    show_default=True,
    help="Devices to train on together; multiworker reads TF_CONFIG.",
)
@click.option(
    "--replicas",
    type=click.IntRange(min=2),
    help="Of mirrored on a machine without a GPU: parts of its CPU; 2 by default.",
)
@json_option
def train_command(
    recipe: str,
    data_dir: str | None,
    output: str | None,
    run_dir: str | None,
    seed: int | None,
    epochs: int | None,
    changes: tuple[str, ...],
    strategy: str,
    replicas: int | None,
    as_json: bool,
) -> None:
    """Train the model that the YAML file RECIPE describes and write a preset folder.

    A training that was stopped goes on from its last checkpoint when the same command
    is run again.

    \b
    Examples:
      seqzoo train zoo_configs/synced/bi_peephole_tagger.atis.yaml --data-dir data/atis
      seqzoo train my.yaml --output my_tagger --epochs 3 --set training.clip_norm=5.0
    """
    from keras_seqzoo import training
    from keras_seqzoo.training.recipe import parse_overrides

    overrides = parse_overrides(changes)
    if seed is not None:
        overrides["training.seed"] = seed
    if epochs is not None:
        overrides["training.epochs"] = epochs
    try:
        with results_only():
            result = training.train(
                recipe,
                data_dir=data_dir,
                output=output,
                run_dir=run_dir,
                overrides=overrides,
                strategy=strategy,
                replicas=replicas,
            )
    except (FloatingPointError, ConnectionError) as error:
        raise click.ClickException(str(error)) from error
    print_facts(result, as_json)


@commands.command("reproduce", short_help="Train TAG from nothing: pass or fail.")
@click.argument("tag")
@data_dir_option
@click.option("--run-dir", type=click.Path(), help="Folder of checkpoints and logs.")
@click.option(
    "--recipes",
    type=click.Path(),
    default="zoo_configs",
    show_default=True,
    help="Folder of the recipes.",
)
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), help="Not the recipe's.")
@json_option
def reproduce_command(
    tag: str,
    data_dir: str | None,
    run_dir: str | None,
    recipes: str,
    seed: int | None,
    as_json: bool,
) -> None:
    """Train the recipe of TAG from nothing and compare with the figure it states.

    Exit status 0: the figure was reached within its tolerance; 1: it was not.

    \b
    Examples:
      seqzoo reproduce bi_peephole_tagger.atis --data-dir data/atis
    """
    from keras_seqzoo import training

    try:
        with results_only():
            result = training.reproduce(
                tag, data_dir=data_dir, run_dir=run_dir, recipes=recipes, seed=seed
            )
    except FloatingPointError as error:
        raise click.ClickException(str(error)) from error
    print_facts(result, as_json)
    if not result["passed"]:
        raise click.ClickException(
            f"{tag}: {result['metric']} {result['value']} is worse than the recipe's "
            f"{result['expected']} by more than {result['tolerance']}"
        )


@commands.command("evaluate")
@click.argument("tag")
@click.option("--dataset", help="Data set; by default the one TAG was trained on.")
@data_dir_option
@split_option
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    metavar="FILE.png",
    help="Draw which class a classifier takes for which; of one that answers at every "
    "step also its accuracy after each half second.",
)
@json_option
def evaluate_command(
    tag: str,
    dataset: str | None,
    data_dir: str | None,
    split: str,
    plot: str | None,
    as_json: bool,
) -> None:
    """Measure the model TAG on a data set.

    \b
    Examples:
      seqzoo evaluate bi_peephole_tagger.atis --data-dir data/atis
      seqzoo evaluate my_tagger/ --dataset train_tickets --split validation --json
      seqzoo evaluate bi_gru_series.japanese_vowels --data-dir data --plot who.png
    """
    from keras_seqzoo import training

    with results_only():
        result = training.evaluate(
            tag, dataset=dataset, data_dir=data_dir, split=split, plot=plot
        )
    print_facts(result, as_json)


@commands.command("export", short_help="Write a TFLite, ONNX or SavedModel file.")
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
    overwrite: bool,
    tolerance: float | None,
    dataset: str | None,
    data_dir: str | None,
    split: str,
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
      seqzoo export mine.keras mine.tflite
    """
    from keras_seqzoo import registry
    from keras_seqzoo.export import ExportError, export

    options = {} if tolerance is None else {"tolerance": tolerance}
    if quantize == "full_int8" and not (dataset or data_dir):
        raise UserError("--quantize full_int8 needs --dataset or --data-dir.")
    if max_loss is not None and not (dataset or data_dir):
        raise UserError("--max-loss needs --dataset or --data-dir to measure on.")
    is_keras_file = tag.endswith(".keras")
    if is_keras_file and (dataset or data_dir):
        raise UserError("--dataset and --data-dir are for models of the zoo.")
    try:
        with results_only():
            model = load_keras_file(tag) if is_keras_file else registry.load(tag)
            if dataset or data_dir:
                named = dataset or registry.info(tag).dataset
                options |= data_options(model, named, data_dir, split, quantize)
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
    model: Any, dataset: str, data_dir: str | None, split: str, quantize: str | None
) -> dict[str, Any]:
    """What a data set gives `export`: a metric, its limit and, if wanted, inputs."""
    from keras_seqzoo.training import task_of

    task = task_of(model.architecture)
    options = {
        "metric": task.metric(model, task.read(dataset, split, data_dir)),
        "higher_is_better": task.HIGHER_IS_BETTER,
        "max_loss": task.MAX_LOSS,
    }
    if quantize == "full_int8":
        rows = task.read(dataset, "train", data_dir)
        options["representative_data"] = task.representative(model, rows)
    return options


commands.add_command(bench_group)
commands.add_command(data_group)
commands.add_command(generate_command)
commands.add_command(predict_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line.

    Args:
        arguments: The words after `seqzoo`; the process's own if None.

    Returns:
        The exit status.
    """
    backend = os.environ.get("KERAS_BACKEND") or _BACKENDS[0]
    if backend not in _BACKENDS:
        allowed = ", ".join(_BACKENDS)
        return failed(f"KERAS_BACKEND must be one of {allowed}. Received: {backend}", 2)
    with quiet():
        try:
            status = commands.main(arguments, "seqzoo", standalone_mode=False)
            return status if isinstance(status, int) else 0
        except click.Abort:  # Ctrl-C
            return 130
        except click.exceptions.NoArgsIsHelpError as error:
            error.show()
            return error.exit_code
        except click.UsageError as error:
            return failed(usage_error(error), error.exit_code)
        except click.ClickException as error:
            return failed(error.format_message(), error.exit_code)
        except UserError as error:
            return failed(str(error), 2)
        except OSError as error:
            named = f": {error.filename}" if error.filename else ""
            return failed(
                f"{error.strerror or error}{named}", 2 if _is_path(error) else 1
            )
        except ModuleNotFoundError as error:
            extra = _EXTRAS.get(error.name)
            if extra is None:
                raise
            return failed(f"{error}: pip install 'keras_seqzoo[{extra}]'", 1)


def usage_error(error: click.UsageError) -> str:
    """What is wrong with the command's words, what is allowed, and where that stands.

    click itself would take four lines.
    """
    message, context = error.format_message(), error.ctx
    if context is None:
        return message
    if isinstance(context.command, click.Group):
        names = context.command.list_commands(context)
        message += f" Commands are {', '.join(names)}."
    elif isinstance(error, click.NoSuchOption):
        options = [p for p in context.command.params if isinstance(p, click.Option)]
        message += f" Options are {', '.join(option.opts[-1] for option in options)}."
    return f"{message} See {context.command_path} --help."


def failed(message: str, status: int) -> int:
    """Says in one line what went wrong; returns the exit status."""
    click.echo(f"Error: {' '.join(message.split())}", err=True)
    return status


def _is_path(error: OSError) -> bool:
    """Whether the error is about a path that the user gave, not about the machine."""
    wrong_path = (
        FileNotFoundError,
        NotADirectoryError,
        IsADirectoryError,
        PermissionError,
    )
    return isinstance(error, wrong_path) or error.errno == errno.ENAMETOOLONG
