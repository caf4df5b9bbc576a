import collections
import gzip
import itertools
import json
import random
import re
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_seqzoo.errors import UserError
from keras_seqzoo.preprocessing.subword_learning import learn_subwords
from keras_seqzoo.preprocessing.subwords import (
    END,
    FIRST_SUBWORD,
    PADDING,
    START,
    UNKNOWN,
    Subwords,
)

# " l" is nobody's id and has to be walked through, and gone back from.
VOCABULARY = [" ", "l", "o", "w", "e", "r", " low", "er", "lower", " lowest", "ß", "猫"]
IDS = {entry: FIRST_SUBWORD + n for n, entry in enumerate(VOCABULARY)}
# Between them as many prefixes of each other as there can be, and signs of patterns.
TANGLED = ["a", "aa", "aaaa", "aab", "ba", "b", " ", " a", "  ", " b a", ".*", "😀a"]
AWKWARD = ["", " ", "   ", "a\0b", "a\nb", "\ufffd", "\ufeffa", "a" * 1000, "😀" * 9]


@pytest.fixture(scope="module")
def layer():
    return Subwords(VOCABULARY)


@pytest.fixture(scope="module")
def tangled():
    return Subwords(TANGLED)


def real_sentences(data_dir, language, count):
    path = f"{data_dir}/multi30k/raw/train.{language}.gz"
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        return [" ".join(line.split()) for line in itertools.islice(lines, count)]


def greedy(vocabulary, text):
    """The cut by Python's own regular expressions, which try the alternatives in order.

    Nothing of it is the layer's.
    """
    longest_first = sorted(vocabulary, key=len, reverse=True)
    pattern = "|".join([*map(re.escape, longest_first), "(?s:.)"])
    pieces = re.findall(pattern, " " + text)
    if len(pieces[0]) == 1 and not text.startswith(" "):
        del pieces[0]
    return pieces


def naive_merges(words, merges):
    """Byte-pair encoding as it is written down, all pairs counted anew each time."""
    words, made = {tuple(word): count for word, count in words.items()}, []
    for _ in range(merges):
        pairs = collections.Counter()
        for word, count in words.items():
            for pair in itertools.pairwise(word):
                pairs[pair] += count
        pairs = {pair: count for pair, count in pairs.items() if count > 1}
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        made.append("".join(best))
        joined = collections.Counter()
        for word, count in words.items():
            left, pieces = list(word), []
            while left:
                pieces.append("".join(left[:2]) if tuple(left[:2]) == best else left[0])
                del left[: 2 if tuple(left[:2]) == best else 1]
            joined[tuple(pieces)] += count
        words = joined
    return made


def test_ids_by_hand(layer):
    ids = layer(["low lower lowers", "slow", "猫 ß"])
    assert ids.dtype == tf.int32
    low, er, space = IDS[" low"], IDS["er"], IDS[" "]
    expected = [
        # " lowest" is followed up to its e, and given up for " low".
        [low, low, er, low, er, UNKNOWN],
        # The space in front is in no piece and left out: "l", for " low" needs one.
        [UNKNOWN, IDS["l"], IDS["o"], IDS["w"], PADDING, PADDING],
        [IDS["猫"], space, IDS["ß"], PADDING, PADDING, PADDING],
    ]
    assert ids.numpy().tolist() == expected
    assert layer.to_text(ids).numpy().tolist() == [
        b"low lower lower\xef\xbf\xbd",
        b"\xef\xbf\xbdlow",
        "猫 ß".encode(),
    ]


