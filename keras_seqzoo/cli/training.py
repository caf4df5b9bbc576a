"""`seqzoo train | reproduce | evaluate`."""

import click

from keras_seqzoo.cli.options import (
    beams_option,
    data_dir_option,
    json_option,
    split_option,
)
from keras_seqzoo.printing import print_facts, results_only


@click.command("train", short_help="Train a recipe and write a preset.")
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
    help="Of mirrored on a machine without a GPU: parts of its CPU, 64 at most; 2 by "
    "default.",
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


@click.command("reproduce", short_help="Train TAG from nothing: pass or fail.")
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


@click.command("evaluate", short_help="Measure TAG on a data set.")
@click.argument("tag")
@click.option("--dataset", help="Data set; by default the one TAG was trained on.")
@data_dir_option
@split_option
@beams_option
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    metavar="FILE.png",
    help="Draw which class a classifier takes for which; of one that answers at every "
    "step also its accuracy after each half second, or after so many steps.",
)
@json_option
def evaluate_command(
    tag: str,
    dataset: str | None,
    data_dir: str | None,
    split: str | None,
    beams: int | None,
    plot: str | None,
    as_json: bool,
) -> None:
    """Measure the model TAG on a data set.

    \b
    Examples:
      seqzoo evaluate bi_peephole_tagger.atis --data-dir data/atis
      seqzoo evaluate my_tagger/ --dataset train_tickets --split validation --json
      seqzoo evaluate bi_gru_series.japanese_vowels --data-dir data --plot who.png
      seqzoo evaluate bi_peephole_speech.an4 --data-dir data/an4_mfcc --beams 16
    """
    from keras_seqzoo import training

    with results_only():
        result = training.evaluate(
            tag,
            dataset=dataset,
            data_dir=data_dir,
            split=split,
            beams=beams,
            plot=plot,
        )
    print_facts(result, as_json)
    if plot is not None and not as_json:
        click.echo(f"Wrote {plot}", err=True)
