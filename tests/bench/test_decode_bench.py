"""The bench of decoding: the loop over steps is the search, and the command."""

import json
import re

import numpy as np
import pytest

import keras_seqzoo as seqzoo_package
from keras_seqzoo import cli
from keras_seqzoo.bench import decode_bench
from keras_seqzoo.models import RecurrentTranslator


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    model = seqzoo_package.create(
        "gru_luong_translator", **{**RecurrentTranslator.tiny(), "max_length": 7}
    )
    rng = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(rng.normal(0, 0.8, weight.shape))
    folder = tmp_path_factory.mktemp("presets") / "translator"
    model.save_to_preset(folder)
    return folder


@pytest.mark.parametrize("length_penalty", [0.0, 1.0])
def test_the_loop_over_steps_is_the_search(preset, tmp_path, length_penalty):
    model = seqzoo_package.load(preset)
    begin, step = decode_bench.step_files(model, 3, tmp_path)
    for sentence in ("a dog", "dogs. a ein", "s"):
        source = model.pieces.source_ids([sentence])
        wanted = model.search(source, 3, length_penalty)
        tokens, score = decode_bench.loop_over_steps(
            begin, step, source, 3, 7, length_penalty
        )
        assert score == pytest.approx(float(wanted["scores"][0]), abs=1e-5)
        assert tokens.tolist() == np.asarray(wanted["tokens"])[0].tolist()


def test_the_command(preset, tmp_path, capfd):
    output = tmp_path / "decode.json"
    arguments = [str(preset), "--seconds", "0", "--beams", "2"]
    status = cli.main(
        ["bench", "decode", *arguments, "--output", str(output), "--json"]
    )
    out, err = capfd.readouterr()
    (row,) = json.loads(out)["rows"]
    said = f"1 of 1, {re.escape(str(preset))}: \\S+ ms against \\S+ ms, \\d+\\.\\d\\d\n"
    assert re.fullmatch(said, err)
    assert status == 0 and row["model"] == str(preset) and row["beams"] == 2
    assert 1 <= row["steps"] <= 7 and row["file_ms"] > 0 and row["loop_ms"] > 0
    saved = json.loads(output.read_text())
    assert saved["rows"] == [row] and saved["command"] == "decode"


def test_no_translator_is_one_line(capsys):
    status = cli.main(["bench", "decode", "gru_tagger"])
    out, err = capsys.readouterr()
    assert (status, out) == (2, "")
    assert re.fullmatch(r"Error: bench decode needs a translator.*gru_tagger\n", err)
