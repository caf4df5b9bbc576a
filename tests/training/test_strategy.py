"""Strategies by name; that they train alike is tools/strategies.py's to show."""

import json
import pathlib
import socket
import subprocess
import sys

import pytest
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import strategy

ROOT = pathlib.Path(__file__).parents[2]


def test_none_is_one_device_that_writes():
    one = strategy.make_strategy()
    assert one.num_replicas_in_sync == strategy.number_of_workers(one) == 1
    assert strategy.is_chief(one) and not strategy.is_distributed(one)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("two",), "strategy must be one of none, mirrored, .*Received: 'two'"),
        (("none", 2), "replicas are for strategy mirrored only"),
        (("tpu",), "strategy: a TPU cannot be reached: .*; start one, as by `gcloud"),
        (("mirrored", 100_000), "`replicas` must be .* at most 64. .*replicas=100000"),
        (("mirrored", 0), "`replicas` must be a positive integer of at most 64"),
        (("mirrored", 7), "replicas must be .*in a fresh process. Received: 7"),
    ],
)
def test_what_is_not_there_is_one_line(arguments, message):
    tf.constant(0) + 1  # TensorFlow runs: its devices are fixed
    with pytest.raises(UserError, match=message) as error:
        strategy.make_strategy(*arguments)
    assert "\n" not in str(error.value)


def test_a_tpu_is_named_by_an_address_without_a_scheme_too(monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("TPU_NAME", f"127.0.0.1:{port}")
    with pytest.raises(UserError, match=f"no TPU answers at grpc://127.0.0.1:{port} "):
        strategy.make_strategy("tpu")


def test_a_worker_is_waited_for_before_tensorflow_starts(monkeypatch):
    config = {
        "cluster": {"worker": ["127.0.0.1:1", "127.0.0.1:2"]},
        "task": {"type": "worker", "index": 1},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))

    def wait(found):
        assert found == config
        raise UserError("nobody")

    monkeypatch.setattr(strategy, "wait_for_workers", wait)
    with pytest.raises(UserError, match="^nobody$"):
        strategy.make_strategy("multiworker")


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "{",
        "[]",
        '{"cluster": {"worker": ["a:1"]}}',
        '{"cluster": {"worker": ["a"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "boss", "index": 0}}',
        '{"cluster": {"worker": ["a:1", "a:1"]}, '
        '"task": {"type": "worker", "index": 0}}',
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": false}}',
        '{"cluster": {"worker": ["a:1"], "ps": ["a:2"]}, '
        '"task": {"type": "worker", "index": 0}}',
    ],
)
def test_tf_config_is_checked(value, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if value is not None:
        monkeypatch.setenv("TF_CONFIG", value)
    with pytest.raises(UserError, match="needs the environment variable TF_CONFIG"):
        strategy.make_strategy("multiworker")


@pytest.mark.parametrize("error", [tf.errors.UnavailableError, tf.errors.AbortedError])
def test_a_lost_worker_says_what_to_do(error):
    with (
        pytest.raises(ConnectionError, match="another worker was lost .*; start again"),
        strategy.lost_worker_as_error("start again"),
    ):
        raise error(None, None, "connection reset\nby peer")


def test_two_parts_of_a_cpu_train_as_one_device(tmp_path):
    """As tools/strategies.py, for a few steps, without the workers."""
    losses = {}
    for name in ("none", "mirrored"):
        run = tmp_path / name
        words = [sys.executable, str(ROOT / "tools" / "strategies.py")]
        words += ["--strategy", name, "--run", str(run), "--epochs", "1"]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr[-2000:]
        losses[name] = json.loads((tmp_path / f"{name}.worker0.json").read_text())
    assert len(losses["none"]) == len(losses["mirrored"]) > 8
    assert losses["mirrored"] == pytest.approx(losses["none"], abs=1e-5)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.batch_size=9", "data.batch_size: must be a multiple of the 2 devices"),
        ("training.jit_compile=true", "jit_compile: must be false with strategy mirr"),
    ],
)
def test_a_recipe_that_two_devices_cannot_train(change, message, tmp_path):
    words = [sys.executable, "-m", "keras_seqzoo.cli", "train", "--set", change]
    words += [str(ROOT / "tools" / "train_tickets.yaml"), "--strategy", "mirrored"]
    words += ["--run-dir", str(tmp_path / "run")]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()
