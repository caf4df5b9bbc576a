"""`seqzoo bench train | infer | export | decode | data`."""

import json
import math
import os
import pathlib
from collections.abc import Callable
from functools import partial
from typing import Any

import click

from keras_seqzoo.cli.options import data_dir_option, json_option
from keras_seqzoo.errors import UserError
from keras_seqzoo.printing import print_json, print_table, results_only

# Those of `bench.cases`, whose import would load TensorFlow for a page of help.
CASES = "peephole_lstm", "coupled_lstm", "clockwork_rnn", "scrn", "min_gru"


@click.group("bench", short_help="Time our layers and exports against others.")
def bench_group() -> None:
    """Time our layers, and our exported files, against others.

    All candidates of a case take turns in one process. A ratio is our time over the
    peer's; each side's time is that of its faster way to run (plain graph or XLA). The
    machine should be idle.

    \b
    Examples:
      seqzoo bench train --case peephole_lstm
      seqzoo bench infer --json
      seqzoo bench export --model gru
    """


def seconds_option(text: str) -> Callable:
    """How long to time."""
    return click.option(
        "--seconds",
        type=click.FloatRange(min=0),
        callback=finite,
        default=20.0,
        show_default=True,
        help=text,
    )


def finite(context: click.Context, option: click.Parameter, value: float) -> float:
    """Refuses nan and infinity, which click takes for floats in any range."""
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is not a finite number.", context, option)
    return value


def bench_options(command: Callable) -> Callable:
    """The options of the commands that time layers."""
    options = [
        click.option(
            "--case",
            "cases",
            multiple=True,
            help=f"Only this case, of {', '.join(CASES)}, and memory in training; may "
            "be repeated.",
        ),
        click.option(
            "--shape",
            "shapes",
            multiple=True,
            metavar="BATCH,STEPS,INPUTS,UNITS",
            help="Instead of the case's own shapes; may be repeated.",
        ),
        click.option(
            "--sweep",
            type=click.Choice(["length", "units"]),
            help="Time over a range of sequence lengths or units instead.",
        ),
        click.option(
            "--plot",
            type=click.Path(dir_okay=False),
            help="Draw the sweep into this file (.png, .svg, ...).",
        ),
        seconds_option("For each case and shape."),
        click.option(
            "--threads",
            type=click.IntRange(1, 1024),
            help="For TensorFlow and PyTorch; as many as cores if not given.",
        ),
        click.option(
            "--output",
            type=click.Path(dir_okay=False),
            help="Save the rows and the machine's facts in this JSON file.",
        ),
        json_option,
    ]
    for option in reversed(options):
        command = option(command)
    return command


@bench_group.command("train", short_help="Time a training step.")
@bench_options
@click.option(
    "--gpu",
    is_flag=True,
    help="Against cuDNN's LSTM and GRU; set KERAS_BACKEND to jax or torch.",
)
def bench_train_command(**options: Any) -> None:
    """Time a training step: a loss of all outputs and all its gradients.

    \b
    Examples:
      seqzoo bench train
      seqzoo bench train --case peephole_lstm --shape 64,100,128,256 --json
      seqzoo bench train --case memory
      seqzoo bench train --sweep length --plot length.png
      KERAS_BACKEND=jax seqzoo bench train --gpu
    """
    run_bench("train", **options)


@bench_group.command("infer", short_help="Time an inference.")
@bench_options
def bench_infer_command(**options: Any) -> None:
    """Time an inference: at batch 1, if --shape does not say otherwise.

    \b
    Examples:
      seqzoo bench infer
      seqzoo bench infer --case clockwork_rnn --seconds 5 --json
      seqzoo bench infer --shape 16,100,128,256
    """
    run_bench("infer", **options)


