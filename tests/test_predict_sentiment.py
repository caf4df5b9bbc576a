"""`seqzoo predict` of sentiment: class, words by weight in the terminal and a file."""

import json

import keras
import pytest
from matplotlib.figure import Figure
from PIL import Image

import keras_seqzoo as zoo
from keras_seqzoo import cli
from keras_seqzoo.cli.sentiment import MOST_WORDS, draw_words, grounds
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SentenceClassifier, SlotTagger


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets")
    keras.utils.set_random_seed(1)
    model = zoo.create("bi_peephole_sentiment", **SentenceClassifier.tiny())
    model.save_to_preset(folder / "sentiment")
    zoo.create("gru_tagger", **SlotTagger.tiny()).save_to_preset(folder / "tagger")
    return folder


@pytest.fixture
def predict(capsys, presets, monkeypatch):
    monkeypatch.chdir(presets)

    def run(*arguments):
        capsys.readouterr()
        status = cli.main(["predict", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def test_the_words_are_coloured_in_the_terminal(predict):
    status, plain, _ = predict("sentiment", "a dog", "cat")
    assert status == 0 and len(plain.splitlines()) == 2
    status, out, _ = predict("sentiment", "a dog", "cat", "--plot")
    assert status == 0 and out.count("\x1b[48;2;230;159;0m") == 2  # each one's heaviest
    assert [line.split("  ")[0] for line in out.splitlines()] == [
        line.split("  ")[0] for line in plain.splitlines()
    ]


def test_the_words_are_drawn_into_a_file(predict, tmp_path):
    path = tmp_path / "words.png"
    status, out, err = predict("sentiment", "a dog and a cat", "-o", path)
    assert (status, err) == (0, f"Wrote {path}\n")
    assert out == predict("sentiment", "a dog and a cat")[1]
    with Image.open(path) as drawing:
        colours = {colour for _, colour in drawing.convert("RGB").getcolors(10**6)}
    assert (230, 159, 0) in colours and (255, 255, 255) in colours
    status, out, err = predict("sentiment", "cat", "-o", path, "--plot")
    assert "\x1b[48;2;230;159;0m" in out and err == f"Wrote {path}\n"
    status, out, err = predict("sentiment", "cat", "-o", path, "--json")
    (found,) = json.loads(out)
    assert (status, err) == (0, "") and found["words"][0]["word"] == "cat"


def test_lines_are_as_wide_as_the_drawing(monkeypatch, tmp_path):
    drawn = []
    save = Figure.savefig
    monkeypatch.setattr(
        Figure,
        "savefig",
        lambda figure, *a, **k: (drawn.append(figure), save(figure, *a, **k)),
    )
    words = [(f"$word{n}" * (1 + n % 4), n / 780) for n in range(40)]
    draw_words("good", 0.75, [*words, ("x" * 999, 0.0)], str(tmp_path / "x.pdf"))
    (figure,) = drawn
    title, *texts = figure.texts
    assert title.get_text() == "good  0.750"
    assert [text.get_text() for text in texts[:40]] == [word for word, _ in words]
    assert texts[-1].get_text() == "x" * 60 + "..."
    boxes = [text.get_window_extent() for text in texts]
    width, height = figure.get_size_inches() * figure.dpi
    assert all(box.x0 >= 0 and box.x1 <= width for box in boxes)
    assert all(box.y0 >= 0 and box.y1 <= height for box in boxes)
    for before, after in zip(boxes, boxes[1:]):
        assert after.x0 > before.x1 or after.y1 < before.y0  # beside it, or below
    assert len({round(box.y0) for box in boxes}) > 3


def test_the_heaviest_word_is_orange_and_none_is_white():
    found = grounds([("a", 0.6), ("b", 0.3), ("c", 0.0)])
    assert found == [(230, 159, 0), (242, 207, 128), (255, 255, 255)]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["sentiment", "a", "b", "-o", "x.png"],
            "for one INPUT. Received: 2 sentences",
        ),
        (["sentiment", "a", "-o", "x.gif"], "--output must end in .png"),
        (["sentiment", "a", "-o", "none/x.png"], "in a folder that can be written"),
        (["sentiment", "  ", "-o", "x.png"], "INPUT must have a word or more"),
        (["tagger", "a", "-o", "x.png"], "--output needs a model that classifies text"),
        (["tagger", "a", "--plot"], "--plot needs a classifier of text"),
    ],
)
def test_what_cannot_be_drawn_is_one_line(predict, presets, arguments, message):
    status, out, err = predict(*arguments)
    assert (status, out) == (2, "")
    assert message in err and len(err.strip().splitlines()) == 1
    assert not (presets / "x.png").exists()


def test_a_long_text_is_not_drawn(tmp_path):
    words = [("a", 1 / 1001)] * (MOST_WORDS + 1)
    with pytest.raises(UserError, match="at most 1000 words. Received: 1001"):
        draw_words("good", 0.5, words, str(tmp_path / "x.png"))


def test_nothing_to_draw(predict, monkeypatch):
    monkeypatch.setattr("keras_seqzoo.cli.predict.lines_of", lambda item: [])
    status, out, err = predict("sentiment", "-o", "x.png")
    assert (status, out) == (2, "") and "for one INPUT. Received: none" in err
    assert predict("sentiment", "--json")[:2] == (0, "[]\n")
