"""The runtime's subwords are those of the graph, whatever the text."""

import gzip
import itertools
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_seqzoo.preprocessing.subword_learning import learn_subwords
from keras_seqzoo.preprocessing.subwords import Subwords
from keras_seqzoo.runtime.subwords import UNKNOWN, SubwordIds

VOCABULARY = [" ", "a", "aa", "aaaa", " a", " cat", "at", "σ", "ς", "é", "e", "\u0301"]
VOCABULARY += ["猫", "猫猫", "😀", "  ", "b a", "0", "12", "i\u0307", "ß", "ꟁ", "\r"]
ODD = [
    "",
    " ",
    "  cat  cat a",
    "\n a\r\na\t",
    "nul\0cat \0a\0 \0",
    "ÄITI éÉ e\u0301E\u0301",
    "ΑΣ ΑΣ1 ΣΑ1Σ 1Σ Σ1Α ΑΣ\u0301 ΑΣ2Α 'ΑΣ'",
    "İ I ẞ ﬁ Ǆ ꟀΣ 𐕰Σ 3ⰯΑΣ",
    "猫猫猫 😀😀 👩\u200d👩\u200d👧 \ufeffcat \ufffe \U0010ffff \ufffd",
    "aaaaaaa" * 300,
    "CAT " * 300,
]
texts = st.lists(st.text(st.sampled_from("aAσΣ1 eé\u0301猫\0\n😀")) | st.text())


@pytest.fixture(scope="module", params=[False, True], ids=["as written", "lower case"])
def twins(request):
    """The graph's ids and texts, and the runtime's."""
    layer = Subwords(VOCABULARY, lower_case=request.param)
    strings = tf.TensorSpec((None,), tf.string)
    to_ids = tf.function(lambda x: layer(x), input_signature=[strings])
    return to_ids, layer, SubwordIds(VOCABULARY, lower_case=request.param)


@given(texts=texts)
@example(texts=ODD)
@settings(max_examples=100, deadline=None)
def test_ids_are_those_of_the_graph(twins, texts):
    to_ids, _, runtime = twins
    found = runtime(texts)
    assert found.dtype == np.int32
    np.testing.assert_array_equal(found, to_ids(tf.constant(texts, tf.string)))


@given(rows=st.lists(st.lists(st.integers(-2, len(VOCABULARY) + 5))))
@settings(max_examples=60, deadline=None)
def test_texts_are_those_of_the_graph(twins, rows):
    _, layer, runtime = twins
    expected = [text.decode() for text in layer.to_text(rows).numpy()]
    assert [runtime.decode(row) for row in rows] == expected


def test_starts_and_ends_are_those_of_the_graph(twins):
    _, layer, runtime = twins
    for start, end in itertools.product([False, True], repeat=2):
        found, expected = (one(ODD, start=start, end=end) for one in (runtime, layer))
        np.testing.assert_array_equal(found, expected)
        assert runtime.encode("cat", start, end) == [2] * start + [9] + [3] * end


def test_real_sentences(data_dir):
    sentences = []
    for language in ("en", "de", "fr"):
        path = f"{data_dir}/multi30k/raw/train.{language}.gz"
        with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
            sentences += [line[:-1] for line in itertools.islice(lines, 1000)]
    learnt = learn_subwords(sentences[:2000], 1500)  # English and German
    layer, runtime = Subwords(learnt), SubwordIds(learnt)
    found = runtime(sentences)
    np.testing.assert_array_equal(found, layer(sentences))
    back = [runtime.decode(row) for row in found]
    assert back[:2000] == sentences[:2000]
    assert [text.decode() for text in layer.to_text(found).numpy()] == back


def test_half_a_surrogate_pair_is_a_question_mark():
    runtime = SubwordIds([" ", "?", "a"])
    assert runtime.encode("a\ud800a") == [6, 5, 6]


def test_no_vocabulary_and_no_texts():
    runtime = SubwordIds([])
    assert runtime(["a b", ""]).tolist() == [[1, 1, 1], [0, 0, 0]]
    assert runtime([]).shape == (0, 1)
    assert runtime.decode([]) == ""


def test_no_tensorflow_is_loaded():
    code = (
        "import sys\n"
        "from keras_seqzoo.runtime.subwords import UNKNOWN, SubwordIds\n"
        "ids = SubwordIds([' a'], lower_case=True).encode('A a')\n"
        "print(ids, {'tensorflow', 'keras'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[4, 4] set()", done.stderr


@pytest.mark.parametrize(
    ("text", "lower_case", "unknown"),
    [
        ("a cat", False, []),
        ("A bat", False, ["A", "b"]),
        ("A bat", True, ["b"]),
        ("b at", False, ["t"]),  # "b a" is a piece
        ("zz", False, ["z", "z"]),
        ("\ufffd", False, ["\ufffd"]),
    ],
)
def test_unknown_characters_are_those_of_the_unknown_id(text, lower_case, unknown):
    ids = SubwordIds(VOCABULARY, lower_case)
    assert ids.unknown(text) == unknown
    assert ids.encode(text).count(UNKNOWN) == len(unknown)