def test_start_and_end(layer):
    texts, low = ["low", "", "low low"], IDS[" low"]
    assert layer(texts).numpy().tolist() == [[low, 0], [0, 0], [low, low]]
    found = layer(texts, start=True).numpy().tolist()
    assert found == [[START, low, 0], [START, 0, 0], [START, low, low]]
    found = layer(texts, end=True).numpy().tolist()
    assert found == [[low, END, 0], [END, 0, 0], [low, low, END]]
    both = layer(texts, start=True, end=True)
    assert both.numpy().tolist() == [
        [START, low, END, 0],
        [START, END, 0, 0],
        [START, low, low, END],
    ]
    assert layer.to_text(both).numpy().tolist() == [text.encode() for text in texts]


def test_to_text_of_lists_and_of_ids_that_there_are_not(layer):
    low = IDS[" low"]
    rows = [[START, low, PADDING, low, END, low], [], [low], [-1, 10**6, UNKNOWN]]
    found = [text.decode() for text in layer.to_text(rows).numpy()]
    assert found == ["low low", "", "low", "\ufffd" * 3]
    assert layer.to_text([]).shape == (0,)
    again = layer.to_text(tf.ragged.constant(rows))
    np.testing.assert_array_equal(again, layer.to_text(rows))
    int64 = np.array([[low, low]], "int64")
    assert layer.to_text(int64).numpy().tolist() == [b"low low"]


def test_length_is_at_least_1(layer):
    assert layer(["", ""]).numpy().tolist() == [[0], [0]]
    assert layer(["", ""], end=True).numpy().tolist() == [[END], [END]]
    assert layer([]).shape == (0, 1)


def test_what_is_no_utf_8_is_unknown(layer):
    found = layer([b"low\xff low", b"\xf0\x9f", b"lo\xc3w"], end=True).numpy().tolist()
    low = IDS[" low"]
    assert found[0][:4] == [low, UNKNOWN, low, END]
    assert set(found[1]) <= {UNKNOWN, END, PADDING}
    assert found[2][:4] == [IDS["l"], IDS["o"], UNKNOWN, IDS["w"]]


def test_a_very_long_word(layer):
    text = "lower" * 20_000
    ids = layer([text, "low"]).numpy()
    assert ids.shape == (2, 20_001)  # " low", "er", and then "lower" again and again
    assert ids[1].sum() == IDS[" low"]
    assert layer.to_text(ids).numpy()[0].decode() == text


texts = st.lists(st.text(st.sampled_from("ab .*é😀猫\n\0")) | st.text(), max_size=5)


@given(texts=texts)
@example(texts=AWKWARD)
@settings(max_examples=40, deadline=None)
def test_pieces_are_the_longest(tangled, texts):
    found = tangled(texts).numpy().tolist()
    ids = {entry: FIRST_SUBWORD + n for n, entry in enumerate(TANGLED)}
    for row, text in zip(found, texts):
        text = text.replace("\0", "\ufffd")
        expected = [ids.get(piece, UNKNOWN) for piece in greedy(TANGLED, text)]
        assert row == expected + [PADDING] * (len(row) - len(expected))


@given(texts=texts)
@example(texts=AWKWARD)
@settings(max_examples=40, deadline=None)
def test_texts_of_known_characters_come_back(texts):
    signs = sorted(set("".join(texts)) - set("\n\0\ufffd"))
    vocabulary = dict.fromkeys([" ", "a", *signs, *TANGLED])
    layer = Subwords(list(vocabulary))
    found = [text.decode() for text in layer.to_text(layer(texts)).numpy()]
    assert found == [re.sub("[\n\0]", "\ufffd", text) for text in texts]


def test_lower_case():
    layer = Subwords([" ", " ätna", "σ", "ς", "o", "1"], lower_case=True)
    ids = layer(["ÄTNA", "OΣ1 ΣO\0\0", "ß\ufeff"]).numpy().tolist()
    assert ids[0][:2] == [5, PADDING]
    assert ids[1] == [8, 7, 9, 4, 6, 8, UNKNOWN, UNKNOWN]
    assert ids[2][:3] == [UNKNOWN, UNKNOWN, PADDING]


