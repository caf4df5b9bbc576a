"""From a recipe to a preset folder."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from keras_seqzoo import arguments, registry
from keras_seqzoo.datasets import catalogue
from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.presets import store
from keras_seqzoo.training.callbacks import EpochKeeper, full_disk_as_error
from keras_seqzoo.training.card import card
from keras_seqzoo.training.curve import draw_curve
from keras_seqzoo.training.event_files import keep_epochs
from keras_seqzoo.training.histograms import Histograms
from keras_seqzoo.training.preparation import check_devices, one_batch, prepare
from keras_seqzoo.training.recipe import (
    OF_RESULTS,
    Recipe,
    check_before,
    read_recipe,
)
from keras_seqzoo.training.run_folder import (
    alone_in,
    holds,
    open_run,
    result_of,
    say,
    write_whole,
)
from keras_seqzoo.training.strategy import (
    distributable,
    is_chief,
    is_distributed,
    lost_worker_as_error,
    make_strategy,
)
from keras_seqzoo.training.tasks import task_of


def train(
    recipe_path: str | os.PathLike,
    *,
    data_dir: str | None = None,
    output: str | os.PathLike | None = None,
    run_dir: str | os.PathLike | None = None,
    overrides: Mapping[str, Any] | None = None,
    threads: int = 2,
    strategy: str = "none",
    replicas: int | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: int | str = "auto",
) -> dict[str, Any]:
    """Trains a recipe's model and writes it as a preset.

    The run folder holds checkpoints, `history.csv`, TensorBoard's files and, at the
    end, `result.json`. The same call after an interruption goes on from the newest
    checkpoint; after the end it only returns the result, and writes the preset if
    `output` does not hold it.

    On several devices each batch is cut into equal parts, shapes are static, and the
    loss of a step is that of one device. Of several workers the first writes; all must
    see its run folder, and a worker that comes back starts there too.

    Args:
        recipe_path: A YAML file `<architecture>.<tag>.yaml`. Under another file name
            the tag is what follows its first dot, or all of it.
        data_dir: Folder of a local copy of the data.
        output: Where the preset goes, in place of one that is there; by default into
            the run folder.
        run_dir: The run folder; by default `runs/<architecture>.<tag>.seed<n>`.
        overrides: Recipe values to change, by dotted key: {"training.seed": 2}.
        threads: For TensorFlow; takes effect only before its first operation.
        strategy: "none", "mirrored", "multiworker" or "tpu"; see `make_strategy`.
        replicas: Devices that "mirrored" makes of a CPU.
        callbacks: More of them for `fit`.
        verbose: Keras' progress: 0 none, 1 a bar, 2 a line an epoch.

    Returns:
        The figures of the saved preset, read back: tag, dataset, metric, value
        (test), dev_value, parameters, epochs, best_epoch, train_seconds, seed, ...

    Raises:
        UserError: The recipe, data or folders are wrong.
        FloatingPointError: The loss became NaN or infinite; the best weights before, if
            any, are then in the run folder as the preset `last_good`.
        ConnectionError: Another worker was lost.
    """
    recipe_path = arguments.path("recipe_path", recipe_path)
    recipe = read_recipe(recipe_path, overrides)
    check_before(recipe_path, recipe)
    name = recipe_path.stem
    tag = f"{recipe.model.name}.{name.partition('.')[2] or name}"
    default_run = pathlib.Path("runs") / f"{tag}.seed{recipe.training.seed}"
    run = arguments.path("run_dir", run_dir or default_run)
    output = arguments.path("output", output or run / tag)
    _set_threads(threads)
    devices = make_strategy(strategy, replicas)
    check_devices(recipe, devices, recipe_path)
    job = _Job(recipe, recipe_path, data_dir, run, devices, callbacks, verbose)
    if not is_chief(devices):
        return _help(job)
    open_run(run, recipe)
    store.check_writable(output)  # Now, not after hours of training.
    with alone_in(run):
        result = result_of(run)
        if result is not None:
            finished = f"{run}: this training is finished"
            if holds(output, result):
                say(f"{finished}; remove the folder to train again")
                return result
            say(f"{finished}; its preset is written to {output}")
        metadata = _train(job, tag, output)
        write_whole(run / "result.json", json.dumps(metadata, indent=2) + "\n")
    _check_expected(recipe, metadata)
    return metadata


LAST_GOOD = "last_good"  # Of a run whose loss became infinite: a preset.
BEFORE = "before"  # The folder in a run's own where what it starts from is trained.


class _Job(NamedTuple):
    """One call of `train`."""

    recipe: Recipe
    recipe_path: pathlib.Path
    data_dir: str | None
    run: pathlib.Path
    devices: tf.distribute.Strategy
    callbacks: Sequence[keras.callbacks.Callback]
    verbose: int | str


def _train(job: _Job, tag: str, output: pathlib.Path) -> dict[str, Any]:
    """Trains, writes the preset, and returns its figures."""
    model, keeper = _fitted(job)
    keeper.use_best_weights()

    # The figures are those of the file that users will load.
    saved, kept = job.run / "kept", job.recipe.training.keep
    model.save_to_preset(saved, dtype=kept)
    stored, sha256 = registry.load(saved), store.weights_sha256(saved)
    metadata = _figures(stored, tag, job, keeper)
    shutil.rmtree(saved)
    name = job.recipe.model.name
    task = task_of(name)
    picture = draw_curve(
        keeper.progress.history, keeper.progress.best_epoch, keeper.name, task.FIGURE
    )
    text = card(
        task,
        registry.info(name).description,
        stored.config,
        metadata,
        job.recipe_path.name,
        f"{output.resolve().name}/",
        sha256,
        with_picture=picture is not None,
    )
    model.save_to_preset(
        output, metadata=metadata, card=text, dtype=kept, picture=picture
    )
    return metadata


def _help(job: _Job) -> dict[str, Any]:
    """Trains as a worker that writes nothing."""
    _, keeper = _fitted(job)
    return {
        "worker": job.devices.cluster_resolver.task_id,
        "epochs": keeper.progress.epochs,
    }


def _fitted(job: _Job) -> tuple[keras.Model, EpochKeeper]:
    """Trains a model to the end, from the newest checkpoint if there is one."""
    training, run, devices = job.recipe.training, job.run, job.devices
    first = _trained_before(job)
    with _full_memory_as_error(job.recipe_path):
        prepared = prepare(job.recipe, job.recipe_path, job.data_dir, devices, first)
    model = prepared.model

    def save_best() -> pathlib.Path:
        prepared.whole.save_to_preset(run / LAST_GOOD, dtype=training.keep)
        return run / LAST_GOOD

    with devices.scope():
        keeper = EpochKeeper(
            run,
            _dev_score(model, job),
            f"dev_{prepared.task.METRIC}",
            prepared.task.HIGHER_IS_BETTER,
            patience=training.patience,
            writes=is_chief(devices),
            save_best=save_best if is_chief(devices) else None,
        )
        keeper.set_model(model)
    keeper.restore()
    done = keeper.progress.epochs
    if done < training.epochs and not keeper.progress.stopped:
        if done:
            say(f"{run}: going on after epoch {done}")
        callbacks = [keeper, *job.callbacks]
        if is_chief(devices):
            board = run / "tensorboard"
            with full_disk_as_error(run):
                keep_epochs(board, done)
            callbacks.append(keras.callbacks.TensorBoard(board, write_graph=False))
        if not is_distributed(devices):
            batch = one_batch(prepared)
            callbacks.append(Histograms(run / "tensorboard" / "histograms", batch))
        resume = "start it again: the training goes on from the newest checkpoint"
        with (
            _new_line_after_bar(job.verbose),
            _full_memory_as_error(job.recipe_path),
            lost_worker_as_error(resume),
            full_disk_as_error(run),
        ):
            model.fit(
                distributable(prepared.batches(done, training.epochs), devices),
                initial_epoch=done,
                epochs=training.epochs,
                steps_per_epoch=prepared.plan.batches,
                shuffle=False,
                callbacks=callbacks,
                verbose=job.verbose,
            )
    return prepared.whole, keeper


@contextlib.contextmanager
def _new_line_after_bar(verbose: int | str) -> Iterator[None]:
    """Ends the line on which Keras' progress bar stands when something is raised."""
    try:
        yield
    except BaseException:  # Ctrl-C, too; raised again below
        if verbose in ("auto", 1):
            print(flush=True)
        raise


