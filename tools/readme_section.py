"""The parts of README.md that tools write, each between two markers with its name."""

import argparse
import json
import pathlib
from collections.abc import Callable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]


def markers(name: str) -> tuple[str, str]:
    """The lines before and after the section `name`."""
    return f"<!-- {name}: begin -->", f"<!-- {name}: end -->"


def replace_section(text: str, name: str, content: str) -> str:
    """The text with what stands between the section's markers replaced."""
    begin, end = markers(name)
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not found_begin or not found_end:
        raise SystemExit(f"README.md must hold {begin} and {end}")
    return f"{before}{begin}\n{content}\n{end}{after}"


def write_section(readme: pathlib.Path, name: str, content: str) -> None:
    """Puts the content into the file."""
    text = replace_section(readme.read_text("utf-8"), name, content)
    readme.write_text(text, "utf-8")


def check_section(
    readme: pathlib.Path, name: str, content: str, tool: str | None = None
) -> int:
    """Says whether the content is in the file: exit status 0, or 1 if not.

    `tool` writes the section; None for one with the section's name.
    """
    text = readme.read_text("utf-8")
    is_there = replace_section(text, name, content) == text
    tool = tool or name.replace(" ", "_")
    print("up to date" if is_there else f"README.md: run tools/{tool}.py")
    return int(not is_there)


def measured_section(
    purpose: str,
    name: str,
    results: pathlib.Path,
    measure: Callable[[str, list[str]], Any],
    table: Callable[[Any], str],
) -> int:
    """The command line of a tool that measures tags and writes a table of them.

    Args:
        purpose: Of the tool, for --help.
        name: Of the section.
        results: The JSON file of what was measured.
        measure: `(folder of the data sets, tags; none for all) -> what was measured`,
            with what it keeps of the file.
        table: What was measured as Markdown.

    Returns:
        The exit status.
    """
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--measure", nargs="+", metavar=("DATA", "TAG"))
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        data_dir, *tags = arguments.measure
        found = measure(data_dir, tags)
        results.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    content = table(json.loads(results.read_text("utf-8")))
    readme = ROOT / "README.md"
    if arguments.check:
        return check_section(readme, name, content)
    write_section(readme, name, content)
    return 0