def test_no_vocabulary_at_all():
    layer = Subwords([])
    assert layer(["a b", ""]).numpy().tolist() == [[1, 1, 1], [0, 0, 0]]
    assert layer.to_text([[1, 4]]).numpy()[0].decode() == "\ufffd\ufffd"


def test_config():
    layer = Subwords(VOCABULARY, lower_case=True, name="pieces")
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(layer)))
    again = keras.saving.deserialize_keras_object(config)
    assert (list(again.vocabulary), again.lower_case) == (VOCABULARY, True)
    assert again.name == "pieces"


IN_ANOTHER_PROCESS = """
import sys
import tensorflow as tf

module = tf.saved_model.load(sys.argv[1])
texts = ["low lower", "", "slowest \\U0001f600", b"lo\\xffw", "low\\0"]
ids = module.to_ids(tf.constant(texts))
print([ids.numpy().tolist(), [t.decode() for t in module.to_text(ids).numpy()]])
assert not {"keras_seqzoo", "tensorflow_text"} & set(sys.modules)
"""


def test_a_saved_model_needs_tensorflow_alone(layer, tmp_path):
    module, strings = tf.Module(), tf.TensorSpec((None,), tf.string)
    module.to_ids = tf.function(lambda x: layer(x, end=True), input_signature=[strings])
    ids = tf.TensorSpec((None, None), tf.int32)
    module.to_text = tf.function(lambda x: layer.to_text(x), input_signature=[ids])
    kind = tf.saved_model.experimental.TrackableResource
    module.kept = [value for value in vars(layer).values() if isinstance(value, kind)]
    tf.saved_model.save(module, str(tmp_path / "saved"))
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, str(tmp_path / "saved")],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    texts = ["low lower", "", "slowest \U0001f600", b"lo\xffw", "low\0"]
    ids = layer(texts, end=True)
    back = [text.decode() for text in layer.to_text(ids).numpy()]
    assert done.stdout.strip() == str([ids.numpy().tolist(), back])


def test_learnt_by_hand():
    texts = ["low low low", "lower", "newest newest"]
    # " " is counted in front of each word, w as often; e 5 times, and so on.
    characters = [" ", "w", "e", "l", "o", "n", "s", "t", "r"]
    assert learn_subwords(texts, 8) == characters[:8]
    # (" ", l), (l, o) and (o, w) are there 4 times; then all pairs in "newest" twice.
    low, newest = [" l", " lo", " low"], [" n", " ne", " new", " newe", " newes"]
    assert learn_subwords(texts, 12) == characters + low
    assert learn_subwords(texts, 100) == [*characters, *low, *newest, " newest"]


@given(st.lists(st.text("aab c", max_size=12), min_size=1), st.integers(1, 12))
@settings(max_examples=40, deadline=None)
def test_joined_pieces_are_byte_pair_encodings(texts, merges):
    words = [f" {word}" for text in texts for word in text.split(" ")]
    characters = set("".join(words))
    expected = dict.fromkeys(naive_merges(collections.Counter(words), merges))
    learnt = learn_subwords(texts, len(characters) + len(expected))
    assert learnt[len(characters) :] == list(expected)


def test_learnt_of_real_sentences(data_dir):
    texts = real_sentences(data_dir, "en", 1500) + real_sentences(data_dir, "de", 1500)
    learnt = learn_subwords(texts, 1000)
    assert len(learnt) == len(set(learnt)) == 1000
    assert {" man", " Mann", " woman", " und", " the"} <= set(learnt)
    assert set("".join(texts)) <= set(learnt)
    assert learnt[:3] == [" ", "e", "n"]
    unmixed = re.compile(r" ?([^\W\d_]+|\d+|[^\w\s]*)")
    assert [entry for entry in learnt if not unmixed.fullmatch(entry)] == []
    # A smaller vocabulary is the beginning of it, and no order of the texts matters.
    random.Random(0).shuffle(texts)
    assert learn_subwords(texts, 600) == learnt[:600]

    layer = Subwords(learnt)
    ids = layer(texts)
    assert not (ids.numpy() == UNKNOWN).any()
    assert [t.decode() for t in layer.to_text(ids).numpy()] == texts
    pieces = np.count_nonzero(ids) / len(texts)
    characters = sum(map(len, texts)) / len(texts)
    assert 15 < pieces < characters / 2.5


