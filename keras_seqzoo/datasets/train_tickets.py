"""Train tickets: a small hand-made slot-filling set, shipped with the package.

Requests to a ticket counter with six slots; made to show fine-tuning, not to compare
models by.
"""

import importlib.resources
import re

from keras_seqzoo.datasets.tagged_sentence import TaggedSentence, check_split

TITLE = "Train tickets"
TASK = "slot filling"
EXAMPLE = "`words` and `slots`, as many strings each"
METRIC = "slot F1: micro average over chunks, as conlleval counts them"
TRAPS = (
    "Made by hand to show fine-tuning; far too small to compare models by.",
    "Sentences have no intent.",
)
ROWS = {"train": 72, "validation": 13, "test": 20}
URL, ORIGINALS, SHA256, OPTIONAL = None, {}, {}, {}  # It comes with the package.
SOURCE = "keras_seqzoo/datasets/train_tickets.txt"
LICENCE = "Apache-2.0"
CITATION = "written for keras_seqzoo"


def read_split(split: str) -> list[TaggedSentence]:
    """All sentences of "train", "validation" or "test"."""
    check_split(split)
    text = importlib.resources.files("keras_seqzoo.datasets")
    lines = text.joinpath("train_tickets.txt").read_text("utf-8").splitlines()
    sentences, section = [], None
    for line in lines:
        if line.startswith("=="):
            section = line.removeprefix("==").strip()
        elif section == split and line:
            sentences.append(parse_line(line))
    return sentences


def parse_line(line: str) -> TaggedSentence:
    """`to [to_station new york]` -> to/O new/B-to_station york/I-to_station."""
    words, slots = [], []
    for name, chunk, word in re.findall(r"\[(\w+) ([^\]]+)\]|(\S+)", line):
        chunk_words = chunk.split() or [word]
        words += chunk_words
        if name:
            slots += [f"B-{name}"] + [f"I-{name}"] * (len(chunk_words) - 1)
        else:
            slots.append("O")
    return TaggedSentence(tuple(words), tuple(slots))
