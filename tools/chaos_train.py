"""Kills a training at random moments and shows that nothing is lost.

    python tools/chaos_train.py                      # `make chaos-train`: 20 kills
    python tools/chaos_train.py --recipe R.yaml --data-dir DIR --kills 5

`seqzoo train` is started, killed with SIGKILL, started again, and so on; then it may
end. Its weights, its history and its figures must be those, bit for bit, of the same
training that nobody killed, no kill may cost more than the epoch it fell in, and each
start must say that it goes on. A kill falls at a random moment of a drawn epoch, found
by the checkpoints; one before the first or after the last does not count.
"""

import argparse
import csv
import hashlib
import json
import pathlib
import random
import signal
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
    with run.with_suffix(".log").open("w") as log:
        return subprocess.Popen(
            command(arguments, run), stdout=subprocess.DEVNULL, stderr=log
        )


def train_whole(arguments, run):
    """Trains without a kill; returns the seconds, and those of an epoch."""
    began, child = time.monotonic(), start(arguments, run)
    epoch = seconds_of_an_epoch(child, run, arguments.epochs, 0.0)
    if child.wait():
        sys.exit(f"the training fails: {' '.join(command(arguments, run))}")
    return time.monotonic() - began, epoch or 0.0


def seconds_of_an_epoch(child, run, epoch, took):
    """Waits for the epoch's checkpoint; returns how long the epoch took.

    That is `took` if it is the first of this start, whose beginning is not seen; None
    if the training ends before.
    """
    newest, seen = epochs_done(run), None
    while child.poll() is None:
        found = epochs_done(run)
        if found > newest:
            now = time.monotonic()
            if seen is not None:
                took = (now - seen) / (found - newest)
            newest, seen = found, now
        if found >= epoch:
            return took
        time.sleep(0.005)
    return None


def train_killed(arguments, run, kills, chance, took):
    """Trains with at most so many kills; an epoch takes about `took` seconds.

    Returns:
        The epochs done at each kill that counts, and whether each start went on where
        the one before was killed.
    """
    last, done, goes_on = arguments.epochs, [], True
    drawn = sorted(chance.sample(range(1, last), min(kills, last - 1)))
    while True:
        before = epochs_done(run)
        drawn = [epoch for epoch in drawn if epoch > before]
        child = start(arguments, run)
        if drawn:
            seen = seconds_of_an_epoch(child, run, drawn[0], took)
            if seen is not None:
                took = seen
                time.sleep(chance.uniform(0, took))
                child.kill()
        status = child.wait()
        if before:
            said = run.with_suffix(".log").read_text()
            goes_on &= before == last or f"going on after epoch {before}\n" in said
        if not status:
            return done, goes_on
        if status != -signal.SIGKILL:
            sys.exit(f"after {len(done)} kills it ends with status {status}: {run}")
        if 0 < epochs_done(run) < last:
            done.append(epochs_done(run))


def main(words=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", type=pathlib.Path, default=RECIPE)
    parser.add_argument("--data-dir")
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    arguments = parser.parse_args(words)
    if arguments.epochs < 2 or arguments.kills < 1:
        parser.error("there must be at least 2 epochs and 1 kill")
    fine, fell, runs, in_vain = True, 0, 0, 0
    with (
        tempfile.TemporaryDirectory() as folder,
        tqdm(total=arguments.kills, unit="kill", disable=None) as bar,
    ):
        folder = pathlib.Path(folder)
        seconds, took = train_whole(arguments, folder / "whole")
        expected = traces(folder / "whole")
        chance = random.Random(arguments.seed)
        print(f"not killed: {seconds:.0f} s, {arguments.epochs} epochs", flush=True)
        while fell < arguments.kills:  # one that ends before is followed by another
            runs += 1
            run = folder / f"killed{runs}"
            kills = arguments.kills - fell
            done, goes_on = train_killed(arguments, run, kills, chance, took)
            fell += len(done)
            bar.update(len(done))
            found = traces(run)
            same = [name for name in expected if found[name] == expected[name]]
            kept = goes_on and all(a <= b for a, b in zip(done, done[1:]))
            fine &= kept and len(same) == len(expected)
            print(
                f"killed {len(done)} times, after epochs {done}: "
                f"the same bits in {', '.join(same) or 'nothing'}"
                + ("" if kept else "; a checkpoint was lost"),
                flush=True,
            )
            in_vain = 0 if done else in_vain + 1
            if in_vain == 3:
                print("it ends too soon to be killed: more epochs are needed")
                break
    fine &= fell == arguments.kills
    print(f"{fell} of {arguments.kills} kills: {'reached' if fine else 'MISSED'}")
    sys.exit(not fine)


if __name__ == "__main__":
    main()
