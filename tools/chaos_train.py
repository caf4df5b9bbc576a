"""Kills a training at random moments and shows that nothing is lost.

    python tools/chaos_train.py                      # `make chaos-train`: 20 kills
    python tools/chaos_train.py --recipe R.yaml --data-dir DIR --kills 5

`seqzoo train` is started, killed with SIGKILL, started again, and so on; then it may
end. Its weights, its history and its figures must be those, bit for bit, of the same
training that nobody killed, and no kill may cost more than the epoch it fell in.
"""

import argparse
import csv
import hashlib
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time

from tqdm import tqdm

from keras_seqzoo.training import checkpoint

ROOT = pathlib.Path(__file__).resolve().parents[1]
RECIPE = ROOT / "tools" / "train_tickets.yaml"
OF_THE_CLOCK = ("train_seconds",)


def command(arguments, run):
    words = [sys.executable, "-m", "keras_seqzoo.cli", "train", str(arguments.recipe)]
    words += ["--run-dir", str(run), "--output", str(run / "preset")]
    words += ["--epochs", str(arguments.epochs), "--json"]
    return words + (["--data-dir", arguments.data_dir] if arguments.data_dir else [])


def epochs_done(run):
    """The newest whole checkpoint's epoch."""
    found = [f.name for f in (run / "checkpoints").glob("epoch-*[0-9]")]
    return max((int(name.removeprefix("epoch-")) for name in found), default=0)


def traces(run):
    """What the end of a training must have in common with another's."""
    weights = hashlib.sha256(
        (run / "preset" / "weights.safetensors").read_bytes()
    ).hexdigest()
    _, arrays = checkpoint.latest(run / "checkpoints")
    variables = hashlib.sha256(
        b"".join(arrays[name].tobytes() for name in sorted(arrays))
    ).hexdigest()
    history = list(csv.DictReader((run / "history.csv").open()))
    result = json.loads((run / "result.json").read_text())
    figures = {k: v for k, v in result.items() if k not in OF_THE_CLOCK}
    return {
        "weights": weights,
        "variables": variables,
        "history": history,
        "figures": figures,
    }


def start(arguments, run):
    return subprocess.Popen(
        command(arguments, run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def train_whole(arguments, run):
    """Trains without a kill; the seconds to the first checkpoint and to the end."""
    began, first = time.monotonic(), None
    child = start(arguments, run)
    while child.poll() is None:
        if first is None and epochs_done(run):
            first = time.monotonic() - began
        time.sleep(0.05)
    if child.returncode:
        sys.exit(f"the training fails: {' '.join(command(arguments, run))}")
    return first, time.monotonic() - began


def train_killed(arguments, run, kills, moments):
    """Trains with at most so many kills; returns the epochs done at each."""
    done = []
    while True:
        child = start(arguments, run)
        try:
            status = child.wait(next(moments) if len(done) < kills else None)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
            done.append(epochs_done(run))
            continue
        if status:
            sys.exit(f"after {len(done)} kills it ends with status {status}: {run}")
        return done


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", type=pathlib.Path, default=RECIPE)
    parser.add_argument("--data-dir")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args()
    fine, fell, runs = True, 0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=arguments.kills, unit="kill", disable=None) as bar,
    ):
        folder = pathlib.Path(folder)
        first, last = train_whole(arguments, folder / "whole")
        expected = traces(folder / "whole")
        chance = random.Random(arguments.seed)
        moments = iter(lambda: chance.uniform(first / 2, 0.8 * last), None)
        print(f"not killed: {last:.0f} s, {arguments.epochs} epochs", flush=True)
        while fell < arguments.kills:  # one that ends before is followed by another
            runs += 1
            run = folder / f"killed{runs}"
            done = train_killed(arguments, run, arguments.kills - fell, moments)
            fell += len(done)
            bar.update(len(done))
            found = traces(run)
            same = [name for name in expected if found[name] == expected[name]]
            kept = all(a <= b for a, b in zip(done, done[1:]))
            fine &= kept and len(same) == len(expected)
            print(
                f"killed {len(done)} times, after epochs {done}: "
                f"the same bits in {', '.join(same) or 'nothing'}"
                + ("" if kept else "; a checkpoint was lost"),
                flush=True,
            )
    print(f"{fell} kills: {'reached' if fine else 'MISSED'}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
