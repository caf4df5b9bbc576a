"""How the command line shows its results."""

import contextlib
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import click


def words_over_slots(pairs: Sequence[tuple[str, str]], width: int | None = None) -> str:
    """Sets each word over its slot, in columns.

    Args:
        pairs: (word, slot) pairs.
        width: Columns of the terminal, where lines wrap; None does not wrap.

    Returns:
        Two lines, or two for each row of columns that fits the width, with an empty
        line between rows. The empty string if there are no pairs.
    """
    from rich.cells import cell_len

    rows, words, slots, used = [], "", "", 0
    for word, slot in pairs:
        column = max(cell_len(word), cell_len(slot)) + 2
        if width and used and used + column - 2 > width:
            rows.append((words, slots))
            words, slots, used = "", "", 0
        words += word + " " * (column - cell_len(word))
        slots += slot + " " * (column - cell_len(slot))
        used += column
    rows.append((words, slots))
    return "\n\n".join(f"{w.rstrip()}\n{s.rstrip()}".strip() for w, s in rows)


def print_table(columns: Sequence[str], rows: Iterable[Iterable[Any]]) -> None:
    """Prints a table that shows every name whole, however narrow the terminal is."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table

    console = Console(markup=False, highlight=False)
    box = SIMPLE_HEAD if console.is_terminal else None
    table = Table(box=box, show_edge=False, pad_edge=False)
    for column in columns:
        numbers = column in ("parameters", "value")
        table.add_column(column, justify="right" if numbers else "left", no_wrap=True)
    for row in rows:
        table.add_row(*map(readable, row))
    console.width = max(console.width, Console(width=10_000).measure(table).maximum)
    console.print(table, soft_wrap=True)


def print_facts(facts: dict, as_json: bool) -> None:
    """Prints a command's result: JSON, or a line for each plain fact that is known."""
    if as_json:
        print_json(facts)
        return
    shown = {
        key: value
        for key, value in facts.items()
        if value not in (None, "", []) and not isinstance(value, dict)
    }
    width = max(map(len, shown), default=0)
    for key, value in shown.items():
        click.echo(f"{key:<{width}}  {readable(value)}")


def print_json(value: Any) -> None:
    """Prints the one JSON value of a command."""
    click.echo(json.dumps(value, ensure_ascii=False, default=str))


def readable(value: Any) -> str:
    """How a value is shown to people."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return str(value)


@contextlib.contextmanager
def results_only() -> Iterator[None]:
    """Sends what libraries print (Keras' progress, say) to standard error."""
    with contextlib.redirect_stdout(sys.stderr):
        yield
