"""Data cards: what is known of a set, and what to know before using it."""

import dataclasses

from keras_seqzoo.datasets import catalogue


@dataclasses.dataclass(frozen=True)
class Card:
    """The facts of a data set."""

    name: str
    title: str
    task: str
    example: str  # What an example holds.
    splits: dict[str, int]  # Split -> number of examples.
    metric: str  # What is measured and how.
    traps: tuple[str, ...]
    source: str
    url: str | None  # The folder that the files are fetched from, if there is one,
    originals: tuple[str, ...]  # or the files that they are made from.
    licence: str
    citation: str
    sha256: dict[str, str]  # File -> its digest; empty for the shipped set.
    optional: dict[str, str]  # Split a local copy may lack -> its file.


def card(name: str) -> Card:
    """The card of a set.

    Raises:
        UserError: There is no set of this name.
    """
    facts = catalogue.facts(name)
    return Card(
        name=name,
        title=facts.TITLE,
        task=facts.TASK,
        example=facts.EXAMPLE,
        splits=facts.ROWS,
        metric=facts.METRIC,
        traps=facts.TRAPS,
        source=facts.SOURCE,
        url=facts.URL,
        originals=tuple(facts.ORIGINALS.values()),
        licence=facts.LICENCE,
        citation=facts.CITATION,
        sha256=facts.SHA256,
        optional=facts.OPTIONAL,
    )


def markdown(card: Card) -> str:
    """The card as Markdown, with a line feed at its end."""
    splits = [f"| {split} | {rows:,} |" for split, rows in card.splits.items()]
    files = [f"- `{name}`: `{digest}`" for name, digest in card.sha256.items()]
    whose = "the local copy's" if card.originals else "its"
    sections = [
        f"# {card.title}",
        f"`{card.name}`, {card.task}. An example has {card.example}.",
        "\n".join(["| split | examples |", "|---|---|", *splits]),
        "## Metric",
        f"{_sentence(card.metric)}",
        "## Know before you train or compare",
        "\n".join(f"- {trap}" for trap in card.traps),
        "## Source",
        f"{_sentence(card.source)}",
        _where_from(card),
        *([f"sha256 of {whose} files:", "\n".join(files)] if files else []),
        "## Licence",
        _sentence(card.licence),
        "## Citation",
        _sentence(card.citation),
    ]
    return "\n\n".join(sections) + "\n"


def _where_from(card: Card) -> str:
    if not card.sha256:
        return "It comes with the package."
    if card.originals:
        text = (
            "The files below are made from these, and their content is checked; or "
            "give a local copy with `--data-dir`."
        )
        for split, file in card.optional.items():
            text += f" A copy without `{file}` has no split `{split}`."
        return text + "\n\n" + "\n".join(f"- {url}" for url in card.originals)
    if card.url is None:
        return "The files below were made from it: give a local copy with `--data-dir`."
    return (
        f"The files below are fetched from {card.url}, or taken from a local copy with "
        "`--data-dir`."
    )


def _sentence(text: str) -> str:
    """A line of facts as a sentence: `accuracy: ...` -> `Accuracy: ... .`"""
    text = text if text.startswith("keras_seqzoo/") else text[0].upper() + text[1:]
    return text if text.endswith(".") else f"{text}."
