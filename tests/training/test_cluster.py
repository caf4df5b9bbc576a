"""Waiting for other machines: what is said, for how long, and that it can be ended."""

import http.server
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error

import pytest
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import cluster


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def config_of(ports, index=0):
    workers = [f"127.0.0.1:{port}" for port in ports]
    return {"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}}


@pytest.mark.parametrize(
    ("address", "parts"),
    [
        ("a.example:2222", ("a.example", 2222)),
        ("grpc://10.0.0.2:8470", ("10.0.0.2", 8470)),
        ("[::1]:1", ("::1", 1)),
    ],
)
def test_the_parts_of_an_address(address, parts):
    assert cluster.host_and_port(address) == parts


@pytest.mark.parametrize("address", ["", "a", "a:", ":1", "a:b", "a:0", "a:65536"])
def test_what_is_no_address(address):
    with pytest.raises(ValueError, match="must be host:port"):
        cluster.host_and_port(address)


def test_the_workers_that_do_not_answer_are_named(capsys):
    there, absent, own = free_ports(3)
    with socket.create_server(("127.0.0.1", there)):
        began = time.monotonic()
        with pytest.raises(UserError) as error:
            cluster.wait_for_workers(config_of([there, own, absent], 1), seconds=1)
    assert time.monotonic() - began < 5
    assert f"127.0.0.1:{absent} (Connection refused)" in str(error.value)
    assert f":{there}" not in str(error.value) and "\n" not in str(error.value)
    said = capsys.readouterr().err
    assert f"waiting for the workers 127.0.0.1:{absent} until " in said
    assert said.count("\n") == 1 and f":{there}" not in said


def test_workers_wait_for_each_other_and_a_late_one(capsys):
    ports, ended = free_ports(3), []

    def work(index, after):
        time.sleep(after)
        cluster.wait_for_workers(config_of(ports, index), seconds=30)
        ended.append(index)
        # As TensorFlow does from here on: another may not have looked yet.
        with socket.create_server(("127.0.0.1", ports[index])):
            time.sleep(3)

    threads = [
        threading.Thread(target=work, args=given)
        for given in [(0, 0.0), (1, 0.2), (2, 1.5)]
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(ended) == [0, 1, 2]
    assert f":{ports[2]} until " in capsys.readouterr().err


def test_one_worker_waits_for_nobody(capsys):
    cluster.wait_for_workers(config_of(free_ports(1)), seconds=1)
    assert capsys.readouterr().err == ""


def test_a_port_that_is_taken_is_an_error():
    (port,) = free_ports(1)
    with (
        socket.create_server(("", port)),
        pytest.raises(UserError, match=rf"port {port} .*cannot be opened: Address"),
    ):
        cluster.wait_for_workers(config_of([port]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_waiting(number):
    config = json.dumps(config_of(free_ports(2)))
    code = f"""
import signal
from keras_seqzoo.training.cluster import wait_for_workers

signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's & ignores it
wait_for_workers({config})
"""
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    while "waiting for the workers" not in (line := process.stderr.readline()):
        assert line, "it ended"
    process.send_signal(number)
    process.communicate(timeout=20)
    assert process.returncode == -number


def test_a_tpu_that_is_not_there(capsys):
    (port,) = free_ports(1)
    address = f"grpc://127.0.0.1:{port}"
    with pytest.raises(UserError) as error:
        cluster.check_tpu("my-tpu", lambda: address, seconds=5)
    message = str(error.value)
    assert message.startswith("strategy: no TPU answers at my-tpu (Connection refused)")
    assert "gcloud compute tpus tpu-vm start" in message and "\n" not in message
    assert "connecting to the TPU my-tpu, for up to 5 s" in capsys.readouterr().err


def test_a_tpu_whose_name_is_not_known():
    def find():
        raise urllib.error.URLError(socket.gaierror(-2, "Name not known"))

    with pytest.raises(UserError, match=r"at my-tpu \(Name not known\); start one"):
        cluster.check_tpu("my-tpu", find)


def test_a_tpu_that_says_nothing_is_given_up():
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"grpc://127.0.0.1:{silent.getsockname()[1]}"
        began = time.monotonic()
        with pytest.raises(UserError, match=rf"no TPU answers at {address} \(timed"):
            cluster.check_tpu(address, lambda: address, seconds=1)
    assert time.monotonic() - began < 5
    assert socket.getdefaulttimeout() is None


def test_a_web_server_is_no_tpu():
    handler = http.server.BaseHTTPRequestHandler
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        address = f"grpc://127.0.0.1:{server.server_address[1]}"
        with pytest.raises(UserError, match="no TPU answers at .* is no TPU|closed"):
            cluster.check_tpu(address, lambda: address, seconds=5)


def test_a_server_of_tensorflow_answers():
    server = tf.distribute.Server.create_local_server()
    cluster.check_tpu("my-tpu", lambda: server.target, seconds=20)
