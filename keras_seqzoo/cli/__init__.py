"""The command line: `seqzoo list | info | predict | train | export | bench | data`, ...

Each command imports what it needs when it runs, so that --help answers at once.
Results go to standard output, messages to standard error. Exit status: 0 done, 1 the
work failed, 2 the user's input was wrong, 130 interrupted.
"""

import errno
import os
from collections.abc import Sequence

import click

from keras_seqzoo import __version__
from keras_seqzoo.cli.bench import bench_group
from keras_seqzoo.cli.data import data_group
from keras_seqzoo.cli.export import export_command
from keras_seqzoo.cli.generate import generate_command
from keras_seqzoo.cli.options import json_option
from keras_seqzoo.cli.predict import predict_command
from keras_seqzoo.cli.training import (
    evaluate_command,
    reproduce_command,
    train_command,
)
from keras_seqzoo.errors import UserError
from keras_seqzoo.native_log import quiet
from keras_seqzoo.printing import print_json, print_table

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


for command in (
    bench_group,
    data_group,
    evaluate_command,
    export_command,
    generate_command,
    predict_command,
    reproduce_command,
    train_command,
):
    commands.add_command(command)


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
