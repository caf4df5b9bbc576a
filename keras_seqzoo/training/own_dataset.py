"""A user's own rows and a model's loss, for `fit` of plain Keras."""

from collections.abc import Iterable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_seqzoo.arguments import natural_number, positive_integer, received, truth
from keras_seqzoo.datasets import buckets, pipeline
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import ZooModel
from keras_seqzoo.training.recipe import Training
from keras_seqzoo.training.tasks import Task, task_named


def own_dataset(
    rows: Iterable[Any],
    model: ZooModel,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int = 0,
    bucket_boundaries: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """Your own rows, ready for the `fit` of any model of this package.

    Rows of like length share a batch; the order is new in every epoch and follows from
    the seed. Compile with `loss_for(model)`, and metrics as `weighted_metrics`, which
    leave padding out; `fit` with `shuffle=False`, or Keras warns that it cannot shuffle
    a dataset.

    What a row is:

    | model | row |
    |---|---|
    | slot tagger | (sentence or list of words, list of slots) |
    | sentence classifier | (text, label) |
    | series classifier | (array (time, channels) or path of a CSV file, label) |
    | piano-roll model | array (time, keys) of 0 and 1, or path of a MIDI file |
    | character or word model | a text |
    | translator | (sentence, translation) |
    | captioner | (picture as `caption` takes it, caption) |
    | speech recogniser | (samples at the model's rate or path of a WAV file, text) |
    | of frames | (array (time, features) or path of a .npy or Sphinx file, text) |

    Args:
        rows: One or more.
        model: That shall learn from them: its preprocessor and labels are used.
        batch_size: Rows in a batch.
        shuffle: Whether to shuffle; without, batches come in the order they fill.
        seed: Of the shuffling.
        bucket_boundaries: Lengths in the model's steps (words, samples of a series,
            frames) at which a new bucket begins, increasing; by default so that little
            is padding and buckets still fill a batch.

    Returns:
        A dataset of (inputs, targets, weights) as the trainer's: the model's inputs
        dict; targets with -1 for padding; float32 weights, 1 / n for each of a batch's
        n targets, with which the sum that `loss_for` makes is their mean.

    Raises:
        UserError: A row is wrong, and the message has its number; or an argument is.
    """
    task = _task_of(model)
    batch_size = positive_integer("batch_size", batch_size, buckets.LARGEST)
    shuffle = truth("shuffle", shuffle)
    seed = natural_number("seed", seed)
    if bucket_boundaries is not None:
        bucket_boundaries = buckets.check_boundaries(bucket_boundaries)
    examples = task.encode(task.own_rows(rows, model), model)
    dataset = pipeline.epoch(examples, batch_size, shuffle, seed, bucket_boundaries)
    dataset = dataset.map(pipeline.weighted, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def loss_for(model: ZooModel) -> keras.losses.Loss:
    """The loss that a model of this package is trained with, for `compile`.

    It is the sum of what `own_dataset` weighs, so that its weights make it a mean.

    Raises:
        UserError: It is no such model.
    """
    return _task_of(model).loss(Training())


def _task_of(model: Any) -> type[Task]:
    if not isinstance(model, ZooModel):
        raise UserError(f"`model` must be one of keras_seqzoo's. {received(model)}")
    return task_named(model.task)
