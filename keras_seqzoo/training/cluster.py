"""Whether the other machines of a training answer, before TensorFlow waits for them.

TensorFlow itself waits for minutes, says nothing, and heeds no signal meanwhile.
"""

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from keras_seqzoo.errors import UserError

WORKERS_WAIT = 300  # seconds, in which all workers must be started
TPU_WAIT = 20  # seconds: a TPU has been started before
START_A_TPU = (
    "start one, as by `gcloud compute tpus tpu-vm start NAME`, and set TPU_NAME to "
    "NAME or to grpc://its address:8470, or leave it out on the TPU's own machine"
)
_PROBE = 2  # seconds, of one address
_PAUSE = 0.5  # seconds between two looks
_WAITED_FOR = ("chief", "worker")  # jobs of TF_CONFIG

# What opens a connection of HTTP/2, on which gRPC rests: a fixed text and an empty
# frame of settings. The server's first frame is of settings (type 4), too.
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
_HEADER = 9  # bytes; the fourth is the frame's type


def host_and_port(address: str) -> tuple[str, int]:
    """The parts of "host:port", "[::1]:port" or "grpc://host:port".

    Raises:
        ValueError: It is none of these.
    """
    host, colon, port = address.rpartition("://")[2].rpartition(":")
    if not (host and colon and port.isdecimal() and 0 < int(port) < 2**16):
        raise ValueError(f"must be host:port. Received: {address!r}")
    return host.strip("[]"), int(port)


def wait_for_workers(config: Mapping[str, Any], seconds: float = WORKERS_WAIT) -> None:
    """Waits until all other workers of a TF_CONFIG answer.

    Meanwhile this worker's own port is open: they wait for it likewise.

    Args:
        config: The content of TF_CONFIG, checked.
        seconds: After which to give up.

    Raises:
        UserError: Some do not answer, or this worker's own port is taken.
    """
    own = config["task"]["type"], config["task"]["index"]
    others = [
        address
        for job in _WAITED_FOR
        for index, address in enumerate(config["cluster"].get(job, ()))
        if (job, index) != own
    ]
    with _listening(config["cluster"][own[0]][own[1]]):
        missing = _not_answering(others)
        if not missing:
            return
        end = time.monotonic() + seconds
        until = time.strftime("%H:%M:%S", time.localtime(time.time() + seconds))
        _say(f"waiting for the workers {', '.join(missing)} until {until}")
        while missing and time.monotonic() < end:
            time.sleep(_PAUSE)
            missing = _not_answering(missing)
    if missing:
        raise UserError(
            f"strategy: no worker answers within {seconds:g} s at {_listed(missing)}; "
            "all workers of TF_CONFIG must be started at about the same time"
        )


def check_tpu(name: str, find: Callable[[], str], seconds: float = TPU_WAIT) -> None:
    """Says that a TPU is looked for, and looks whether its server answers.

    Args:
        name: Of the TPU, or its address.
        find: Gives its address, as "grpc://10.0.0.2:8470", which may take a query.
        seconds: After which to give up.

    Raises:
        UserError: It does not.
    """
    _say(f"connecting to the TPU {name}, for up to {seconds:g} s")
    end, before = time.monotonic() + seconds, socket.getdefaulttimeout()
    try:
        socket.setdefaulttimeout(seconds)  # the query has none of its own
        address = find()
        with socket.create_connection(host_and_port(address), seconds) as connection:
            connection.sendall(_PREFACE)
            answer = b""
            while len(answer) < _HEADER:
                connection.settimeout(max(0.01, end - time.monotonic()))
                if not (part := connection.recv(_HEADER - len(answer))):
                    raise OSError("the connection was closed")
                answer += part
        if answer[3] != _PREFACE[-6]:
            raise OSError("what answers is no TPU")
    except (OSError, ValueError) as error:
        raise UserError(
            f"strategy: no TPU answers at {name} ({_reason(error)}); {START_A_TPU}"
        ) from error
    finally:
        socket.setdefaulttimeout(before)


@contextlib.contextmanager
def _listening(address: str) -> Iterator[None]:
    """Keeps a worker's own port open, without an answer to what comes."""
    host, port = host_and_port(address)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server(("", port), family=family, backlog=1024)
    except OSError as error:
        raise UserError(
            f"strategy: this worker's port {port} in TF_CONFIG cannot be opened: "
            f"{_reason(error)}"
        ) from error
    with listener:
        yield


def _not_answering(addresses: Sequence[str]) -> dict[str, str]:
    """Those to which no connection can be made, and why."""
    found = {}
    for address in addresses:
        try:
            socket.create_connection(host_and_port(address), _PROBE).close()
        except OSError as error:
            found[address] = _reason(error)
    return found


def _listed(missing: Mapping[str, str]) -> str:
    return ", ".join(f"{address} ({reason})" for address, reason in missing.items())


def _reason(error: Exception) -> str:
    error = getattr(error, "reason", error)  # of a query
    return getattr(error, "strerror", None) or str(error)


def _say(message: str) -> None:
    print(f"strategy: {message}", file=sys.stderr, flush=True)
