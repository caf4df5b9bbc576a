"""The tool that kills trainings, at a training that only sleeps."""

import importlib.util
import pathlib
import re
import sys

import pytest

TOOL = pathlib.Path(__file__).parents[2] / "tools" / "chaos_train.py"

# Slow to start, as on a machine that is busy; an epoch leaves a checkpoint's folder.
SLEEPS = """
import pathlib, sys, time

run, epochs, seconds, forgets = pathlib.Path(sys.argv[1]), *map(float, sys.argv[2:])
time.sleep(0.3)
folder = run / "checkpoints"
folder.mkdir(parents=True, exist_ok=True)
done = len(list(folder.iterdir()))
if done and not forgets:
    print(f"{run}: going on after epoch {done}", file=sys.stderr, flush=True)
for epoch in range(done, int(epochs)):
    time.sleep(seconds)
    (folder / f"epoch-{epoch + 1:04d}").mkdir()
"""


@pytest.fixture
def chaos(monkeypatch, capsys):
    """Runs the tool on such a training: (exit status, what it printed)."""
    spec = importlib.util.spec_from_file_location("chaos_train", TOOL)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)

    def run(kills, epochs, seconds, forgets=False):
        rest = [str(epochs), str(seconds), str(int(forgets))]
        monkeypatch.setattr(
            tool,
            "command",
            lambda arguments, run: [sys.executable, "-c", SLEEPS, str(run), *rest],
        )
        monkeypatch.setattr(tool, "traces", lambda run: {"epochs": epochs})
        with pytest.raises(SystemExit) as end:
            tool.main(["--kills", str(kills), "--epochs", str(epochs), "--seed", "7"])
        return int(end.value.code), capsys.readouterr().out

    return run


def test_each_kill_falls_between_the_first_epoch_and_the_last(chaos):
    status, said = chaos(kills=5, epochs=8, seconds=0.1)
    assert status == 0 and "5 of 5 kills: reached" in said
    done = re.findall(r"\d+", " ".join(re.findall(r"\[(.+?)\]", said)))
    assert len(done) == 5 and all(0 < int(epoch) < 8 for epoch in done)


def test_more_kills_than_epochs_need_another_run(chaos):
    status, said = chaos(kills=3, epochs=3, seconds=0.1)
    assert status == 0 and "3 of 3 kills: reached" in said
    assert said.count(" times, after epochs") >= 2


def test_a_training_too_short_to_be_killed_is_no_proof(chaos):
    status, said = chaos(kills=5, epochs=2, seconds=0)
    assert status == 1 and "MISSED" in said and "too soon to be killed" in said


def test_a_start_that_does_not_go_on_is_no_proof(chaos):
    status, said = chaos(kills=2, epochs=6, seconds=0.1, forgets=True)
    assert status == 1 and "a checkpoint was lost" in said
