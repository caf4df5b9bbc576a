"""From a recipe to a preset folder."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import filelock
import keras
import tensorflow as tf

from keras_seqzoo import arguments, registry
from keras_seqzoo.datasets import catalogue, pipeline
from keras_seqzoo.errors import PresetError, UserError
from keras_seqzoo.presets import store
from keras_seqzoo.training.callbacks import EpochKeeper
from keras_seqzoo.training.card import card
from keras_seqzoo.training.losses import tagging_loss
from keras_seqzoo.training.metrics import score_sentences, tag_function
from keras_seqzoo.training.recipe import Model, Recipe, Training, read_recipe
from keras_seqzoo.training.vocabulary import tagger_assets


def train(
    recipe_path: str | os.PathLike,
    *,
    data_dir: str | None = None,
    output: str | os.PathLike | None = None,
    run_dir: str | os.PathLike | None = None,
    overrides: Mapping[str, Any] | None = None,
    threads: int = 2,
    verbose: int | str = "auto",
) -> dict[str, Any]:
    """Trains a recipe's model and writes it as a preset.

    The run folder holds checkpoints, `history.csv`, TensorBoard's files and, at the
    end, `result.json`. The same call after an interruption goes on from the newest
    checkpoint; after the end it only returns the result, and writes the preset if
    `output` does not hold it.

    Args:
        recipe_path: A YAML file `<architecture>.<tag>.yaml`. Under another file name
            the tag is what follows its first dot, or all of it.
        data_dir: Folder of a local copy of the data.
        output: Where the preset goes, in place of one that is there; by default into
            the run folder.
        run_dir: The run folder; by default `runs/<architecture>.<tag>.seed<n>`.
        overrides: Recipe values to change, by dotted key: {"training.seed": 2}.
        threads: For TensorFlow; takes effect only before its first operation.
        verbose: Keras' progress: 0 none, 1 a bar, 2 a line an epoch.

    Returns:
        The figures of the saved float16 preset, read back: tag, dataset, metric, value
        (test), dev_value, parameters, epochs, best_epoch, train_seconds, seed, ...

    Raises:
        UserError: The recipe, data or folders are wrong.
        FloatingPointError: The loss became NaN or infinite.
    """
    recipe_path = arguments.path("recipe_path", recipe_path)
    recipe = read_recipe(recipe_path, overrides)
    name = recipe_path.stem
    tag = f"{recipe.model.name}.{name.partition('.')[2] or name}"
    default_run = pathlib.Path("runs") / f"{tag}.seed{recipe.training.seed}"
    run = arguments.path("run_dir", run_dir or default_run)
    output = arguments.path("output", output or run / tag)
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
        _set_threads(threads)
        metadata = _train(recipe, recipe_path, tag, data_dir, output, run, verbose)
        _write_whole(result_file, json.dumps(metadata, indent=2) + "\n")
    _check_expected(recipe, metadata)
    return metadata


def _holds(folder: pathlib.Path, result: dict[str, Any]) -> bool:
    """Whether the folder is the preset of this result."""
    try:
        return store.read(folder).config["metadata"] == result
    except PresetError:
        return False


def _train(recipe, recipe_path, tag, data_dir, output, run, verbose) -> dict[str, Any]:
    """Trains, writes the preset, and returns its figures."""
    keras.utils.set_random_seed(recipe.training.seed)
    # With it a resumed training ends at the very weights of one that was not killed.
    tf.config.experimental.enable_op_determinism()
    data = recipe.data
    training_set = [
        sentence
        for split in data.train
        for sentence in catalogue.read(data.dataset, split, data_dir)
    ]
    model = _create(recipe, recipe_path, training_set)
    keeper = _fit(model, recipe, training_set, data_dir, run, verbose)
    keeper.use_best_weights()

    # The figures are those of the file that users will load.
    saved = run / "float16"
    model.save_to_preset(saved, dtype="float16")
    stored = registry.load(saved)
    metadata = _figures(stored, tag, recipe, keeper, data_dir)
    shutil.rmtree(saved)
    description = registry.info(recipe.model.name).description
    text = card(description, metadata, recipe_path.name, f"{output.resolve().name}/")
    model.save_to_preset(output, metadata=metadata, card=text, dtype="float16")
    return metadata


def _fit(model, recipe, training_set, data_dir, run, verbose) -> EpochKeeper:
    """Trains `model` to the end, from the newest checkpoint if there is one."""
    data, training = recipe.data, recipe.training
    keeper = EpochKeeper(run, _dev_score(model, recipe, data_dir), training.patience)
    keeper.set_model(model)

    sentences = [sentence.words for sentence in training_set]
    steps = pipeline.steps_per_epoch(sentences, data.batch_size, data.bucket_boundaries)
    model.compile(
        optimizer=make_optimizer(training, steps),
        loss=tagging_loss(training.label_smoothing),
        jit_compile=training.jit_compile,
    )
    model.optimizer.build(model.trainable_variables)
    keeper.restore()
    done = keeper.progress.epochs
    if done < training.epochs and not keeper.progress.stopped:
        if done:
            _say(f"{run}: going on after epoch {done}")
        dataset = pipeline.training_batches(
            sentences,
            [sentence.slots for sentence in training_set],
            model,
            batch_size=data.batch_size,
            seed=training.seed,
            epochs=range(done, training.epochs),
            word_dropout=data.word_dropout,
            bucket_boundaries=data.bucket_boundaries,
        )
        board = keras.callbacks.TensorBoard(run / "tensorboard", write_graph=False)
        model.fit(
            dataset,
            initial_epoch=done,
            epochs=training.epochs,
            steps_per_epoch=steps,
            shuffle=False,
            callbacks=[keeper, board],
            verbose=verbose,
        )
    return keeper


def make_optimizer(training: Training, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a recipe whose epochs have `steps` batches."""
    rate, total = training.learning_rate, training.epochs * steps
    warmup = round(training.warmup_epochs * steps)
    if training.schedule == "cosine":
        rate = keras.optimizers.schedules.CosineDecay(
            0.0 if warmup else rate,
            decay_steps=max(total - warmup, 1),
            alpha=training.final_learning_rate / training.learning_rate,
            warmup_target=training.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    elif training.schedule == "linear":
        rate = keras.optimizers.schedules.PolynomialDecay(
            rate, total, end_learning_rate=training.final_learning_rate
        )
    averaging = {}
    if training.ema is not None:
        averaging = {"use_ema": True, "ema_momentum": training.ema}
    optimizer = keras.optimizers.get(
        {"class_name": training.optimizer, "config": {"learning_rate": 1.0}}
    )
    return type(optimizer)(
        learning_rate=rate,
        global_clipnorm=training.clip_norm,
        weight_decay=training.weight_decay,
        **averaging,
    )


def _create(recipe: Recipe, path: pathlib.Path, training_set: Sequence) -> keras.Model:
    """The recipe's model with vocabulary and labels of the training sentences."""
    assets = tagger_assets(training_set, recipe.data.min_count)
    overrides = recipe.model.overrides
    for key in sorted({*assets, "name"} & set(overrides)):
        source = "model.name" if key == "name" else "the training sentences"
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
    data = recipe.data
    if data.validation is None:
        return None
    sentences = catalogue.read(data.dataset, data.validation, data_dir)
    tagger = tag_function(model)
    return lambda: score_sentences(tagger, sentences)["f1"]


def _figures(model, tag, recipe, keeper, data_dir) -> dict[str, Any]:
    data, progress = recipe.data, keeper.progress
    facts = catalogue.facts(data.dataset)
    tagger = tag_function(model)

    def value(split):
        if split is None:
            return None
        sentences = catalogue.read(data.dataset, split, data_dir)
        return round(score_sentences(tagger, sentences)["f1"], 2)

    return {
        "tag": tag,
        "dataset": data.dataset,
        "split": data.test,
        "metric": "slot_f1",
        "value": value(data.test),
        "dev_value": value(data.validation),
        "parameters": model.count_params(),
        "train_seconds": round(progress.seconds, 1),
        "epochs": progress.epochs,
        "best_epoch": progress.best_epoch,
        "seed": recipe.training.seed,
        "train_splits": data.train,
        "recipe": recipe.model_dump(exclude={"expected"}),
        "source": facts.SOURCE,
        "licence": facts.LICENCE,
        "citation": facts.CITATION,
    }


def _open_run(run: pathlib.Path, recipe: Recipe) -> None:
    """Makes the run folder, or checks that it is this recipe's."""
    content = recipe.model_dump_json(exclude={"expected"}, indent=2)
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
    expected = recipe.expected
    if expected and metadata["value"] < expected.value - expected.tolerance:
        _say(
            f"{metadata['tag']}: {expected.metric} {metadata['value']} is below the "
            f"recipe's {expected.value} - {expected.tolerance}"
        )


def _say(message: str) -> None:
    print(message, file=sys.stderr)
