import pytest

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.card import card, markdown
from keras_seqzoo.errors import UserError

# What the cards must warn of, above all.
TRAPS = {
    "atis": ["13 test", "joined by `#`", "tags"],
    "snips": ["white space", "U+FFFD", "23 test"],
    "sst2": ["GLUE", "MR", "77,189", "training only"],
    "mr": ["no standard split", "SST-2", "windows-1252"],
    "jsb_chorales": ["quarter note", "sixteenth", "steps 2 to T"],
    "nottingham": ["eighth note", "ABC"],
    "uci_har": ["3 of the 9", "`joined`", "by person", "from 0"],
    "japanese_vowels": ["no validation part", "98.6 %", "unequal lengths"],
    "folk_abc": ["piano rolls", "no standard split", "Y:"],
    "fsdd": ["2,400", "leaves a speaker out", "5 to 9"],
    "connected_digits": ["fixed seed", "one speaker only", "coarticulation"],
    "an4_mfcc": ["not normalised", "NOVEMBER and THIRTEEN", "no validation part"],
    "multi30k": ["sacreBLEU", "no-break", "line feeds", "one validation sentence"],
    "tatoeba_en_zh": ["no standard split", "attribution", "114"],
    "flickr8k": ["test (800)", "aspect", "ImageNet"],
    "ptb": ["one stream", "9,999 words", "LDC99T42", "82,430"],
    "train_tickets": ["too small"],
}


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_a_card_has_every_fact(name):
    facts = card(name)
    text = markdown(facts)
    assert text.startswith(f"# {facts.title}\n")
    for split, rows in facts.splits.items():
        assert f"| {split} | {rows:,} |" in text
    for fact in (*facts.traps, facts.example, *facts.sha256, *facts.sha256.values()):
        assert fact in text
    for fact in (facts.metric, facts.source, facts.licence, facts.citation):
        assert fact[1:].removesuffix(".") in text
    for trap in TRAPS[name]:
        assert trap in text
    assert ".." not in text.replace("../", "") and "  " not in text


@pytest.mark.parametrize("name", catalogue.NAMES)
def test_a_fact_is_one_line(name):
    facts = card(name)
    lines = facts.metric, facts.example, facts.source, facts.licence, *facts.traps
    for line in lines:
        assert line == " ".join(line.split()) != ""


def test_the_cards_say_where_files_come_from():
    assert "come from" not in markdown(card("train_tickets"))
    assert "comes with the package" in markdown(card("train_tickets"))
    assert "fetched from https://raw.githubusercontent.com" in markdown(card("atis"))
    assert "give a local copy with `--data-dir`" in markdown(card("uci_har"))
    assert "phrases.train.gz` has no split `phrases`." in markdown(card("sst2"))
    assert "fetched from https://" in markdown(card("japanese_vowels"))
    text = markdown(card("folk_abc"))
    assert "are made from these" in text and "/ABC_cleaned/xmas.abc\n" in text


def test_unknown_set():
    with pytest.raises(UserError, match="dataset must be one of .*'mnist'"):
        card("mnist")
