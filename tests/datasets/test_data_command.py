"""`seqzoo data`: what it prints, where, and its exit status."""

import io
import json
import sys

import pytest

from keras_seqzoo import cli
from keras_seqzoo.datasets import catalogue

COMMANDS = ["list", "info", "prepare", "show"]


@pytest.fixture
def data(capsys, monkeypatch):
    """Runs `seqzoo data ...` in this process; gives its status, output and messages."""
    monkeypatch.setenv("COLUMNS", "80")

    def run(*arguments):
        capsys.readouterr()
        status = cli.main(["data", *map(str, arguments)])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def assert_refused(answer, *parts):
    """Status 2, nothing on standard output, and one line that has the parts."""
    status, out, err = answer
    assert (status, out) == (2, "")
    *messages, error = err.splitlines()
    assert error.startswith("Error: ")
    assert not any("Traceback" in message for message in messages)
    for part in parts:
        assert str(part) in error


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(data, command):
    status, out, err = data(command, "--help")
    assert (status, err) == (0, "")
    assert f"\n    seqzoo data {command}" in out


# list


def test_list(data, fake_set):
    data("prepare", "uci_har", "--data-dir", fake_set("uci_har"))
    status, out, _ = data("list")
    assert status == 0
    lines = {line.split()[0]: line for line in out.splitlines()}
    assert set(lines) == {"name", *catalogue.NAMES}
    assert "train 29,000, validation 1,014, test 1,000" in lines["multi30k"]
    assert lines["uci_har"].split()[-1] == "yes"
    assert lines["multi30k"].split()[-1] == "no"


def test_list_json(data, home):
    status, out, err = data("list", "--json")
    assert (status, err) == (0, "")
    rows = json.loads(out)
    assert [row["name"] for row in rows] == list(catalogue.NAMES)
    assert tuple(rows[0]) == ("name", "task", "title", "splits", "prepared")
    assert rows[0]["splits"] == {"train": 4478, "validation": 500, "test": 893}
    assert [row["name"] for row in rows if row["prepared"]] == ["train_tickets"]


# info


def test_info(data):
    status, out, err = data("info", "fsdd")
    assert (status, err) == (0, "")
    assert out.startswith("# Free Spoken Digit Dataset\n")
    status, out, _ = data("info", "fsdd", "--json")
    facts = json.loads(out)
    assert facts["splits"] == {"train": 2400, "validation": 300, "test": 300}
    assert facts["licence"] == "CC BY-SA 4.0" and len(facts["traps"]) >= 3


# prepare


def test_prepare_says_where_and_how_many(data, fake_set, home):
    folder = fake_set("multi30k")
    status, out, err = data("prepare", "multi30k", "--data-dir", folder, "--json")
    assert status == 0
    assert json.loads(out) == {
        "name": "multi30k",
        "folder": str(home / "datasets" / "multi30k" / "1.0.0"),
        "splits": {"train": 5, "validation": 2, "test": 3},
    }
    assert "Multi30k" in err
    status, out, _ = data("prepare", "multi30k")
    assert status == 0
    assert str(home) in out and "validation  2" in out


def test_prepare_the_shipped_set(data):
    status, out, _ = data("prepare", "train_tickets", "--json")
    assert status == 0
    splits = {"train": 72, "validation": 13, "test": 20}
    assert json.loads(out)["splits"] == splits


# show


def test_show_words_over_slots(data, fake_set):
    folder = fake_set("atis")
    status, out, _ = data("show", "atis", "--count", 2, "--data-dir", folder)
    assert status == 0
    assert out.splitlines() == [
        "train[0]: travel",
        "go  to  city0",
        "O   O   B-city",
        "",
        "train[1]: travel",
        "go  to  city1",
        "O   O   B-city",
    ]


def test_show_the_shipped_set(data):
    status, out, _ = data("show", "train_tickets", "--split", "test", "--count", 99)
    assert status == 0
    assert out.count("test[") == 20
    assert "B-from_station" in out


def test_show_sentiment(data, fake_set):
    folder = fake_set("sst2")
    arguments = "--count", 2, "--split", "phrases", "--data-dir", folder
    status, out, _ = data("show", "sst2", *arguments)
    assert status == 0
    assert out == ("phrases[0]: positive\ngood\n\nphrases[1]: negative\nbad film\n")


