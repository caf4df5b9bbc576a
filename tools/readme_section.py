"""The parts of README.md that tools write, each between two markers with its name."""

import pathlib


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


def check_section(readme: pathlib.Path, name: str, content: str) -> int:
    """Says whether the content is in the file: exit status 0, or 1 if not."""
    text = readme.read_text("utf-8")
    is_there = replace_section(text, name, content) == text
    tool = f"tools/{name.replace(' ', '_')}.py"
    print("up to date" if is_there else f"README.md: run {tool}")
    return int(not is_there)
