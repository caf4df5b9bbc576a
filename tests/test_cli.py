"""The command line: what it prints, where, and its exit status."""

import io
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

from keras_seqzoo import cli
from keras_seqzoo.export import QUANTIZE
from keras_seqzoo.printing import print_table, words_over_slots

COMMANDS = ["list", "info", "predict", "train", "evaluate", "export"]
RECIPE = """
model:
  name: bi_peephole_tagger
  overrides: {units: 4, num_layers: 1, embedding_size: 4, character_size: 0}
data: {dataset: train_tickets, batch_size: 64}
training: {epochs: 1}
"""


@pytest.fixture(scope="module")
def preset(tmp_path_factory) -> str:
    """A very small tagger's preset folder, untrained."""
    from keras_seqzoo import registry
    from keras_seqzoo.models.synced.slot_tagger import SlotTagger

    folder = tmp_path_factory.mktemp("presets") / "tiny"
    model = registry.create("bi_peephole_tagger", **SlotTagger.tiny())
    model.save_to_preset(folder, metadata={"dataset": "train_tickets"})
    return str(folder)


@pytest.fixture
def seqzoo(capsys):
    """Runs a command in this process; gives its status, output and messages."""

    def run(*arguments):
        capsys.readouterr()
        status = cli.main([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run


def in_new_process(*arguments, **options):
    return subprocess.run(
        [sys.executable, "-m", "keras_seqzoo.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


def assert_one_line_error(err, *parts):
    assert err.startswith("Error: ")
    assert len(err.strip().splitlines()) == 1
    for part in parts:
        assert str(part) in err


# Help and wrong usage


@pytest.mark.parametrize("command", COMMANDS)
def test_help_shows_examples(seqzoo, command):
    status, out, err = seqzoo(command, "--help")
    assert (status, err) == (0, "")
    assert "Examples:" in out
    assert f"\n    seqzoo {command}" in out


def test_help_lists_every_command(seqzoo):
    _, out, _ = seqzoo("--help")
    assert all(f"\n  {command} " in out for command in COMMANDS)


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["list", "--colour"],
        ["info"],
        ["export", "tag", "x.tflite", "--quantize", "int4"],
        ["export", "tag", "x.tflite", "--tolerance", "-1"],
        ["evaluate", "tag", "--data-dir", "/no/such/folder"],
        ["train", "/no/such/recipe.yaml"],
        ["train", __file__, "--epochs", "many"],
        ["train", __file__, "--seed", "5000000000"],
    ],
)
def test_wrong_usage_is_status_2(seqzoo, arguments):
    status, out, err = seqzoo(*arguments)
    assert (status, out) == (2, "")
    command = "" if arguments == ["fly"] else f" {arguments[0]}"
    assert_one_line_error(err, f"See seqzoo{command} --help.")


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["fly"], ["'fly'", *COMMANDS]),
        (["list", "--colour"], ["--colour", "--pattern", "--cell", "--pretrained"]),
        (["info"], ["NAME"]),
        (["export", "t", "x", "--quantize", "int4"], ["int4", "float16", "int8"]),
        (
            ["evaluate", "gru_tagger.atis", "--split", "dev"],
            ["'dev'", "train, validation, test"],
        ),
    ],
)
def test_wrong_usage_names_value_and_what_is_allowed(seqzoo, arguments, parts):
    assert_one_line_error(seqzoo(*arguments)[2], *parts)


def test_without_a_command_there_is_help(seqzoo):
    status, out, err = seqzoo()
    assert status == 2
    assert "Examples:" in out + err


# list and info


def test_list_json(seqzoo):
    status, out, _ = seqzoo("list", "bi_*", "--cell", "gru", "--json")
    assert status == 0
    rows = json.loads(out)
    assert "bi_gru_tagger" in [row["name"] for row in rows]
    keys = "name", "pattern", "cell", "pretrained", "parameters", "metric", "value"
    assert all(tuple(row) == keys for row in rows)
    assert {row["cell"] for row in rows} == {"gru"}


