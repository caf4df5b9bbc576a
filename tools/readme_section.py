"""The parts of README.md that tools write, each between two markers with its name."""

import argparse
import json
import pathlib
from collections.abc import Callable, Iterable
from typing import Any

ROOT = pathlib.Path(__file__).resolve().parents[1]
PRESETS = ROOT / "keras_seqzoo" / "presets"


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
    readme: pathlib.Path,
    name: str,
    content: str,
    without_row: Iterable[str] = (),
    tool: str | None = None,
) -> int:
    """Says whether the content is in the file: exit status 0, or 1 if not.

    Nor is a table up to date in which the tags `without_row` are missing. `tool` writes
    the section; None for one with the section's name.
    """
    text = readme.read_text("utf-8")
    is_there = replace_section(text, name, content) == text
    tool, tags = f"tools/{tool or name.replace(' ', '_')}.py", " ".join(without_row)
    if tags:
        print(f"No row of {tags}: run {tool} --measure DATA {tags}")
    elif is_there:
        print("up to date")
    else:
        print(f"README.md: run {tool}")
    return int(bool(tags) or not is_there)


def put_section(name: str, content: str, check: bool) -> int:
    """Writes README.md's section, or checks it; the exit status."""
    readme = ROOT / "README.md"
    if check:
        return check_section(readme, name, content)
    write_section(readme, name, content)
    return 0


def pretrained(metric: str, presets: pathlib.Path = PRESETS) -> list[str]:
    """The shipped tags whose figure is of this metric."""
    configs = sorted(presets.glob("*/config.json"))
    known = [json.loads(one.read_text("utf-8"))["metadata"] for one in configs]
    return [one["tag"] for one in known if one.get("metric") == metric]


def measured_section(
    purpose: str,
    name: str,
    results: pathlib.Path,
    measure: Callable[[str, list[str]], Any],
    table: Callable[[Any], str],
    without_row: Callable[[Any], Iterable[str]] = lambda found: (),
) -> int:
    """The command line of a tool that measures tags and writes a table of them.

    Args:
        purpose: Of the tool, for --help.
        name: Of the section.
        results: The JSON file of what was measured.
        measure: `(folder of the data sets, tags; none for all) -> what was measured`,
            with what it keeps of the file.
        table: What was measured as Markdown.
        without_row: The tags that should have been measured too.

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
    found = json.loads(results.read_text("utf-8"))
    content = table(found)
    readme = ROOT / "README.md"
    if arguments.check:
        return check_section(readme, name, content, without_row(found))
    write_section(readme, name, content)
    return 0