def test_show_a_split_that_was_not_at_hand(data, fake_set):
    folder = fake_set("sst2")
    (folder / "stsa.binary.phrases.train.gz").unlink()
    answer = data("show", "sst2", "--split", "phrases", "--data-dir", folder)
    assert_refused(answer, "'phrases'", "stsa.binary.phrases.train.gz", "--data-dir")


def test_show_music(data, fake_set):
    folder = fake_set("nottingham")
    status, out, _ = data("show", "nottingham", "--count", 3, "--data-dir", folder)
    assert status == 0
    heading, *lines = out.split("\n\n")[-1].splitlines()
    assert heading == "train[2]: 3 steps, 1.00 notes a step"
    assert (lines[0], lines[-1]) == ("C8   ..#", "A0   #..")
    assert len(lines) == 88


def test_show_activity(data, fake_set):
    folder = fake_set("uci_har")
    status, out, _ = data("show", "uci_har", "--count", 1, "--data-dir", folder)
    assert status == 0
    heading, x, curve, *_ = out.splitlines()
    assert heading == "train[0]: walking, person 20, goes on in the next example"
    assert x == "x  mean  0.000 g, deviation 0.000, from 0.000 to 0.000"
    assert curve.strip() == "▅" * 64


def test_show_speech(data, fake_set):
    folder = fake_set("fsdd")
    arguments = "--count", 1, "--split", "test", "--data-dir", folder
    status, out, _ = data("show", "fsdd", *arguments)
    assert status == 0
    heading, *lines = out.splitlines()
    assert heading == "test[0]: zero, ann, take 0, 0.05 s"
    assert len(lines) == 20
    assert "█" in out


def test_show_translation(data, fake_set):
    folder = fake_set("multi30k")
    status, out, _ = data("show", "multi30k", "--count", 1, "--data-dir", folder)
    assert status == 0
    assert out == "train[0]\nen  en 0 end\nde  de 0 end\nfr  fr 0 end\n"


def test_show_translation_into_chinese(data, fake_set):
    folder = fake_set("tatoeba_en_zh")
    status, out, _ = data("show", "tatoeba_en_zh", "--count", 1, "--data-dir", folder)
    assert status == 0
    assert out == "train[0]\nen  Sentence 1.\nzh  第1 句。\n"


def test_show_captions(data, fake_set):
    folder = fake_set("flickr8k")
    status, out, _ = data("show", "flickr8k", "--count", 1, "--data-dir", folder)
    assert status == 0
    heading, *lines = out.splitlines()
    assert heading == "train[0]: train4.jpg"
    assert lines == [f"- A picture , {k} ." for k in range(5)]


def test_show_sentences(data, fake_set):
    folder = fake_set("ptb")
    status, out, _ = data("show", "ptb", "--count", 1, "--data-dir", folder)
    assert status == 0
    assert out == "train[0]: 6 words\nthe train fell N <unk> 0\n"


def test_a_seed_draws(data, fake_set):
    folder = fake_set("multi30k")
    arguments = "show", "multi30k", "--count", 2, "--data-dir", folder
    drawn = {data(*arguments, "--seed", seed)[1] for seed in range(6)}
    assert len(drawn) > 1
    assert data(*arguments, "--seed", 3)[1] in drawn


def test_a_terminal_without_block_characters(data, fake_set, monkeypatch):
    folder = fake_set("uci_har")
    printed = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(printed, "ascii"))
    status, _, err = data("show", "uci_har", "--count", 1, "--data-dir", folder)
    assert (status, err) == (0, "")
    assert b"walking" in printed.getvalue() and b"????" in printed.getvalue()


# show --plot


@pytest.mark.parametrize("name", [*catalogue.NAMES])
def test_plot(data, fake_set, tmp_path, name):
    pytest.importorskip("matplotlib")
    file = tmp_path / "examples.png"
    folder = [] if name == catalogue.SHIPPED else ["--data-dir", fake_set(name)]
    status, out, err = data("show", name, "--count", 2, *folder, "--plot", file)
    assert status == 0
    assert out.count("train[") == 2
    *lacking, wrote = err.splitlines()
    assert wrote == f"Wrote {file}"
    assert not lacking or name == "tatoeba_en_zh"  # of a machine without such a font
    assert file.read_bytes().startswith(b"\x89PNG")


