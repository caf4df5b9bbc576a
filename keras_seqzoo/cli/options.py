"""Options that several commands share."""

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
    type=click.Choice(["train", "validation", "test"]),
    default="test",
    show_default=True,
    help="Part of the data set.",
)
