"""A user's rows as the tasks': what they become, and what is said of a wrong one."""

import functools
import wave

import numpy as np
import pytest
from own_rows import ARRAYS, tiny
from PIL import Image

from keras_seqzoo.errors import UserError
from keras_seqzoo.preprocessing.midi import write_midi
from keras_seqzoo.training.tasks import task_of

SOUNDS, FRAMES, SERIES, ROLL, PICTURES = ARRAYS
LETTERS = {"labels": list("GNO "), "separator": "", "sample_rate": None}

model_of = functools.cache(tiny)


@functools.cache
def frame_model():
    return tiny("bi_peephole_speech", **LETTERS, loudness=0.0)


def own_rows(model, *rows):
    return task_of(model.architecture).own_rows(rows, model)


def test_a_sentence_is_split_into_words():
    found = own_rows(
        model_of("gru_tagger"),
        ("apple  bag", ["B-fruit", "O"]),
        (("cat",), ("B-animal",)),
    )
    assert [row.words for row in found] == [("apple", "bag"), ("cat",)]
    assert [row.slots for row in found] == [("B-fruit", "O"), ("B-animal",)]


def test_a_series_may_be_lists_or_a_file(tmp_path):
    path = tmp_path / "walk.csv"
    path.write_text("y,x\n1,2\n3,4\n")
    first, second = own_rows(
        model_of("bi_gru_series"), ([[2, 1], [4, 3]], "still"), (path, "moving")
    )
    np.testing.assert_array_equal(first.values, second.values)
    assert first.values.dtype == np.float32 and second.label == "moving"


def test_a_roll_may_be_lists_or_a_file(tmp_path):
    model = model_of("lstm_piano_roll")
    write_midi(tmp_path / "x.mid", ROLL, model.lowest_pitch, model.step_beats)
    for found in own_rows(model, ROLL, ROLL.tolist(), ROLL == 1, tmp_path / "x.mid"):
        np.testing.assert_array_equal(found, ROLL)
        assert found.dtype == np.uint8


def test_a_text_of_characters_ends_with_its_last_line():
    model = model_of("gru_character_model")
    assert own_rows(model, "X:2\nABC|", "X:2\nABC|\n\n") == ["X:2\nABC|\n"] * 2


def test_a_long_text_of_words_becomes_windows_that_go_on():
    model = model_of("gru_word_model")
    lines = [" the  market", "", "rose\n"]
    assert own_rows(model, "\n".join(lines)) == ["the market \n rose \n"]
    rows = own_rows(model, "rose " * 100, "fell")
    assert [len(row.split(" ")) for row in rows] == [70, 31, 2]
    before = task_of(model.architecture).encode(rows, model).inputs["tokens"].to_list()
    rose = model.tokens.encode("rose")[0]
    assert [row[0] for row in before] == [0, rose, 0]
    # Words that are not known have an id of their own.
    assert own_rows(model, "zebra") == ["zebra \n"]


def test_a_pair_needs_no_language():
    model = model_of("lstm_luong_translator")
    (row,) = own_rows(model, (" a  dog", "ein\nHund "))
    assert row == ("a dog", "ein Hund", "")
    (row,) = own_rows(model, ("zebra", "ein", "de"))  # a source may have anything
    assert row == ("zebra", "ein", "de")


def test_a_picture_may_be_of_any_kind_and_size(tmp_path):
    model, grey = model_of("lstm_show_and_tell"), PICTURES[0]
    Image.fromarray(grey).save(tmp_path / "grey.png")
    rows = own_rows(
        model,
        (grey, "A dog, runs!"),
        (Image.fromarray(grey), "a dog runs"),
        (str(tmp_path / "grey.png"), "a dog runs"),
        (np.full((9, 7), 30, "uint8"), "a dog runs"),
    )
    assert {row.caption for row in rows} == {"a dog runs"}
    images = task_of(model.architecture).encode(rows, model).inputs["images"]
    assert images.shape == (4, 32, 32, 3) and (images.numpy() == 30).all()