def test_list_table_shows_names_whole(seqzoo, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    status, out, _ = seqzoo("list", "*_tagger", "--pattern", "synced")
    assert status == 0
    names = [line.split()[0] for line in out.splitlines()]
    assert names[0] == "name"
    assert "bi_clockwork_tagger" in names


def test_list_without_match(seqzoo):
    assert seqzoo("list", "nothing*") == (0, "", "No model matches.\n")
    assert seqzoo("list", "nothing*", "--json") == (0, "[]\n", "")


def test_info(seqzoo):
    status, out, _ = seqzoo("info", "bi_peephole_tagger")
    assert status == 0
    assert "peephole_lstm" in out
    status, out, _ = seqzoo("info", "bi_peephole_tagger", "--json")
    assert json.loads(out)["name"] == "bi_peephole_tagger"


@pytest.mark.parametrize("command", ["info", "predict"])
def test_wrong_name_answers_with_near_names(seqzoo, command):
    status, out, err = seqzoo(command, "bi_peephol_tager")
    assert (status, out) == (2, "")
    assert_one_line_error(err, "bi_peephol_tager", "bi_peephole_tagger")


# predict


def test_predict_prints_words_over_slots(seqzoo, preset):
    status, out, _ = seqzoo("predict", preset, "the cat ate", "apple")
    assert status == 0
    words, slots, empty, word, slot = out.splitlines()
    assert words.split() == ["the", "cat", "ate"]
    assert len(slots.split()) == 3
    assert (empty, word) == ("", "apple")
    assert slot in ("O", "B-animal", "I-animal", "B-fruit")


def test_predict_json(seqzoo, preset):
    status, out, _ = seqzoo("predict", preset, "Cat 7 ZEBRA", "", "dog", "--json")
    assert status == 0
    first, empty, last = json.loads(out)
    assert [pair["word"] for pair in first] == ["Cat", "7", "ZEBRA"]
    assert all(set(pair) == {"word", "slot"} for pair in first)
    assert empty == []
    assert len(last) == 1


def test_predict_empty_sentence_prints_an_empty_line(seqzoo, preset):
    assert seqzoo("predict", preset, "")[:2] == (0, "\n")


def test_predict_a_thousand_words(seqzoo, preset):
    status, out, _ = seqzoo("predict", preset, "dog " * 1000, "--json")
    assert status == 0
    assert len(json.loads(out)[0]) == 1000


@pytest.mark.parametrize("arguments", [[], ["-"]])
def test_predict_reads_standard_input(seqzoo, preset, monkeypatch, arguments):
    raw = "the cat\n\nä dog\n".encode() + b"\xff\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(raw)))
    status, out, _ = seqzoo("predict", preset, *arguments, "--json")
    assert status == 0
    words = [[pair["word"] for pair in pairs] for pairs in json.loads(out)]
    assert words == [["the", "cat"], [], ["ä", "dog"], ["\ufffd"]]


def test_predict_without_any_line(seqzoo, preset, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
    assert seqzoo("predict", preset, "--json")[:2] == (0, "[]\n")


def test_predict_damaged_preset(seqzoo, preset, tmp_path):
    damaged = tmp_path / "damaged"
    shutil.copytree(preset, damaged)
    (damaged / "labels.txt").write_text("O\n")
    status, out, err = seqzoo("predict", damaged, "dog")
    assert (status, out) == (2, "")
    assert_one_line_error(err, "labels.txt")


# train and evaluate


def test_train_then_evaluate(seqzoo, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "bi_peephole_tagger.tickets.yaml"
    recipe.write_text(RECIPE)
    output = tmp_path / "trained"
    status, out, _ = seqzoo("train", recipe, "--output", output, "--seed", 3, "--json")
    assert status == 0
    result = json.loads(out)
    assert (result["seed"], result["epochs"]) == (3, 1)

    status, out, _ = seqzoo("evaluate", output, "--json")
    assert status == 0
    figures = json.loads(out)
    keys = "tag", "dataset", "split", "metric", "value", "examples", "seconds"
    assert tuple(figures) == keys
    assert figures["dataset"] == "train_tickets"
    assert figures["value"] == result["value"]


def test_evaluate_says_what_it_drew(seqzoo, tmp_path, monkeypatch):
    from keras_seqzoo import registry
    from keras_seqzoo.models import SeriesClassifier
    from keras_seqzoo.training.tasks.series_classification import (
        Series,
        SeriesClassification,
    )

    mine, plot = tmp_path / "mine", tmp_path / "who.png"
    model = registry.create("bi_gru_series", **SeriesClassifier.tiny())
    model.save_to_preset(mine, metadata={"dataset": "japanese_vowels"})
    rows = [Series(np.ones((3, 2), "float32"), label) for label in model.labels]
    monkeypatch.setattr(SeriesClassification, "_rows", lambda *_: rows)
    status, out, err = seqzoo("evaluate", mine, "--plot", plot)
    assert (status, err) == (0, f"Wrote {plot}\n")
    assert "accuracy" in out and plot.read_bytes().startswith(b"\x89PNG")
    status, out, err = seqzoo("evaluate", mine, "--plot", plot, "--json")
    assert (status, err) == (0, "") and json.loads(out)["value"] == 50.0


def test_evaluate_a_preset_without_a_data_set(seqzoo, tmp_path):
    from keras_seqzoo import registry
    from keras_seqzoo.datasets.catalogue import read
    from keras_seqzoo.models.synced.slot_tagger import SlotTagger

    mine = tmp_path / "mine"
    slots = {slot for row in read("train_tickets", "test") for slot in row.slots}
    arguments = SlotTagger.tiny() | {"labels": sorted(slots)}
    registry.create("gru_tagger", **arguments).save_to_preset(mine)
    status, out, err = seqzoo("evaluate", mine)
    assert (status, out) == (2, "")
    assert_one_line_error(err, mine, "--dataset", "atis, snips, train_tickets", "None")
    status, out, err = seqzoo("evaluate", mine, "--dataset", "nothing")
    assert status == 2
    assert_one_line_error(err, "train_tickets", "'nothing'")
    status, out, _ = seqzoo("evaluate", mine, "--dataset", "train_tickets", "--json")
    assert status == 0
    assert json.loads(out)["dataset"] == "train_tickets"


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (RECIPE + "extra: 1\n", ["extra", "unknown key"]),
        (RECIPE.replace("epochs: 1", "epochs: lots"), ["training.epochs", "'lots'"]),
        (RECIPE.replace("units: 4", "units: -3"), ["positive integer", "-3"]),
        (RECIPE.replace("bi_peephole_tagger", "no_tagger"), ["no_tagger"]),
        ("model: [", ["not YAML"]),
    ],
)
def test_wrong_recipe(seqzoo, tmp_path, monkeypatch, text, parts):
    monkeypatch.chdir(tmp_path)
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(text)
    status, out, err = seqzoo("train", recipe)
    assert (status, out) == (2, "")
    assert_one_line_error(err, recipe.name, *parts)


def test_a_seed_beyond_32_bits(seqzoo, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE.replace("epochs: 1", "epochs: 1, seed: 1099511627776"))
    status, out, err = seqzoo("train", recipe)
    assert (status, out) == (2, "")
    assert_one_line_error(err, "training.seed", "4294967295", "1099511627776")


def test_wrong_recipe_change(seqzoo, tmp_path):
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(RECIPE)
    status, _, err = seqzoo("train", recipe, "--set", "training.seed")
    assert status == 2
    assert_one_line_error(err, "KEY=VALUE", "training.seed")


# export


def test_export_offers_what_the_library_takes():
    (option,) = (p for p in cli.export_command.params if p.name == "quantize")
    assert tuple(option.type.choices) == QUANTIZE


def test_export_json(seqzoo, preset, tmp_path):
    path = tmp_path / "tiny.tflite"
    status, out, _ = seqzoo("export", preset, path, "--json")
    assert status == 0
    report = json.loads(out)
    assert report["format"] == "tflite"
    assert report["max_difference"] <= report["tolerance"]
    assert report["bytes"] == path.stat().st_size

    status, out, err = seqzoo("export", preset, path)
    assert (status, out) == (2, "")
    assert_one_line_error(err, path, "replaced only if --overwrite is given")
    status, out, err = seqzoo("evaluate", path)
    assert (status, out) == (2, "")
    assert_one_line_error(err, path, "must name a data set", "--dataset")


def test_export_beyond_tolerance_is_status_1(seqzoo, preset, tmp_path):
    path = tmp_path / "tiny.tflite"
    status, out, err = seqzoo("export", preset, path, "--tolerance", "1e-30")
    assert (status, out) == (1, "")
    assert_one_line_error(err, "1.00e-30")
    assert not path.exists()


@pytest.mark.parametrize("name", ["tiny.pt", "a_file/tiny.tflite"])
def test_export_to_a_wrong_path(seqzoo, preset, tmp_path, name):
    (tmp_path / "a_file").write_text("in the way")
    status, out, err = seqzoo("export", preset, tmp_path / name)
    assert (status, out) == (2, "")
    assert_one_line_error(err)
    assert [file.name for file in tmp_path.iterdir()] == ["a_file"]


# The process


def test_messages_of_native_libraries_stay_away(preset):
    done = in_new_process("predict", preset, "the cat", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert len(json.loads(done.stdout)) == 1


def test_error_in_a_process_of_its_own(tmp_path):
    done = in_new_process("info", tmp_path / "nowhere")
    assert (done.returncode, done.stdout) == (2, "")
    assert_one_line_error(done.stderr, "nowhere")


def test_a_closed_pipe_is_quiet():
    process = subprocess.Popen(
        [sys.executable, "-m", "keras_seqzoo.cli", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    assert process.stderr.read() == ""
    process.stderr.close()
    process.wait()


def test_interrupt_is_status_130(seqzoo, monkeypatch):
    from keras_seqzoo import registry

    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(registry, "list_models", interrupted)
    status, out, err = seqzoo("list")
    assert (status, out.strip(), err.strip()) == (130, "", "")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (FileNotFoundError(2, "No such file", "a/b"), 2),
        (PermissionError(13, "Permission denied", "a/b"), 2),
        (OSError(28, "No space left on device", "a/b"), 1),
    ],
)
def test_errors_of_the_system(seqzoo, monkeypatch, error, expected):
    from keras_seqzoo import registry

    def fails(*arguments, **options):
        raise error

    monkeypatch.setattr(registry, "list_models", fails)
    status, _, err = seqzoo("list")
    assert status == expected
    assert_one_line_error(err, error.strerror, "a/b")


def test_missing_library_names_the_extra(seqzoo, monkeypatch):
    from keras_seqzoo import registry

    def fails(*arguments, **options):
        raise ModuleNotFoundError("No module named 'tf2onnx'", name="tf2onnx")

    monkeypatch.setattr(registry, "list_models", fails)
    status, _, err = seqzoo("list")
    assert status == 1
    assert_one_line_error(err, "pip install 'keras_seqzoo[onnx]'")


def test_native_errors_pass_the_filter():
    code = (
        "import os\n"
        "from keras_seqzoo.native_log import quiet\n"
        "with quiet():\n"
        "    os.write(2, b'I0000 00:00:1795490878.4 6704 port.cc:153] hello\\n')\n"
        "    os.write(2, b'E0000 00:00:1795490878.4 6704 port.cc:153] broken\\nend')\n"
        "os.write(2, b' after')\n"
    )
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        check=True,
        text=True,
        env=environment,
    )
    assert done.stderr == "E0000 00:00:1795490878.4 6704 port.cc:153] broken\nend after"


# Layout


def test_words_over_slots():
    pairs = [("to", "O"), ("new", "B-toloc"), ("york", "I-toloc"), ("日本", "O")]
    assert words_over_slots(pairs) == (
        "to  new      york     日本\nO   B-toloc  I-toloc  O"
    )
    assert words_over_slots(pairs, width=12) == (
        "to  new\nO   B-toloc\n\nyork\nI-toloc\n\n日本\nO"
    )
    assert words_over_slots([]) == ""


def test_table_never_cuts_a_name(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "10")
    print_table(["name", "value"], [["a" * 60, 1.5], ["[b]", None]])
    assert capsys.readouterr().out.splitlines()[1].split() == ["a" * 60, "1.5"]


def test_a_backend_that_keras_has_not(seqzoo, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "nonsense")
    status, out, err = seqzoo("list")
    assert (status, out) == (2, "")
    assert err == (
        "Error: KERAS_BACKEND must be one of tensorflow, jax, torch. "
        "Received: nonsense\n"
    )


def test_a_name_too_long_for_a_file(seqzoo):
    status, out, err = seqzoo("info", "a" * 300 + "/")
    assert (status, out) == (2, "") and "too long" in err
