"""From a recipe to a preset folder."""

import collections
import contextlib
import json
import os
import pathlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import filelock
import keras
import tensorflow as tf

from keras_seqzoo import arguments, registry
from keras_seqzoo.datasets import catalogue, pipeline
from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import store
from keras_seqzoo.training.callbacks import EpochKeeper
from keras_seqzoo.training.card import card
from keras_seqzoo.training.curve import draw_curve
from keras_seqzoo.training.histograms import Histograms
from keras_seqzoo.training.optimizer import make_optimizer
from keras_seqzoo.training.recipe import OF_RESULTS, Model, Recipe, read_recipe
from keras_seqzoo.training.strategy import (
    distributable,
    is_chief,
    is_distributed,
    lost_worker_as_error,
    make_fit_for_workers,
    make_strategy,
    number_of_workers,
)
from keras_seqzoo.training.tasks import Task, task_of


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
        The figures of the saved float16 preset, read back: tag, dataset, metric, value
        (test), dev_value, parameters, epochs, best_epoch, train_seconds, seed, ...

    Raises:
        UserError: The recipe, data or folders are wrong.
        FloatingPointError: The loss became NaN or infinite.
        ConnectionError: Another worker was lost.
    """
    recipe_path = arguments.path("recipe_path", recipe_path)
    recipe = read_recipe(recipe_path, overrides)
    name = recipe_path.stem
    tag = f"{recipe.model.name}.{name.partition('.')[2] or name}"
    default_run = pathlib.Path("runs") / f"{tag}.seed{recipe.training.seed}"
    run = arguments.path("run_dir", run_dir or default_run)
    output = arguments.path("output", output or run / tag)
    _set_threads(threads)
    devices = make_strategy(strategy, replicas)
    _check_devices(recipe, devices, recipe_path)
    if not is_chief(devices):
        return _help(recipe, recipe_path, data_dir, run, devices, callbacks, verbose)
    _open_run(run, recipe)
    store.check_writable(output)  # Now, not after hours of training.
    with _alone_in(run):
        result_file = run / "result.json"
        if result_file.exists():
            result = json.loads(result_file.read_text("utf-8"))
            finished = f"{run}: this training is finished"
            if _holds(output, result):
                _say(f"{finished}; remove the folder to train again")
                return result
            _say(f"{finished}; its preset is written to {output}")
        metadata = _train(
            recipe, recipe_path, tag, data_dir, output, run, devices, callbacks, verbose
        )
        _write_whole(result_file, json.dumps(metadata, indent=2) + "\n")
    _check_expected(recipe, metadata)
    return metadata


def _holds(folder: pathlib.Path, result: dict[str, Any]) -> bool:
    """Whether the folder is the preset of this result."""
    try:
        return store.read(folder).config["metadata"] == result
    except PresetError:
        return False


def _train(
    recipe, recipe_path, tag, data_dir, output, run, devices, callbacks, verbose
) -> dict[str, Any]:
    """Trains, writes the preset, and returns its figures."""
    model, keeper = _fitted(
        recipe, recipe_path, data_dir, run, devices, callbacks, verbose
    )
    keeper.use_best_weights()

    # The figures are those of the file that users will load.
    saved = run / "float16"
    model.save_to_preset(saved, dtype="float16")
    stored, sha256 = registry.load(saved), store.weights_sha256(saved)
    metadata = _figures(stored, tag, recipe, keeper, data_dir)
    shutil.rmtree(saved)
    task = task_of(recipe.model.name)
    picture = draw_curve(
        keeper.progress.history, keeper.progress.best_epoch, keeper.name, task.FIGURE
    )
    text = card(
        task,
        registry.info(recipe.model.name).description,
        metadata,
        recipe_path.name,
        f"{output.resolve().name}/",
        sha256,
        with_picture=picture is not None,
    )
    model.save_to_preset(
        output, metadata=metadata, card=text, dtype="float16", picture=picture
    )
    return metadata


def _help(
    recipe, recipe_path, data_dir, run, devices, callbacks, verbose
) -> dict[str, Any]:
    """Trains as a worker that writes nothing."""
    _, keeper = _fitted(recipe, recipe_path, data_dir, run, devices, callbacks, verbose)
    return {
        "worker": devices.cluster_resolver.task_id,
        "epochs": keeper.progress.epochs,
    }


def _fitted(
    recipe, recipe_path, data_dir, run, devices, callbacks, verbose
) -> tuple[keras.Model, EpochKeeper]:
    """Trains a model to the end, from the newest checkpoint if there is one."""
    training = recipe.training
    prepared = prepare(recipe, recipe_path, data_dir, devices)
    model = prepared.model
    with devices.scope():
        keeper = EpochKeeper(
            run,
            _dev_score(model, recipe, data_dir),
            f"dev_{prepared.task.METRIC}",
            prepared.task.HIGHER_IS_BETTER,
            patience=training.patience,
            writes=is_chief(devices),
        )
        keeper.set_model(model)
    keeper.restore()
    done = keeper.progress.epochs
    if done < training.epochs and not keeper.progress.stopped:
        if done:
            _say(f"{run}: going on after epoch {done}")
        callbacks = [keeper, *callbacks]
        if is_chief(devices):
            board = run / "tensorboard"
            callbacks.append(keras.callbacks.TensorBoard(board, write_graph=False))
        if not is_distributed(devices):
            batch = _one_batch(prepared)
            callbacks.append(Histograms(run / "tensorboard" / "histograms", batch))
        resume = "start it again: the training goes on from the newest checkpoint"
        with lost_worker_as_error(resume):
            model.fit(
                distributable(prepared.batches(done, training.epochs), devices),
                initial_epoch=done,
                epochs=training.epochs,
                steps_per_epoch=prepared.plan.batches,
                shuffle=False,
                callbacks=callbacks,
                verbose=verbose,
            )
    return model, keeper


class Prepared(NamedTuple):
    """A recipe's model and data, ready for `fit`.

    Attributes:
        model: Compiled, its optimizer built.
        task: Of the model.
        training_set: The rows that the task reads.
        plan: Of the batches.
        batches: `(first epoch, end) -> dataset` of (inputs, labels, weights).
    """

    model: keras.Model
    task: type[Task]
    training_set: list
    plan: pipeline.Plan
    batches: Callable[[int, int], tf.data.Dataset]


def prepare(
    recipe: Recipe,
    recipe_path: pathlib.Path,
    data_dir: str | None,
    devices: tf.distribute.Strategy,
) -> Prepared:
    """Reads the data and makes the model of a recipe; sets all seeds.

    Args:
        recipe: What to train.
        recipe_path: Its file, for messages.
        data_dir: Folder of a local copy of the data.
        devices: To train on.
    """
    keras.utils.set_random_seed(recipe.training.seed)
    # With it a resumed training ends at the very weights of one that was not killed.
    tf.config.experimental.enable_op_determinism()
    data, training, task = recipe.data, recipe.training, task_of(recipe.model.name)
    training_set = [
        row for split in data.train for row in task.read(data.dataset, split, data_dir)
    ]
    plan = pipeline.Plan.of(
        task.lengths(training_set),
        data.batch_size,
        data.tokens_per_batch,
        data.bucket_boundaries,
        static=is_distributed(devices) or training.jit_compile,
        devices=devices.num_replicas_in_sync,
    )
    with devices.scope(), _precision(training.precision):
        model = _create(recipe, recipe_path, training_set)
        model.compile(
            optimizer=make_optimizer(
                training, plan.batches, devices.num_replicas_in_sync
            ),
            loss=task.loss(training),
            jit_compile=training.jit_compile,
        )
        model.optimizer.build(model.trainable_variables)
        if number_of_workers(devices) > 1:
            make_fit_for_workers(model)

    examples = task.encode(training_set, model)

    def batches(first: int, end: int) -> tf.data.Dataset:
        return pipeline.training_batches(
            examples,
            plan,
            seed=training.seed,
            epochs=range(first, end),
            change=task.change(data),
            augment=task.augment(data),
        )

    return Prepared(model, task, training_set, plan, batches)


def _one_batch(prepared: Prepared, rows: int = 16) -> tuple:
    """Inputs, targets and weights of some rows of the commonest length."""
    task, training_set = prepared.task, prepared.training_set
    lengths = task.lengths(training_set)
    ((commonest, _),) = collections.Counter(lengths).most_common(1)
    same = [row for row, n in zip(training_set, lengths) if n == commonest][:rows]
    plan = pipeline.Plan.of(task.lengths(same), batch_size=len(same))
    examples = task.encode(same, prepared.model)
    return next(iter(pipeline.training_batches(examples, plan, 0, range(1))))


@contextlib.contextmanager
def _precision(policy: str) -> Iterator[None]:
    """Layers that are made inside have this dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _check_devices(recipe: Recipe, devices: Any, path: pathlib.Path) -> None:
    count, size = devices.num_replicas_in_sync, recipe.data.batch_size
    if size is not None and size % count:
        raise UserError(
            f"{path}: data.batch_size: must be a multiple of the {count} devices. "
            f"Received: {size}"
        )
    if recipe.training.jit_compile and isinstance(
        devices, tf.distribute.MirroredStrategy
    ):
        raise UserError(
            f"{path}: training.jit_compile: must be false with strategy mirrored: XLA "
            "cannot reach the other device's weights. Received: True"
        )