@bench_group.command("export", short_help="Compare our exports with others.")
@click.option(
    "--model", "models", multiple=True, help="Only this model; may be repeated."
)
@seconds_option("For each model.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    help="Save the rows, targets and the machine's facts in this JSON file.",
)
@json_option
def bench_export_command(
    models: tuple[str, ...], seconds: float, output: str | None, as_json: bool
) -> None:
    """Compare our exports with Keras', tf2onnx's and PyTorch: one thread, batch 1.

    Says of each file whether it runs in plain LiteRT or onnxruntime, its size, its
    difference from Keras, its operators, and its time at 100 and 1,000 steps. A ratio
    is our float32 file's time over the other's. The machine should be idle.

    \b
    Examples:
      seqzoo bench export
      seqzoo bench export --model peephole_cell --seconds 5 --json
    """
    require_writable(output)
    from keras_seqzoo.bench.export_bench import bench_export
    from keras_seqzoo.bench.export_rows import facts_line, lengths_of

    with results_only():
        save = partial(save_result, output)
        result = bench_export(models, seconds, save=save)
    rows, targets = result["rows"], result["targets"]
    if as_json:
        print_json({"rows": rows, "targets": targets})
        return
    lengths = lengths_of(rows)
    columns = ["model", "exporter", "runs", "MB", "difference"]
    columns += [f"ms, {length} steps" for length in lengths]
    columns += [f"ours / it, {length}" for length in lengths]
    lines = []
    for row in rows:
        size = f"{row['bytes'] / 1e6:.3f}" if row["bytes"] else None
        difference = row["difference"]
        lines.append(
            [row["model"], row["exporter"], row["runs"], size]
            + [None if difference is None else f"{difference:.1e}"]
            + [row["ms"].get(length) for length in lengths]
            + [row["ratio"].get(length) for length in lengths]
            + [facts_line(row)]
        )
    print_table([*columns, "operators, or why not"], lines)
    click.echo()
    columns = "target", "model", "limit", "value", "reached"
    print_table(columns, ([row[key] for key in columns] for row in targets))


@bench_group.command("decode", short_help="Time searches in a file and as a loop.")
@click.argument("models", nargs=-1, metavar="[TAG]...")
@click.option(
    "--beams",
    type=click.IntRange(2, 100),
    default=4,
    show_default=True,
    help="Beams of the search.",
)
@seconds_option("For each model.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    help="Save the rows and the machine's facts in this JSON file.",
)
@json_option
def bench_decode_command(
    models: tuple[str, ...],
    beams: int,
    seconds: float,
    output: str | None,
    as_json: bool,
) -> None:
    """Time translators' beam search in one ONNX file against a Python loop over steps.

    Both are run by onnxruntime, on one thread, and translate one sentence. TAG may be
    an architecture too: its weights are then random and its translation as long as can
    be. A ratio is the file's time over the loop's. The machine should be idle.

    \b
    Examples:
      seqzoo bench decode
      seqzoo bench decode transformer.multi30k --seconds 5 --json
    """
    require_writable(output)
    from keras_seqzoo.bench.decode_bench import bench_decode

    with results_only():
        save = partial(save_result, output)
        result = bench_decode(models, seconds, beams, save)
    if as_json:
        print_json({"rows": result["rows"]})
        return
    lines = [
        [
            row["model"],
            str(row["beams"]),
            str(row["steps"]),
            f"{row['file_ms']:.1f} ms",
            f"{row['loop_ms']:.1f} ms",
            f"{row['ratio']:.2f}",
        ]
        for row in result["rows"]
    ]
    print_table(("model", "beams", "steps", "one file", "loop", "ratio"), lines)


@bench_group.command("data", short_help="Time recipes' data pipelines.")
@click.argument("recipes", nargs=-1, type=click.Path(exists=True, dir_okay=False))
@data_dir_option
@seconds_option("To train each recipe for.")
@click.option("--threads", type=click.IntRange(1, 1024), help="For TensorFlow.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False),
    help="Save the rows and the machine's facts in this JSON file.",
)
@json_option
def bench_data_command(
    recipes: tuple[str, ...],
    data_dir: str | None,
    seconds: float,
    threads: int | None,
    output: str | None,
    as_json: bool,
) -> None:
    """Time the data pipelines of RECIPES, all of zoo_configs/ if none is given.

    Says how many examples a second a pipeline gives, which share of its cells is
    padding (of texts at most 8 %), and for which share of the time a training waits for
    data (at most 5 %). DIRECTORY may hold a folder for each data set.

    Exit status 0: all of this was reached; 1: a recipe missed some of it.

    \b
    Examples:
      seqzoo bench data --data-dir data
      seqzoo bench data zoo_configs/synced/gru_tagger.atis.yaml --data-dir data --json
    """
    require_writable(output)
    paths = [pathlib.Path(recipe) for recipe in recipes]
    paths = paths or sorted(pathlib.Path("zoo_configs").glob("*/*.*.yaml"))
    if not paths:
        raise UserError(
            "There is no folder zoo_configs/ here: give the recipes' files."
        )
    from keras_seqzoo.bench.data import bench_data, verdicts

    with results_only():
        save = partial(save_result, output)
        result = bench_data(paths, data_dir, seconds, threads, save)
    rows = result["rows"]
    if as_json:
        print_json({"rows": rows})
    else:
        print_pipelines(rows, [verdicts(row) for row in rows])
    missed = [row["recipe"] for row in rows if not all(verdicts(row).values())]
    if missed:
        raise click.ClickException(
            f"missed what padding and waiting may be at most: {', '.join(missed)}"
        )