@contextlib.contextmanager
def _full_memory_as_error(recipe_path: pathlib.Path) -> Iterator[None]:
    """Makes it a UserError that says what to lower if there is no memory left."""
    try:
        yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise UserError(
            f"{recipe_path}: the training does not fit in memory: lower "
            "data.batch_size or data.tokens_per_batch, or the sizes in "
            f"model.overrides ({first_line(error, 100)})"
        ) from error


def _trained_before(job: _Job) -> keras.Model | None:
    """The model that the recipe's `training.after` makes, trained if it is not yet."""
    after = job.recipe.training.after
    if after is None:
        return None
    run = job.run / BEFORE
    train(
        job.recipe_path.parent / after,
        data_dir=job.data_dir,
        output=run / "preset",
        run_dir=run,
        threads=tf.config.threading.get_intra_op_parallelism_threads(),
        callbacks=job.callbacks,
        verbose=job.verbose,
    )
    return registry.load(run / "preset")


def _dev_score(model: keras.Model, job: _Job) -> Callable[[], float] | None:
    data, task = job.recipe.data, task_of(job.recipe.model.name)
    if data.validation is None:
        return None
    rows = task.read(data.dataset, data.validation, job.data_dir)
    return task.quick_scorer(model, rows)


def _figures(
    model: keras.Model, tag: str, job: _Job, keeper: EpochKeeper
) -> dict[str, Any]:
    recipe, progress = job.recipe, keeper.progress
    data, task = recipe.data, task_of(recipe.model.name)
    facts = catalogue.facts(data.dataset)

    def value(split):
        if split is None:
            return None
        rows = task.read(data.dataset, split, job.data_dir)
        return round(task.scorer(model, rows)(), 2)

    test_rows = task.read(data.dataset, data.test, job.data_dir)
    return {
        "tag": tag,
        "dataset": data.dataset,
        "split": data.test,
        "metric": task.METRIC,
        "value": value(data.test),
        "dev_value": value(data.validation),
        **task.conditions(test_rows),
        **task.further_figures(model, test_rows),
        "parameters": model.count_params(),
        "train_seconds": round(progress.seconds + _seconds_before(job), 1),
        "epochs": progress.epochs,
        "best_epoch": progress.best_epoch,
        "seed": recipe.training.seed,
        **({"device": progress.device} if progress.device else {}),
        "train_splits": data.train,
        "recipe": recipe.model_dump(exclude=OF_RESULTS),
        "source": facts.SOURCE,
        "licence": facts.LICENCE,
        "citation": facts.CITATION,
    }


def _seconds_before(job: _Job) -> float:
    result = result_of(job.run / BEFORE)
    return result["train_seconds"] if result else 0.0


def _set_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow runs already, with the threads it has.
        pass


def _check_expected(recipe: Recipe, metadata: dict[str, Any]) -> None:
    if recipe.expected and not reaches(recipe, metadata["value"]):
        say(f"{metadata['tag']}: {shortfall(recipe, metadata['value'])}")


def reaches(recipe: Recipe, value: float) -> bool:
    """Whether a figure is what the recipe states, within its tolerance."""
    expected = recipe.expected
    better = 1 if task_of(recipe.model.name).HIGHER_IS_BETTER else -1
    return better * (value - expected.value) >= -expected.tolerance


def shortfall(recipe: Recipe, value: float) -> str:
    """In words that a figure is not what the recipe states."""
    expected, task = recipe.expected, task_of(recipe.model.name)
    worse, sign = ("below", "-") if task.HIGHER_IS_BETTER else ("above", "+")
    limit = f"the recipe's {expected.value} {sign} {expected.tolerance}"
    return f"{expected.metric} {value} is {worse} {limit}"
