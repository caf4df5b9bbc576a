"""A vocabulary of subwords learnt from texts, by byte-pair encoding over characters."""

import collections
import heapq
import itertools
import unicodedata
from collections.abc import Iterable

from keras_seqzoo.arguments import positive_integer, strings, truth
from keras_seqzoo.runtime.subwords import REPLACEMENT, normalized

LONGEST_LEARNT = 16  # characters: texts are read as many times as a match can be long

# Scripts without spaces between words, by how their characters' names begin.
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def learn_subwords(
    texts: Iterable[str], size: int, lower_case: bool = False, min_count: int = 1
) -> list[str]:
    """The pieces of text that occur most, from characters up to words.

    First come the characters; then, again and again, the two neighbouring pieces that
    are neighbours most often are joined to a new one. Pieces are of letters, of digits
    or of other signs, a space in front included: " word" is a word after a space, or
    at a text's start. The result depends on what the texts are, not on their order.

    Args:
        texts: The training part.
        size: Most entries of the vocabulary.
        lower_case: Whether texts are made lower case first.
        min_count: Characters and joined pieces that occur less often are left out (the
            latter also if they occur once only); such a character is unknown.

    Returns:
        The entries: characters, the most frequent first, then joined pieces in the
        order they were made.

    Raises:
        UserError: An argument is wrong.

    Source: Sennrich, Haddow & Birch 2016, Neural Machine Translation of Rare Words with
    Subword Units.
    """
    texts = strings("texts", texts)
    size = positive_integer("size", size)
    lower_case = truth("lower_case", lower_case)
    min_count = positive_integer("min_count", min_count)

    runs = _counted_runs(normalized(text, lower_case) for text in texts)
    characters = collections.Counter()
    for run, count in runs.items():
        for character in run:
            characters[character] += count
    by_frequency = sorted(characters.items(), key=lambda entry: (-entry[1], entry[0]))
    entries = [character for character, n in by_frequency if n >= min_count][:size]
    # A dict because two different joins can give one piece.
    entries = dict.fromkeys(entries)
    for piece in _joined_pieces(runs, max(2, min_count)):
        if len(entries) == size:
            break
        entries[piece] = None
    return list(entries)


def _counted_runs(texts: Iterable[str]) -> collections.Counter:
    """How often each run of letters, digits or other signs occurs in texts."""
    words = collections.Counter()
    for text in texts:
        words.update(text.split(" "))
    runs = collections.Counter()
    for word, count in words.items():
        kinds = [(k, "".join(run)) for k, run in itertools.groupby(word, _kind) if k]
        found = [run for _, run in kinds]
        if not kinds or kinds[0][0] == "unspaced letter":
            found = [" ", *found]
        else:
            found[0] = " " + found[0]
        for run in found:
            runs[run] += count
    return runs


def _kind(character: str) -> str | None:
    """What a character is joined with; None for what is never learnt."""
    if character in ("\n", REPLACEMENT):
        return None
    if unicodedata.name(character, "").startswith(_UNSPACED):
        return "unspaced letter"
    major = unicodedata.category(character)[0]
    return {"L": "letter", "M": "letter", "N": "digit"}.get(major, "other")


def _joined_pieces(runs: collections.Counter, min_count: int) -> Iterable[str]:
    """Joins the commonest pair of pieces in all runs, again and again; gives each."""
    pieces, counts = [list(run) for run in runs], list(runs.values())
    pairs, places = collections.Counter(), collections.defaultdict(set)
    for place, run in enumerate(pieces):
        for pair in itertools.pairwise(run):
            pairs[pair] += counts[place]
            places[pair].add(place)
    # Counts change, and what was pushed with another count is passed over. Of pairs
    # as common as each other the first in alphabetical order comes first.
    heap = [(-count, pair) for pair, count in pairs.items()]
    heapq.heapify(heap)
    while heap:
        count, pair = heapq.heappop(heap)
        if -count < min_count:
            return
        if pairs[pair] != -count or len("".join(pair)) > LONGEST_LEARNT:
            continue
        changed = set()
        for place in places.pop(pair):
            before, after = pieces[place], _joined(pieces[place], pair)
            pieces[place] = after
            for old in itertools.pairwise(before):
                pairs[old] -= counts[place]
            for new in itertools.pairwise(after):
                pairs[new] += counts[place]
                places[new].add(place)
            changed.update(itertools.pairwise(before), itertools.pairwise(after))
        for other in changed:
            heapq.heappush(heap, (-pairs[other], other))
        yield "".join(pair)


def _joined(pieces: list[str], pair: tuple[str, str]) -> list[str]:
    """The pieces of a run, each such pair of neighbours made one."""
    found, position = [], 0
    while position < len(pieces):
        length = 2 if tuple(pieces[position : position + 2]) == pair else 1
        found.append("".join(pieces[position : position + length]))
        position += length
    return found