def test_a_captioner_is_taught_what_it_sees():
    model, rng = model_of("lstm_show_and_tell"), np.random.default_rng(0)
    picture = rng.integers(0, 256, (20, 90, 3)).astype("uint8")
    task = task_of(model.architecture)
    images = task.encode(own_rows(model, (picture, "a dog")), model).inputs["images"]
    seen = []
    network = model.parts["network"]
    model.parts["network"] = lambda x, training: seen.append(x) or network(x)
    model.serve({"images": own_rows(model, (picture, "a dog"))[0].image[None]})
    model.parts["network"] = network
    np.testing.assert_allclose(images, seen[0], atol=0.5001)


def test_a_sound_is_of_any_type_or_a_file(tmp_path):
    model = model_of("bi_peephole_speech")
    integers = SOUNDS[1]
    with wave.open(str(tmp_path / "x.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(1000)
        file.writeframes(integers.tobytes())
    floats = integers / 32768
    kinds = [integers, floats, floats.astype("float32"), np.stack([floats] * 2, axis=1)]
    kinds += [[*floats], np.append(floats, [0.0] * 99), tmp_path / "x.wav"]
    rows = own_rows(model, *[(one, " yes   no ") for one in kinds])
    assert {row.text for row in rows} == {"yes no"}
    for row in rows:
        np.testing.assert_allclose(row.sound, np.trim_zeros(floats, "b"), atol=1e-7)
    first, *others = task_of(model.architecture).encode(rows, model).inputs["frames"]
    for frames in others:
        np.testing.assert_allclose(frames, first, atol=1e-3)


def test_frames_may_be_a_file(tmp_path):
    np.save(tmp_path / "x.npy", FRAMES[0])
    rows = own_rows(frame_model(), (FRAMES[0], "GO ON"), (tmp_path / "x.npy", "GO"))
    for row in rows:
        np.testing.assert_array_equal(row.sound, FRAMES[0])
    assert [row.text for row in rows] == ["GO ON", "GO"]


PICTURE, SOUND = PICTURES[1], SOUNDS[0]
WRONG = [
    ("gru_tagger", ("bag", ["O", "O"]), "one slot for each word.*1 words, 2 slots"),
    ("gru_tagger", ("", []), "at least one word"),
    ("gru_tagger", ("bag", ["B-city"]), "one of the model's 4 labels.*'B-city'"),
    ("gru_tagger", (3, ["O"]), "`words` must be a list of words, or a string.*=3"),
    ("gru_tagger", "bag", r"must be a tuple \(words, slots\). Received: 'bag'"),
    (
        "bi_peephole_sentiment",
        (" ", "good"),
        "`text` must be a string that is.*' '",
    ),
    ("bi_peephole_sentiment", (None, "good"), "`text` must be a string.*None"),
    ("bi_peephole_sentiment", ("bag \ud800", "good"), "`text` must be valid Unicode"),
    (
        "bi_peephole_sentiment",
        ("bag", "new"),
        "`label` must be one of bad, good.*='new",
    ),
    ("bi_peephole_sentiment", ("bag", 1), "`label` must be one of bad, good.*label=1"),
    ("bi_peephole_sentiment", ("bag",), r"must be a tuple \(text, label\).*'bag',"),
    ("bi_peephole_sentiment", ("a", "bad", 1), r"must be a tuple \(text, label\).*1"),
    ("bi_gru_series", (np.zeros((4, 3)), "still"), r"\(time, 2\) of x, y.*\(4, 3\)"),
    ("bi_gru_series", ([[1, 2], [3]], "still"), r"`values` must be an array \(time, 2"),
    ("bi_gru_series", ([[0, np.nan]], "still"), "finite numbers.*nan.* at step 0"),
    ("bi_gru_series", ([[0, 1j]], "still"), "`values` must be real.*: complex"),
    ("bi_gru_series", (1j * np.ones((4, 2)), "still"), "must be real numbers"),
    ("bi_gru_series", ("no.csv", "still"), "no.csv: cannot be read"),
    ("bi_gru_series", (SERIES[0], "gone"), "one of still, moving.*'gone'"),
    ("lstm_piano_roll", np.zeros((4, 88)), r"a roll \(time, 12\).*\(4, 88\)"),
    ("lstm_piano_roll", 0.5 * ROLL, "a roll of 0 and 1"),
    ("lstm_piano_roll", 0j + ROLL, "a roll of 0 and 1"),
    ("lstm_piano_roll", ROLL[:0], "a roll of a step or more"),
    ("lstm_piano_roll", [[0] * 12, [1]], r"a roll \(time, 12\)"),
    ("lstm_piano_roll", "no.mid", "no.mid: there is no such file"),
    ("gru_character_model", "\n\n", "`text` must be a string that is not empty"),
    ("gru_character_model", "Zebra", "the model's 14 characters.*'Z', 'a', 'b', 'e'"),
    ("gru_word_model", 7, "`text` must be a string that is not empty. Received: 7"),
    ("lstm_luong_translator", ("", "ein"), "`source` must be a string that is not"),
    ("lstm_luong_translator", ("a", " "), "`target` must be a string that is not"),
    (
        "lstm_luong_translator",
        ("a", "ein Zoo"),
        "`target` .*characters.*: ' ', 'Z', 'o'",
    ),
    ("lstm_show_and_tell", (PICTURE, "!"), "`caption` must be a string that is not"),
    (
        "lstm_show_and_tell",
        (PICTURE, "a zebra"),
        r"5 words \('a', .*\). Received: 'zebra'",
    ),
    ("lstm_show_and_tell", (PICTURE / 255, "a dog"), "`image` must be of .*float64"),
    ("lstm_show_and_tell", (PICTURE[..., :2], "a dog"), r"uint8 \(64, 40, 2\)"),
    ("lstm_show_and_tell", ("no.jpg", "a dog"), "that is there. Received: no.jpg"),
    ("bi_peephole_speech", (SOUND, "yes maybe"), r"3 labels \('yes', .*: 'maybe'"),
    ("bi_peephole_speech", (SOUND, None), "`text` must be a string.*None"),
    ("bi_peephole_speech", ("yes", SOUND), "`text` must be a string.*array"),
    ("bi_peephole_speech", (SOUND, " "), "`text` must be a string.*' '"),
    ("bi_peephole_speech", (SOUND[:40], "yes yes"), "'yes yes': 2 labels must have 3"),
    ("bi_peephole_speech", (np.zeros(99), "yes"), "`sound` must have a sample that is"),
    ("bi_peephole_speech", (99 * SOUND, "yes"), r"must be in \[-1, 1\].*a peak of"),
    ("bi_peephole_speech", ([[0.1], [0.1, 0.2]], "yes"), "samples must be an array"),
    ("bi_peephole_speech", ("no.wav", "yes"), "no.wav: there is no such file"),
]


@pytest.mark.parametrize(("name", "row", "message"), WRONG)
def test_a_wrong_row_is_named(name, row, message):
    good = {
        "gru_tagger": ("bag", ["O"]),
        "bi_peephole_sentiment": ("bag", "bad"),
        "bi_gru_series": (SERIES[0], "still"),
        "lstm_piano_roll": ROLL,
        "gru_character_model": "ABC",
        "gru_word_model": "rose",
        "lstm_luong_translator": ("a", "ein"),
        "lstm_show_and_tell": (PICTURE, "a dog"),
        "bi_peephole_speech": (SOUND, "yes"),
    }[name]
    model = model_of(name)
    with pytest.raises(UserError, match=f"(?s)^row 1[:,] .*{message}") as error:
        task_of(name).encode(own_rows(model, good, row), model)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ((FRAMES[0][:, :3], "GO"), r"`sound` must be an array \(time, 4\).*\(9, 3\)"),
        ((FRAMES[0], "go"), r"4 labels \('G', 'N', 'O', ' '\). Received: 'g', 'o'"),
        ((FRAMES[0][:1], "GO"), "2 labels must have 2 steps or more"),
        (("no.npy", "GO"), "no.npy: cannot be read"),
    ],
)
def test_wrong_frames_are_named(row, message):
    model = frame_model()
    with pytest.raises(UserError, match=f"^row 0[:,] .*{message}"):
        task_of(model.architecture).encode(own_rows(model, row), model)


def test_words_must_be_known_where_no_id_is_for_others():
    model = tiny("gru_word_model", vocabulary=["the", "market"])
    with pytest.raises(UserError, match="row 0: .*the model's 3 words.*'rose'"):
        own_rows(model, "the rose")
