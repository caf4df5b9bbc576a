"""Exports random recurrent models in every format, and compares each file with Keras.

`make fuzz-export` runs this. A model that fails is made as small as it can be and still
fail, and printed as `export.random_models.build` takes it.
"""

import collections
import os
import pathlib
import subprocess
import sys
import tempfile
import traceback
import warnings

import click
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis import seed as seeded
from tqdm import tqdm


@click.command(help=__doc__.splitlines()[0])
@click.option("--examples", default=200, show_default=True, type=click.IntRange(1))
@click.option("--seed", default=0, show_default=True, help="Draws other models.")
@click.option(
    "--jobs",
    default=os.cpu_count() or 1,
    show_default="number of cores",
    type=click.IntRange(1),
    help="Processes side by side, each with a seed of its own.",
)
def main(examples, seed, jobs):
    if jobs > 1:
        sys.exit(side_by_side(examples, seed, jobs))
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    warnings.simplefilter("ignore")  # masks that end at a layer, by Keras
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tests"))
    from export.random_models import drawn_models
    from export.random_parity import PATHS, check

    passed, steps, tried = collections.Counter(), collections.Counter(), set()
    failure = None

    def try_one(drawn):
        nonlocal failure
        known = repr(drawn) in tried  # a failing one is run again in the end
        tried.add(repr(drawn))
        for form in PATHS:
            try:
                with tempfile.TemporaryDirectory() as folder:
                    has_step = check(drawn, form, pathlib.Path(folder))
            except Exception as error:
                failure = form, drawn, error
                bar.set_description("making the failure smaller")
                raise
            if failure is None and not known:
                passed[form] += 1
                steps[form] += has_step
        bar.update()
        if bar.disable and len(tried) % 20 == 0:  # in a log, lines
            click.echo(f"{len(tried)} of {examples} models", err=True)

    test = settings(
        max_examples=examples,
        phases=[Phase.generate, Phase.shrink],
        database=None,
        deadline=None,
        report_multiple_bugs=False,
        verbosity=Verbosity.quiet,
        suppress_health_check=list(HealthCheck),
    )(seeded(seed)(given(drawn_models())(try_one)))
    with tqdm(total=examples, unit="model", disable=None) as bar:
        try:
            test()
        except Exception:
            if failure is None:  # not a model's: hypothesis' own, say
                raise
    if failure is not None:
        form, drawn, error = failure
        click.echo(f"FAILED as {form}, seed {seed}:\n\n    {drawn!r}\n")
        click.echo("".join(traceback.format_exception(error, limit=-4)))
    click.echo(f"seed {seed}: {examples} drawn, {len(tried)} different models")
    for form in PATHS:
        click.echo(
            f"{form:12} {passed[form]:4} agree with Keras, {steps[form]:4} have a step"
        )
    sys.exit(failure is not None)


def side_by_side(examples, seed, jobs):
    """Shares the examples among processes; returns whether one of them failed."""
    environment = {**os.environ, "TF_NUM_INTRAOP_THREADS": "1"}
    processes = []
    for job in range(min(jobs, examples)):
        share = len(range(job, examples, jobs))
        command = [sys.executable, __file__, "--jobs", "1", "--examples", str(share)]
        command += ["--seed", str(seed + job)]
        processes.append(subprocess.Popen(command, env=environment))
    statuses = [process.wait() for process in processes]
    return any(statuses)


if __name__ == "__main__":
    main()