def _create(recipe: Recipe, path: pathlib.Path, training_set: Sequence) -> keras.Model:
    """The recipe's model with what it learns its vocabulary and labels from."""
    assets = task_of(recipe.model.name).assets(training_set, recipe.data)
    overrides = recipe.model.overrides
    for key in sorted({*assets, "name"} & set(overrides)):
        source = "model.name" if key == "name" else "the training set"
        raise UserError(
            f"{path}: model.overrides.{key}: must be left out: it comes from {source}. "
            f"Received: {overrides[key]!r}"
        )
    try:
        return registry.create(recipe.model.name, **assets, **overrides)
    except UserError as error:
        place = _place(recipe.model, str(error))
        raise UserError(f"{path}: {place}: {error}") from error


def _place(model: Model, message: str) -> str:
    """The recipe's key that an error of `create` is about: errors name arguments."""
    for name in re.findall(r"[`']([\w.]+)", message):
        if name.partition(".")[0] in model.overrides:
            return f"model.overrides.{name}"
    return "model"


def _dev_score(model, recipe, data_dir) -> Callable[[], float] | None:
    data, task = recipe.data, task_of(recipe.model.name)
    if data.validation is None:
        return None
    return task.scorer(model, task.read(data.dataset, data.validation, data_dir))


def _figures(model, tag, recipe, keeper, data_dir) -> dict[str, Any]:
    data, progress, task = recipe.data, keeper.progress, task_of(recipe.model.name)
    facts = catalogue.facts(data.dataset)

    def value(split):
        if split is None:
            return None
        return round(task.scorer(model, task.read(data.dataset, split, data_dir))(), 2)

    return {
        "tag": tag,
        "dataset": data.dataset,
        "split": data.test,
        "metric": task.METRIC,
        "value": value(data.test),
        "dev_value": value(data.validation),
        "parameters": model.count_params(),
        "train_seconds": round(progress.seconds, 1),
        "epochs": progress.epochs,
        "best_epoch": progress.best_epoch,
        "seed": recipe.training.seed,
        "train_splits": data.train,
        "recipe": recipe.model_dump(exclude=OF_RESULTS),
        "source": facts.SOURCE,
        "licence": facts.LICENCE,
        "citation": facts.CITATION,
    }


