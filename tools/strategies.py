"""Shows that a training on several devices is the training on one.

    python tools/strategies.py             # the loss curves of 1 and of 2 devices
    python tools/strategies.py --kill      # and a worker that is killed and comes back

Trains without dropout, whose numbers differ between devices: on one device, on two
parts of the CPU (mirrored), and as two processes (multiworker). The losses of each step
must agree.
"""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECIPE = ROOT / "tools" / "train_tickets.yaml"
LARGEST_DIFFERENCE = 1e-4
RESTARTS = 5


def train(recipe, data_dir, strategy, run, epochs):
    """In a process of its own: trains and writes each step's loss."""
    import keras

    from keras_seqzoo import training

    class StepLosses(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.losses = []

        def on_train_batch_begin(self, batch, logs=None):
            self.model.reset_metrics()  # or the loss is a running mean

        def on_train_batch_end(self, batch, logs=None):
            self.losses.append(float(logs["loss"]))

    recorder = StepLosses()
    training.train(
        recipe,
        data_dir=data_dir,
        run_dir=run,
        overrides={"model.overrides.dropout": 0.0, "training.epochs": epochs},
        threads=1,
        strategy=strategy,
        callbacks=[recorder],
        verbose=0,
    )
    task = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]
    losses = pathlib.Path(f"{run}.worker{task['index']}.json")
    losses.write_text(json.dumps(recorder.losses))


def start(arguments, strategy, run, environment=None):
    """The process that trains."""
    command = [sys.executable, __file__, "--strategy", strategy, "--run", str(run)]
    command += ["--recipe", str(arguments.recipe), "--epochs", str(arguments.epochs)]
    if arguments.data_dir:
        command += ["--data-dir", arguments.data_dir]
    environment = os.environ | (environment or {})
    with open(f"{run}.log", "a") as log:
        return subprocess.Popen(command, env=environment, stderr=log, stdout=log)


def losses_of(run, worker=0):
    return json.loads(pathlib.Path(f"{run}.worker{worker}.json").read_text())


def cluster():
    """TF_CONFIG of two workers on this machine."""
    sockets = [socket.socket() for _ in range(2)]
    for s in sockets:
        s.bind(("localhost", 0))
    addresses = [f"localhost:{s.getsockname()[1]}" for s in sockets]
    for s in sockets:
        s.close()
    return [
        {
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": addresses},
                    "task": {"type": "worker", "index": index},
                }
            )
        }
        for index in range(2)
    ]


def run_workers(arguments, run, kill):
    """Trains as two processes; with `kill` the second is killed after an epoch.

    Each is started again until it ends well, as a cluster's supervisor does.
    """
    configs = cluster()
    workers = [start(arguments, "multiworker", run, config) for config in configs]
    starts = [1, 1]
    while any(worker.poll() != 0 for worker in workers):
        if kill and list((run / "checkpoints").glob("epoch-*[0-9]")):
            workers[1].send_signal(signal.SIGKILL)
            print("killed worker 1 after the first checkpoint", flush=True)
            kill = False
        for index, worker in enumerate(workers):
            if worker.poll() not in (None, 0):
                starts[index] += 1
                if starts[index] > RESTARTS:
                    sys.exit(f"worker {index} fails: see {run}.log")
                print(f"worker {index} ended with {worker.poll()}: again", flush=True)
                workers[index] = start(arguments, "multiworker", run, configs[index])
        time.sleep(0.1)


def compare(name, losses, expected):
    difference = max(abs(a - b) for a, b in zip(losses, expected, strict=True))
    verdict = "reached" if difference <= LARGEST_DIFFERENCE else "MISSED"
    print(
        f"{name:34} {len(losses)} steps, largest difference {difference:.1e} "
        f"(allowed {LARGEST_DIFFERENCE:.0e}): {verdict}",
        flush=True,
    )
    return difference <= LARGEST_DIFFERENCE


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", type=pathlib.Path, default=RECIPE)
    parser.add_argument("--data-dir")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--kill", action="store_true")
    parser.add_argument("--strategy", help=argparse.SUPPRESS)
    parser.add_argument("--run", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.strategy:
        train(
            arguments.recipe,
            arguments.data_dir,
            arguments.strategy,
            arguments.run,
            arguments.epochs,
        )
        return
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        for strategy in ("none", "mirrored"):
            if start(arguments, strategy, folder / strategy).wait():
                sys.exit((folder / f"{strategy}.log").read_text()[-2000:])
        expected = losses_of(folder / "none")
        fine = compare(
            "mirrored, 2 parts of a CPU", losses_of(folder / "mirrored"), expected
        )
        run_workers(arguments, folder / "workers", kill=False)
        fine &= compare(
            "multiworker, 2 processes", losses_of(folder / "workers"), expected
        )
        if arguments.kill:
            run_workers(arguments, folder / "killed", kill=True)
            rest = losses_of(folder / "killed")
            fine &= compare("the same, a worker killed", rest, expected[-len(rest) :])
    sys.exit(not fine)


if __name__ == "__main__":
    main()
