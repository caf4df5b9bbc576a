"""`seqzoo data list | info | prepare | show`."""

import shutil
import sys

import click

from keras_seqzoo.cli.options import data_dir_option, json_option
from keras_seqzoo.printing import print_facts, print_json, print_table, results_only


@click.group("data", short_help="List, describe, prepare and show the data sets.")
def data_group() -> None:
    """The data sets that the models train on.

    A set is prepared once, into the cache folder (KERAS_SEQZOO_HOME, or the user's
    own): from a local copy with --data-dir, or else from its public source, each file
    checked by its sha256.

    \b
    Examples:
      seqzoo data list
      seqzoo data info uci_har
      seqzoo data prepare jsb_chorales --data-dir data
      seqzoo data show jsb_chorales --split test --count 2 --plot chorales.png
    """


@data_group.command("list", short_help="List the data sets.")
@json_option
def data_list_command(as_json: bool) -> None:
    """List the data sets: task, examples in each split, and whether it is prepared.

    \b
    Examples:
      seqzoo data list
      seqzoo data list --json
    """
    from keras_seqzoo.datasets import catalogue
    from keras_seqzoo.datasets.card import card

    rows = []
    for name in catalogue.NAMES:
        facts = card(name)
        rows.append(
            {
                "name": name,
                "task": facts.task,
                "title": facts.title,
                "splits": facts.splits,
                "prepared": catalogue.is_prepared(name),
            }
        )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        row["splits"] = [f"{split} {n:,}" for split, n in row["splits"].items()]
    print_table(rows[0], (row.values() for row in rows))


@data_group.command("info", short_help="Show a set's data card.")
@click.argument("name")
@json_option
def data_info_command(name: str, as_json: bool) -> None:
    """Show the data card of the set NAME: splits, metric, traps, source, licence.

    \b
    Examples:
      seqzoo data info fsdd
      seqzoo data info fsdd --json
    """
    from keras_seqzoo.datasets.card import card, markdown

    facts = card(name)
    if as_json:
        print_json(vars(facts))
    else:
        click.echo(markdown(facts), nl=False)


@data_group.command("prepare", short_help="Check a set's files and build it.")
@click.argument("name")
@data_dir_option
@json_option
def data_prepare_command(name: str, data_dir: str | None, as_json: bool) -> None:
    """Check the files of the set NAME and build it in the cache folder.

    \b
    Examples:
      seqzoo data prepare snips
      seqzoo data prepare flickr8k --data-dir data/flickr8k --json
    """
    from keras_seqzoo.datasets import catalogue
    from keras_seqzoo.datasets.card import card

    facts = card(name)
    click.echo(f"Checking and building {facts.title} ...", err=True)
    if name == catalogue.SHIPPED:
        folder, splits = facts.source, facts.splits
    else:
        with results_only():
            builder = catalogue.builder(name, data_dir)
        folder = str(builder.data_dir)
        found = builder.info.splits
        splits = {split: found[split].num_examples for split in found}
    if as_json:
        print_json({"name": name, "folder": folder, "splits": splits})
    else:
        print_facts({"name": name, "folder": folder, **splits}, as_json=False)


@data_group.command("show", short_help="Print or plot a few examples.")
@click.argument("name")
@click.option("--split", default="train", show_default=True, help="Part of the set.")
@click.option(
    "--count",
    type=click.IntRange(min=1),
    default=3,
    show_default=True,
    help="How many examples.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    help="Draw them at random; the first ones if not given.",
)
@data_dir_option
@click.option(
    "--plot",
    type=click.Path(dir_okay=False),
    help="Draw them into this file too (.png, .svg, ...).",
)
def data_show_command(
    name: str,
    split: str,
    count: int,
    seed: int | None,
    data_dir: str | None,
    plot: str | None,
) -> None:
    """Print a few examples of the set NAME, drawn with characters where it is no text.

    That is words over slots, a piano roll, curves of acceleration, or a spectrogram.

    \b
    Examples:
      seqzoo data show train_tickets
      seqzoo data show fsdd --split test --count 2 --seed 1 --data-dir data
      seqzoo data show flickr8k --count 4 --plot pictures.png
    """
    from keras_seqzoo.datasets import show
    from keras_seqzoo.datasets.card import card

    task = card(name).task
    if plot is not None:
        from keras_seqzoo.datasets.plot import CHINESE_FONTS, check_plot, draw

        check_plot(plot, count)
    with results_only():
        examples = show.examples(name, split, count, seed, data_dir)
        if plot is not None:
            lacking = draw(task, examples, plot)
    width = max(20, shutil.get_terminal_size().columns)
    text = "\n\n".join(show.as_text(task, example, width) for example in examples)
    encoding = sys.stdout.encoding or "utf-8"  # A terminal may lack block characters.
    click.echo(text.encode(encoding, "replace").decode(encoding))
    if plot is not None:
        if lacking:
            click.echo(
                f"No font here has {' '.join(lacking)}: for Chinese install one of "
                f"{', '.join(CHINESE_FONTS)}",
                err=True,
            )
        click.echo(f"Wrote {plot}", err=True)
