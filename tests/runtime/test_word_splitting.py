import pathlib

import numpy as np
import pytest
import tensorflow as tf

from keras_seqzoo.datasets.sst2 import FILES, Sst2
from keras_seqzoo.preprocessing.words import _split
from keras_seqzoo.runtime.word_splitting import SPLITTINGS
from keras_seqzoo.runtime.words import split

PENN = SPLITTINGS["penn"]
# A text, its words as they are written, and as a vocabulary has them if not so.
TEXTS = [
    ("It's good.", "It 's good .", None),
    ("a great movie!!!", "a great movie !!!", "a great movie !"),
    ("What?? Really?!", "What ?? Really ?!", "What ? Really ?!"),
    ("I can't, won't; cannot.", "I ca n't , wo n't ; can not .", None),
    ("Don’t you’ve", "Do n’t you ’ve", "Do n't you 've"),
    ("I'd've", "I 'd 've", None),
    ("7:30, 10,000 or 1,2,3: no", "7:30 , 10,000 or 1,2,3 : no", None),
    ("10 , 20", "10 , 20", None),
    ("$40 (100%)", "$ 40 ( 100 % )", "$ 40 -lrb- 100 % -rrb-"),
    ("[A] {b}", "[ A ] { b }", "-lrb- A -rrb- -lrb- b -rrb-"),
    ('"He said," he.', '" He said , " he .', "`` He said , '' he ."),
    ('He said "it was."', 'He said " it was . "', "He said `` it was . ''"),
    ("“No”—‘yes’…", "“ No ” — ‘ yes ’ …", "`` No '' -- ` yes ' ..."),
    ("the 'best.' end", "the ' best . ' end", "the ` best . ' end"),
    ("the actors' lives", "the actors ' lives", None),
    ("'em, rock 'n' roll, ol' 'Tis", "'em , rock 'n' roll , ol' 'Tis", None),
    ("the '70s o'clock", "the '70s o'clock", None),
    ("Mr. J. R. Ewing etc. and I.", "Mr. J. R. Ewing etc. and I .", None),
    ("in the U.S. by j.r.r. t", "in the U.S. by j.r.r. t", None),
    ("No. 1 is a no. So.", "No. 1 is a no . So .", None),
    ("no. .", "no. .", None),
    ("well....wait--no", "well .... wait -- no", "well ... wait -- no"),
    ("writer/director 5*", "writer/director 5*", r"writer\/director 5\*"),
    ("3.5 feardotcom.com", "3.5 feardotcom.com", None),
    ("", "", None),
    ("\t .\n", ".", None),
]
# As the data are: `-lrb-`, `` and \/ stay.
TOKENISED = [
    "it 's `` good '' , -lrb- and\\/or -rrb- did n't ` get ' \\*\\*\\* ?!? .",
    "mr. and ms. , ca wo n't , the '50s , e.t. , 'em ol' 'n' ... -- no. 1 no. .",
]


@pytest.mark.parametrize("text, written, spelled", TEXTS)
def test_words_of_a_text(text, written, spelled):
    assert split(text, PENN.written) == written.split()
    assert (
        split(text, PENN.spelled) == (written if spelled is None else spelled).split()
    )


@pytest.mark.parametrize("text", TOKENISED)
def test_what_is_split_already_stays(text):
    assert split(text, PENN.written) == split(text, PENN.spelled) == text.split()


def test_words_are_those_of_the_graph():
    letters = np.array(list("ab'\".,!?:;()[] -/*’“”‘…sntdemNTI12\\`$%\n\té猫\0"))
    drawn = np.random.default_rng(0).choice(letters, (1000, 30))
    texts = [text for text, *_ in TEXTS] + TOKENISED + ["".join(t) for t in drawn]
    for rules in PENN:
        words = [split(text, rules) for text in texts]
        in_graph = _split(tf.constant(texts), rules).to_list()
        assert words == [[word.decode() for word in row] for row in in_graph]
    written, spelled = ([len(split(t, rules)) for t in texts] for rules in PENN)
    assert written == spelled


def test_sst2_is_split_already(data_dir):
    folder = pathlib.Path(data_dir) / Sst2.name
    for part in ("validation", "test"):
        for line in (folder / FILES[part]).read_text("utf-8").splitlines():
            assert split(line, PENN.spelled) == split(line)