def test_learnt_of_chinese():
    texts = ["我喜欢猫。", "我喜欢 Tom。", "他2020年喜欢Tom。"]
    learnt = learn_subwords(texts * 2, 100)
    # No space goes with a script that has none, and scripts are not mixed.
    joined = {entry for entry in learnt if len(entry) > 1}
    assert joined == {
        *("喜欢", "我喜欢", "我喜欢猫", "年喜欢", "To", "Tom", " Tom", "20", "2020")
    }
    layer = Subwords(learnt)
    ids = layer(["我喜欢猫。", "他喜欢狗"]).numpy()
    assert ids[0].tolist() == [4 + learnt.index("我喜欢猫"), 4 + learnt.index("。"), 0]
    assert layer.to_text(ids).numpy()[1].decode() == "他喜欢\ufffd"


def test_rare_characters_are_left_out():
    texts = ["ab ab ab xy"]
    assert "x" in learn_subwords(texts, 100)
    assert learn_subwords(texts, 100, min_count=2) == [" ", "a", "b", " a", " ab"]
    assert learn_subwords(texts, 100, min_count=4) == [" "]


def test_line_feeds_and_what_is_no_character_are_not_learnt():
    assert learn_subwords(["a\na\n\nb\0b\ufffd"] * 9, 100) == ["a", "b", " ", " a"]
    assert learn_subwords([], 5) == []
    assert learn_subwords(["", "\n"], 5) == [" "]


def test_learnt_in_lower_case():
    assert learn_subwords(["Äa äA"] * 2, 9, lower_case=True)[-1] == " äa"
    assert learn_subwords(["Äa äA"] * 2, 9)[:1] == [" "]


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"texts": "low"}, "`texts` must be a list of strings.*'low'"),
        ({"texts": ["low", b"low"]}, "`texts` must be.*position 1: b'low'"),
        ({"texts": 5}, "`texts` must be a list of strings.*=5"),
        ({"size": 0}, "`size` must be a positive integer.*size=0"),
        ({"size": 8.0}, "`size` must be a positive integer.*size=8.0"),
        ({"lower_case": "no"}, "`lower_case` must be True or False.*='no'"),
        ({"min_count": 0}, "`min_count` must be a positive integer.*=0"),
    ],
)
def test_bad_arguments_of_learning_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        learn_subwords(**{"texts": ["low"], "size": 8} | arguments)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"vocabulary": "low"}, "`vocabulary` must be a list of strings.*'low'"),
        ({"vocabulary": ["a", ""]}, "`vocabulary` must be a list of non-empty"),
        ({"vocabulary": ["a", "a"]}, "`vocabulary` must be different.*'a' more"),
        ({"vocabulary": ["a\n"]}, r"`vocabulary` must be .*line feed.*'a\\n'"),
        ({"vocabulary": ["\0a"]}, r"`vocabulary` must be .*NUL.*'\\x00a'"),
        ({"vocabulary": ["\ud800"]}, "`vocabulary` must be valid Unicode"),
        ({"lower_case": 1}, "`lower_case` must be True or False.*=1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        Subwords(**{"vocabulary": VOCABULARY} | arguments)


def test_texts_and_ids_must_have_a_batch_axis(layer):
    with pytest.raises(UserError, match=r"`texts` must be strings \(batch,\).*=\(\)"):
        layer("low")
    with pytest.raises(UserError, match=r"`ids` must be ids \(batch, l.*=\(2,\)"):
        layer.to_text(np.array([4, 5]))