def _open_run(run: pathlib.Path, recipe: Recipe) -> None:
    """Makes the run folder, or checks that it is this recipe's."""
    content = recipe.model_dump_json(exclude=OF_RESULTS, indent=2)
    file = run / "recipe.json"
    try:
        if (run / "checkpoints").exists() and file.read_text("utf-8") != content:
            raise UserError(
                f"{run}: holds a training with another recipe (see {file}); give "
                "another run folder or remove this one"
            )
        run.mkdir(parents=True, exist_ok=True)
        _write_whole(file, content)
    except OSError as error:
        raise UserError(f"{run}: cannot be written: {error.strerror}") from error


def _write_whole(file: pathlib.Path, text: str) -> None:
    temporary = file.with_suffix(".tmp")
    temporary.write_text(text, "utf-8")
    os.replace(temporary, file)


@contextlib.contextmanager
def _alone_in(run: pathlib.Path) -> Iterator[None]:
    """Keeps a second training out of the run folder; a killed one lets go of it."""
    try:
        with filelock.FileLock(run / ".lock", timeout=0):
            yield
    except filelock.Timeout as error:
        raise UserError(f"{run}: another training is at work in this folder") from error


def _set_threads(threads: int) -> None:
    try:
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(threads)
    except RuntimeError:  # TensorFlow runs already, with the threads it has.
        pass


def _check_expected(recipe: Recipe, metadata: dict[str, Any]) -> None:
    if recipe.expected and not reaches(recipe, metadata["value"]):
        _say(f"{metadata['tag']}: {shortfall(recipe, metadata['value'])}")


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


def _say(message: str) -> None:
    print(message, file=sys.stderr)
