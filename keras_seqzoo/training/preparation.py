"""A recipe's model and data, ready for `fit`."""

import collections
import contextlib
import pathlib
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

# tf.config.experimental can switch determinism on, but not off again.
from tensorflow.python.framework import config

from keras_seqzoo import registry
from keras_seqzoo.datasets import pipeline
from keras_seqzoo.errors import UserError
from keras_seqzoo.training.optimizer import make_optimizer
from keras_seqzoo.training.recipe import Model, Recipe
from keras_seqzoo.training.strategy import (
    is_distributed,
    make_fit_for_workers,
    number_of_workers,
)
from keras_seqzoo.training.tasks import Task, task_of


def check_devices(recipe: Recipe, devices: Any, path: pathlib.Path) -> None:
    """Raises UserError if the recipe asks for what these devices cannot do."""
    count, size = devices.num_replicas_in_sync, recipe.data.batch_size
    if size is not None and size % count:
        raise UserError(
            f"{path}: data.batch_size: must be a multiple of the {count} devices. "
            f"Received: {size}"
        )
    accumulated = recipe.training.gradient_accumulation_steps
    if accumulated > 1 and is_distributed(devices):
        raise UserError(
            f"{path}: training.gradient_accumulation_steps: must be 1 on several "
            f"devices: Keras sums on one only. Received: {accumulated}"
        )
    if recipe.training.jit_compile and isinstance(
        devices, tf.distribute.MirroredStrategy
    ):
        raise UserError(
            f"{path}: training.jit_compile: must be false with strategy mirrored: XLA "
            "cannot reach the other device's weights. Received: True"
        )


class Prepared(NamedTuple):
    """A recipe's model and data, ready for `fit`.

    Attributes:
        whole: The model.
        model: What of it is trained (see `Task.trained_part`), most often all of it:
            compiled, its optimizer built.
        task: Of the model.
        training_set: The rows that the task reads.
        examples: These, as `Task.training_examples` has them.
        plan: Of the batches.
        batches: `(first epoch, end) -> dataset` of (inputs, labels, weights).
    """

    whole: keras.Model
    model: keras.Model
    task: type[Task]
    training_set: list
    examples: pipeline.Examples
    plan: pipeline.Plan
    batches: Callable[[int, int], tf.data.Dataset]


def prepare(
    recipe: Recipe,
    recipe_path: pathlib.Path,
    data_dir: str | None,
    devices: tf.distribute.Strategy,
    first: keras.Model | None = None,
) -> Prepared:
    """Reads the data and makes the model of a recipe; sets all seeds.

    Args:
        recipe: What to train.
        recipe_path: Its file, for messages.
        data_dir: Folder of a local copy of the data.
        devices: To train on.
        first: The model whose weights are the first; None for new ones.
    """
    keras.utils.set_random_seed(recipe.training.seed)
    # With it a resumed training ends at the very weights of one that was not killed.
    # XLA refuses it, and does the same on a CPU without it.
    if recipe.training.jit_compile:
        config.disable_op_determinism()
    else:
        config.enable_op_determinism()
    data, training, task = recipe.data, recipe.training, task_of(recipe.model.name)
    training_set = [
        row for split in data.train for row in task.read(data.dataset, split, data_dir)
    ]
    with devices.scope(), _precision(training.precision):
        whole = _create(recipe, recipe_path, training_set)
        if first is None:
            task.first_weights(whole, data_dir)
        else:
            _take_weights(whole, first, recipe_path)
        model = _trained_part(recipe, recipe_path, whole, training_set)
    try:
        examples = task.training_examples(training_set, model, data)
    except UserError as error:
        raise UserError(f"{recipe_path}: {error}") from error
    plan = pipeline.Plan.of(
        examples.lengths.numpy(),
        data.batch_size,
        data.tokens_per_batch,
        data.bucket_boundaries,
        static=is_distributed(devices) or training.jit_compile,
        devices=devices.num_replicas_in_sync,
        pairs=examples.pairs,
    )
    accumulated = training.gradient_accumulation_steps
    if accumulated > training.epochs * plan.batches:
        raise UserError(
            f"{recipe_path}: training.gradient_accumulation_steps: must be at most the "
            f"{training.epochs * plan.batches} batches of the training. "
            f"Received: {accumulated}"
        )
    if training.jit_compile:
        _check_xla(model, recipe, recipe_path)
    with devices.scope(), _precision(training.precision):
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

    def batches(first: int, end: int) -> tf.data.Dataset:
        return pipeline.training_batches(
            examples,
            plan,
            seed=training.seed,
            epochs=range(first, end),
            change=task.change(data),
            augment=task.augment(data),
            front_end=task.front_end(model, data),
        )

    return Prepared(whole, model, task, training_set, examples, plan, batches)


def one_batch(prepared: Prepared, rows: int = 16) -> tuple:
    """Inputs, targets and weights of some rows of the commonest length."""
    task, training_set = prepared.task, prepared.training_set
    lengths = prepared.examples.lengths.numpy().tolist()
    ((commonest, _),) = collections.Counter(lengths).most_common(1)
    same = [row for row, n in zip(training_set, lengths) if n == commonest][:rows]
    examples = task.encode(same, prepared.model)
    plan = pipeline.Plan.of(examples.lengths.numpy(), batch_size=len(same))
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


def _trained_part(
    recipe: Recipe, path: pathlib.Path, whole: keras.Model, training_set: Sequence
) -> keras.Model:
    task = task_of(recipe.model.name)
    try:
        return task.trained_part(whole, training_set, recipe.data)
    except UserError as error:
        raise UserError(f"{path}: data: {error}") from error


def _check_xla(model: keras.Model, recipe: Recipe, path: pathlib.Path) -> None:
    """Raises UserError where Keras would go on without XLA."""
    unfit = {type(x).__name__ for x in model._flatten_layers() if not x.supports_jit}
    if unfit:
        raise UserError(
            f"{path}: training.jit_compile: must be false with {recipe.model.name}: "
            f"XLA cannot compile its {', '.join(sorted(unfit))}. Received: True"
        )


def _take_weights(model: keras.Model, first: keras.Model, path: pathlib.Path) -> None:
    """Gives the model the weights of another of the same shape."""
    old, new = first.named_weights(), model.named_weights()
    shapes = [{name: x.shape for name, x in weights.items()} for weights in (old, new)]
    if shapes[0] != shapes[1] or any(
        first.config[key] != model.config[key] for key in model.asset_keys
    ):
        raise UserError(
            f"{path}: training.after: must train a model of the same size and data. "
            f"Received: {first.architecture}, {first.count_params():,} parameters"
        )
    for name, weight in new.items():
        weight.assign(old[name])


def _place(model: Model, message: str) -> str:
    """The recipe's key that an error of `create` is about: errors name arguments."""
    for name in re.findall(r"[`']([\w.]+)", message):
        if name.partition(".")[0] in model.overrides:
            return f"model.overrides.{name}"
    return "model"
