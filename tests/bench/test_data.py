import pathlib

import numpy as np
import pytest

from keras_seqzoo.bench import data

RECIPE = pathlib.Path(__file__).parents[2] / "tools" / "train_tickets.yaml"


@pytest.fixture(scope="module")
def row():
    (row,) = data.bench_data([RECIPE], seconds=0.2)["rows"]
    return row


def test_a_row_has_figures_that_can_be(row):
    assert row["recipe"] == "train_tickets" and row["examples"] == 72
    assert row["examples_per_second"] > 0 and row["step_ms"] > 0
    assert 0 < row["padding"] < 0.08
    assert 0 <= row["wait"] < 1


def test_a_slow_pipeline_shows(monkeypatch, row):
    import tensorflow as tf

    from keras_seqzoo.datasets import pipeline

    real = pipeline.training_batches

    def slow(*arguments, **keywords):
        def wait(labels):
            import time

            time.sleep(0.3)
            return labels

        def hold(inputs, labels, weights):
            held = tf.numpy_function(wait, [labels], labels.dtype)
            return inputs, tf.ensure_shape(held, labels.shape), weights

        return real(*arguments, **keywords).map(hold)

    monkeypatch.setattr(pipeline, "training_batches", slow)
    (slowed,) = data.bench_data([RECIPE], seconds=0.5)["rows"]
    assert slowed["wait"] > max(0.5, row["wait"])
    assert slowed["examples_per_second"] < 4 * 8
    assert data.verdicts(slowed) == {"padding": True, "wait": False}


def test_verdicts():
    row = {"steps": "words", "padding": np.float64(0.081), "wait": 0.05}
    assert data.verdicts(row) == {"padding": False, "wait": True}
    assert data.verdicts({**row, "steps": "frames"}) == {"wait": True}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nothing.yaml"], "'nothing.yaml' does not exist"),
        ([str(RECIPE), "--seconds", "nan"], "nan is not a finite number"),
        ([str(RECIPE), "--output", "nowhere/x.json"], "no such folder"),
        ([str(RECIPE), "--threads", "0"], "0 is not in the range"),
    ],
)
def test_wrong_input_is_one_line(seqzoo, arguments, message):
    status, out, err = seqzoo("bench", "data", *arguments)
    assert (status, out) == (2, "") and message in err
    assert "Traceback" not in err


def test_the_command_shows_verdicts(seqzoo, monkeypatch):
    monkeypatch.setattr(data, "LARGEST_WAIT", 1.0)
    status, out, _ = seqzoo("bench", "data", RECIPE, "--seconds", 0)
    assert status == 0
    assert "train_tickets" in out and "%: reached" in out


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_missed_figure_is_a_failure(seqzoo, monkeypatch, as_json):
    monkeypatch.setattr(data, "LARGEST_WAIT", -1.0)
    status, out, err = seqzoo("bench", "data", RECIPE, "--seconds", 0, *as_json)
    assert status == 1 and "train_tickets" in out
    assert err.splitlines()[-1] == (
        "Error: missed what padding and waiting may be at most: train_tickets"
    )