def test_a_plot_shows_text_as_it_is(data, fake_set, tmp_path, monkeypatch):
    """Dollar signs are no formula; what no font has is said in a line."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr("keras_seqzoo.datasets.plot.CHINESE_FONTS", ("Some Sans",))
    folder = fake_set(
        "atis",
        **{
            "train/seq.in": "a $ b $_ \u4e2d\n".encode() * 5,
            "train/seq.out": b"O O O O O\n" * 5,
        },
    )
    file = tmp_path / "table.svg"
    status, _, err = data("show", "atis", "--data-dir", folder, "--plot", file)
    line = "No font here has \u4e2d: for Chinese install one of Some Sans\n"
    assert (status, err) == (0, f"{line}Wrote {file}\n")


def test_a_plot_has_the_chinese(data, fake_set, tmp_path, monkeypatch):
    """In a font that has it, here matplotlib's own with a box for every character."""
    pytest.importorskip("matplotlib")
    font = "Last Resort High-Efficiency"
    arguments = "show", "tatoeba_en_zh", "--data-dir", fake_set("tatoeba_en_zh")
    for fonts, lines in ((), 1), ((font,), 0):
        monkeypatch.setattr("keras_seqzoo.datasets.plot.CHINESE_FONTS", fonts)
        status, _, err = data(*arguments, "--plot", tmp_path / "x.png")
        assert status == 0 and err.count("No font here has") == lines


def test_plot_without_matplotlib(data, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "matplotlib.axes", None)
    monkeypatch.delitem(sys.modules, "keras_seqzoo.datasets.plot", raising=False)
    missing = ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")

    class Finder:
        def find_spec(self, name, *_):
            if name.startswith("matplotlib"):
                raise missing

    for name in [name for name in sys.modules if name.startswith("matplotlib")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Finder(), *sys.meta_path])
    status, out, err = data("show", "train_tickets", "--plot", tmp_path / "x.png")
    assert (status, out) == (1, "")
    assert err == (
        "Error: No module named 'matplotlib': pip install 'keras_seqzoo[plots]'\n"
    )


# Wrong input


@pytest.mark.parametrize(
    "arguments, parts",
    [
        (["fly"], ["'fly'", *COMMANDS]),
        (["info"], ["NAME"]),
        (["info", "mnist"], ["'mnist'", "atis", "train_tickets"]),
        (["info", ""], ["''", "atis"]),
        (["prepare", "mnist"], ["'mnist'", "atis", "flickr8k"]),
        (["prepare", "fsdd", "--data-dir", "/none"], ["/none"]),
        (["prepare", "fsdd", "--data-dir", __file__], [__file__]),
        (["show", "mnist"], ["'mnist'", "atis"]),
        (["show", "atis", "--split", "dev"], ["'dev'", "validation", "test"]),
        (["show", "uci_har", "--split", "validation"], ["'validation'", "'test'"]),
        (["show", "atis", "--count", "0"], ["--count", "0", "x>=1"]),
        (["show", "atis", "--count", "-1"], ["--count", "-1", "x>=1"]),
        (["show", "atis", "--count", "abc"], ["--count", "'abc'", "integer"]),
        (["show", "atis", "--seed", "-1"], ["--seed", "-1"]),
        (["show", "train_tickets", "--data-dir", "/none"], ["/none"]),
        (["show", "train_tickets", "--plot", "/none/x.png"], ["'/none'"]),
        (["show", "train_tickets", "--plot", "/proc/x.png"], ["/proc"]),
        (["show", "train_tickets", "--plot", "x.pgf"], ["'x.pgf'", ".png", ".svg"]),
        (["show", "train_tickets", "--plot", "x"], ["'x'", ".png", ".svg"]),
        (["show", "train_tickets", "--plot", ""], ["''", ".png", ".svg"]),
        (["show", "train_tickets", "--plot", "/"], ["'/'"]),
        (["show", "train_tickets", "--plot", "x.png", "--count", "13"], ["12", "13"]),
    ],
)
def test_wrong_input(data, home, arguments, parts):
    assert_refused(data(*arguments), *parts)


def test_a_source_that_cannot_be_reached(data, fake_set):
    fake_set("fsdd")
    parts = "http://127.0.0.1:9/ could not be downloaded", "--data-dir"
    assert_refused(data("prepare", "fsdd"), *parts)


def test_a_damaged_copy(data, fake_set):
    folder = fake_set("fsdd")
    (folder / "index.csv").write_text("x")
    answer = data("prepare", "fsdd", "--data-dir", folder)
    assert_refused(answer, "index.csv: not the expected file")
