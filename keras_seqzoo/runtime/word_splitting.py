r"""How a text is split into words: at white space, or as the Penn treebank does.

A splitting is rules (pattern, rewrite) that are applied in turn; then white space
parts the words. The patterns keep to what Python's `re` and TensorFlow's RE2 read
alike: no look-around, no `\w`, no `(?i)`.

In the treebank's rules a space of the text becomes two, so that one space is one that
a rule has put in, and may be taken out again.

Source: Marcus et al. 1993, Building a Large Annotated Corpus of English: the Penn
Treebank; spelled as in the Stanford Sentiment Treebank (Socher et al. 2013).
"""

from typing import NamedTuple

Rules = tuple[tuple[str, str], ...]


class Splitting(NamedTuple):
    """Rules that make words of a text.

    Attributes:
        written: For the words as they are written.
        spelled: For the same words as a vocabulary has them, but for their case.
    """

    written: Rules
    spelled: Rules


def _any_case(*words: str) -> str:
    letters = "|".join(words)
    return "".join(f"[{c}{c.upper()}]" if c.islower() else c for c in letters)


_OPENING = "\ue001"  # stands for a ' that opens a quotation
_NUMBER_MARK = (r"([0-9]) ([,:]) ([0-9])", r"\1\2\3")
_ENDING = _any_case("s", "re", "ve", "ll", "d", "m")
_CONTRACTION = (f"([^ ])(['’](?:{_ENDING})) ", r"\1 \2 ")
_CUT_WORD = _any_case("em", "til", "tis", "twas", "cause", "n")  # 'em, 'til
_ABBREVIATION = _any_case(
    *("mr", "mrs", "ms", "dr", "st", "jr", "sr", "prof", "rev", "gen", "gov", "sen"),
    *("rep", "capt", "sgt", "inc", "co", "corp", "bros", "vs", "etc", "al", "ph.d"),
    *("jan", "feb", "apr", "aug", "sept", "oct", "nov", "dec", "pa", "wash"),
).replace(".", r"\.")

_PARTED: Rules = (
    ("[ \t\n\v\f\r]+", "  "),
    ("^|$", " "),
    (r"([\[\](){};$#%\"“”„«»‘–—…]|''|`+|[?!]+|--+|[.][.]+)", r" \1 "),
    ("([,:])", r" \1 "),
    _NUMBER_MARK,
    _NUMBER_MARK,  # the digit between two marks is part of both: 1,2,3
    # ' before a word opens a quotation, but for 's and 'em.
    (" '([A-Za-z])", rf" {_OPENING} \1"),
    (f" {_OPENING} ({_ENDING}|{_CUT_WORD})(['’]?) ", r" '\1\2 "),
    # A full stop, and a ' that closes.
    (r"[.](['’]) ", r". \1 "),
    ("([^ .])[.] ", r"\1 . "),
    ("([A-Za-z])(['’]) ", r"\1 \2 "),
    (f"( ['’]{_any_case('n')}| {_any_case('ol')}) (['’]) ", r"\1\2 "),
    # What is no full stop: an abbreviation's, an initial's, and one before another.
    (f" ({_ABBREVIATION}|[A-HJ-Za-hj-z]|(?:[A-Za-z][.])+[A-Za-z]) [.] ", r" \1. "),
    (rf" ({_any_case('no')}) [.] ( [0-9])", r" \1. \2"),
    (" ([^ ]+) [.]  [.] ", r" \1.  . "),
    # It's, don't, cannot.
    _CONTRACTION,
    _CONTRACTION,  # I'd've
    (f"([A-Za-z])({_any_case('n')}['’]{_any_case('t')}) ", r"\1 \2 "),
    (f" ({_any_case('can')})({_any_case('not')}) ", r" \1 \2 "),
)

_SPELLED: Rules = (
    ("’", "'"),
    (f"[{_OPENING}‘]", "`"),
    ("[“„«]", "``"),
    ("[”»]", "''"),
    ('"([^"]*)"', r"``\1''"),
    ('"', "``"),
    (r"[\[({]", "-lrb-"),
    (r"[\])}]", "-rrb-"),
    ("–|—|--+", "--"),
    ("…|[.][.]+", "..."),
    ("!!+ ", "! "),
    ("[?][?]+ ", "? "),
    (r"\\?/", r"\\/"),
    (r"\\?[*]", r"\\*"),
)

SPLITTINGS = {
    "white_space": Splitting((), ()),
    "penn": Splitting((*_PARTED, (_OPENING, "'")), (*_PARTED, *_SPELLED)),
}