def print_pipelines(rows: list[dict], verdicts: list[dict[str, bool]]) -> None:
    """Data pipelines' rows of the bench as people read them."""
    words = {True: ": reached", False: ": MISSED", None: ""}
    columns = "recipe", "examples", "examples / s", "padding", "step", "waits for data"
    lines = []
    for row, fine in zip(rows, verdicts):
        lines.append(
            [
                row["recipe"],
                f"{row['examples']:,}",
                f"{row['examples_per_second']:,.0f}",
                f"{100 * row['padding']:.1f} %{words[fine.get('padding')]}",
                f"{row['step_ms']:.1f} ms",
                f"{100 * row['wait']:.1f} %{words[fine['wait']]}",
            ]
        )
    print_table(columns, lines)


def run_bench(
    work: str, plot: str | None, output: str | None, as_json: bool, **options: Any
) -> None:
    """Runs the bench and shows, saves and draws what came out."""
    if plot is not None and not options["sweep"]:
        raise UserError("--plot draws a sweep: give --sweep length or --sweep units.")
    if options["sweep"] and (options["shapes"] or options.get("gpu")):
        raise UserError("--sweep has its own shapes: leave out --shape and --gpu.")
    require_writable(plot, output)
    try:
        from keras_seqzoo.bench import bench
    except ModuleNotFoundError as error:
        if error.name not in ("jax", "torch"):
            raise
        raise UserError(
            f"The backend {error.name} is not installed: pip install {error.name}"
        ) from error
    if plot:
        from keras_seqzoo.bench.plot import check_format, draw_sweep

        check_format(plot)

    with results_only():
        result = bench(work, save=partial(save_result, output), **options)
    if plot:
        draw_sweep(result, plot)
    if as_json:
        print_json({"rows": result["rows"]})
    else:
        columns = "case", "shape", "ours", "peer", "theirs", "ratio", "faster mode"
        print_table(columns, map(bench_line, result["rows"]))


def require_writable(*paths: str | None) -> None:
    """Checks that files can be written to the paths: now, not after the run."""
    for path in paths:
        if path is None:
            continue
        file = pathlib.Path(path)
        if not path:
            raise UserError("A file to write must have a name. Received: ''")
        if not file.parent.is_dir():
            raise UserError(f"There is no such folder. Received: {file.parent}")
        if not os.access(file if file.exists() else file.parent, os.W_OK):
            raise UserError(
                f"A file to write must be one you have the right to. Received: {path}"
            )


def save_result(output: str | None, result: dict) -> None:
    """Writes what a bench found so far, if a file is given."""
    if output:
        text = json.dumps(result, indent=1) + "\n"
        pathlib.Path(output).write_text(text, "utf-8")


def bench_line(row: dict) -> list[str]:
    """A row of the bench as people read it."""
    unit = "MB" if row["ours_ms"] is None else "ms"
    ours, theirs = (row[f"{side}_{unit.lower()}"] for side in ("ours", "peer"))
    modes = [row[key] for key in ("ours_mode", "peer_mode") if key in row]
    return [
        row["case"],
        row["shape"],
        f"{ours:.4g} {unit}",
        row["peer"],
        f"{theirs:.4g} {unit}",
        f"{row['ratio']:.2f}",
        " / ".join(modes),
    ]
