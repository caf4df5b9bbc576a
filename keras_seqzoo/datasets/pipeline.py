"""Examples of a task to padded, bucketed batches for `model.fit`, with tf.data."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import buckets
from keras_seqzoo.errors import UserError

IGNORED = -1  # Padding of targets; the loss takes no part in it.


class Examples(NamedTuple):
    """A set's examples, one row each; what has a length is ragged.

    Attributes:
        inputs: The model's inputs by name, or what a front end makes them of.
        targets: What it is to answer.
        lengths: Of the examples in steps, (rows,) int32: what buckets go by.
        pairs: Where examples have two sequences, the lengths of both, (rows, 2) int32:
            what buckets go by in place of the longer.
    """

    inputs: dict[str, tf.Tensor | tf.RaggedTensor]
    targets: tf.Tensor | tf.RaggedTensor
    lengths: tf.Tensor
    pairs: tf.Tensor | None = None


class Plan(NamedTuple):
    """How many examples of which lengths become a batch.

    Attributes:
        keys: Of the examples, int32: what they are put into buckets by.
        boundaries: Of the buckets, in keys.
        rows: Rows in a batch of each bucket.
        batches: The number of batches in an epoch.
        longest: The longest example, if shapes are to be static; else None.
    """

    keys: np.ndarray
    boundaries: list[int]
    rows: list[int]
    batches: int
    longest: int | None

    @classmethod
    def of(
        cls,
        lengths: Sequence[int],
        batch_size: int | None,
        tokens_per_batch: int | None = None,
        boundaries: Sequence[int] | None = None,
        static: bool = False,
        devices: int = 1,
        pairs: Any = None,
    ) -> "Plan":
        """A plan for examples of these lengths.

        Args:
            lengths: Of the examples, in steps.
            batch_size: Examples in a batch; or, in its place,
            tokens_per_batch: steps in a batch, padding among them.
            boundaries: Of the buckets; by default `buckets.length_boundaries`.
            static: Whether all batches of a bucket have one shape.
            devices: Number of devices that share a batch.
            pairs: As of `Examples`: without boundaries or static shapes the buckets are
                `buckets.pair_buckets`.
        """
        lengths = np.asarray(lengths, np.int32)
        if not len(lengths):
            raise UserError("lengths must be of one example or more. Received: []")
        per_batch = batch_size or max(1, int(tokens_per_batch / lengths.mean()))
        keys = lengths
        if boundaries is not None:
            longest = buckets.longest_of(lengths, boundaries)
        elif pairs is None or static:
            boundaries = buckets.length_boundaries(lengths, per_batch)
            longest = buckets.longest_of(lengths, boundaries)
        else:
            keys = buckets.pair_buckets(pairs, per_batch)
            boundaries = range(1, keys.max() + 1)
            longest = [lengths[keys == one].max() for one in range(keys.max() + 1)]
        rows = buckets.batch_sizes(longest, batch_size, tokens_per_batch, devices)
        count = buckets.number_of_batches(keys, boundaries, rows)
        at_most = int(lengths.max()) if static else None
        return cls(keys, list(boundaries), rows, count, at_most)


def training_batches(
    examples: Examples,
    plan: Plan,
    seed: int,
    epochs: range,
    change: Callable[[Examples, tf.Tensor], Examples] | None = None,
    augment: Callable[[dict, Any, tf.Tensor], tuple[dict, Any]] | None = None,
    front_end: Callable[[dict], dict] | None = None,
) -> tf.data.Dataset:
    """The batches of several epochs in a row, each epoch's a function of (seed, epoch).

    So a training that starts again at epoch n sees what it would have seen; and what is
    drawn for an example does not depend on the batch that it is in.

    Args:
        examples: Of the training set.
        plan: Of the batches.
        seed: Of the order and of what is drawn.
        epochs: The epochs to make.
        change: Of all examples and a seed, int64 (2,), these examples as they are in
            an epoch; their lengths stay.
        augment: Of one example's inputs and targets and a seed, int64 (2,), these as
            they are in an epoch; shapes stay.
        front_end: Of the inputs of some examples those of the model; what has a length
            is ragged, and as long as `examples.lengths` say.

    Returns:
        A dataset of (inputs, targets, weights), `plan.batches` batches an epoch:
        weights of targets (batch, length, ...) are float32 (batch, length), 1 / n for
        each of a batch's n steps with a target; of targets (batch,) they are (batch,),
        1 / n for each of its n examples.
    """

    def epoch_batches(epoch):
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(examples.lengths), dtype=tf.int64), epoch_seed
        )
        changed = change(examples, epoch_seed + 1) if change else examples
        order = tf.data.Dataset.from_tensor_slices(order)
        drawn = augment and (lambda *one: augment(*one[:2], one[2] + epoch_seed))
        return batches(order, changed, plan, drawn, front_end)

    dataset = tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(epoch_batches)
    dataset = dataset.map(weighted, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def epoch(
    examples: Examples,
    batch_size: int,
    shuffle: bool,
    seed: int,
    boundaries: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """One pass over all examples, for a `fit` that makes as many as it has epochs.

    Args:
        examples: All of them.
        batch_size: Examples in a batch.
        shuffle: Whether each pass has an order of its own; without, batches come in the
            order they fill.
        seed: Of the orders.
        boundaries: Of the buckets; by default `buckets.length_boundaries`.

    Returns:
        A dataset of padded batches (inputs, targets), whose number it knows.
    """
    rows = len(examples.lengths)
    order = tf.data.Dataset.range(rows)
    if shuffle:
        order = order.shuffle(rows, seed=seed)
    batch_size = min(batch_size, rows)  # tf.data makes room for as many as it is told
    plan = Plan.of(examples.lengths, batch_size, None, boundaries, pairs=examples.pairs)
    dataset = batches(order, examples, plan)
    return dataset.apply(tf.data.experimental.assert_cardinality(plan.batches))


def batches(
    order: tf.data.Dataset,
    examples: Examples,
    plan: Plan,
    augment: Callable[[dict, Any, tf.Tensor], tuple[dict, Any]] | None = None,
    front_end: Callable[[dict], dict] | None = None,
) -> tf.data.Dataset:
    """Padded batches (inputs, targets) of the examples whose numbers `order` gives.

    Args:
        order: Numbers of examples, int64 scalars.
        examples: All of them.
        plan: Of the batches.
        augment: As of `training_batches`; its seed is the example's number, twice.
        front_end: As of `training_batches`.
    """

    def batch(numbers):
        inputs = {
            name: tf.gather(value, numbers) for name, value in examples.inputs.items()
        }
        targets = tf.gather(examples.targets, numbers)
        if augment is not None:
            inputs, targets = _each(augment, inputs, targets, numbers)
        if front_end is not None:
            inputs = front_end(inputs)
        shape = None
        if plan.longest is not None:
            longest = tf.reduce_max(tf.gather(examples.lengths, numbers))
            shape = buckets.static_shape(
                longest, plan.boundaries, plan.rows, plan.longest
            )
        padded = {name: _padded(value, shape, 0) for name, value in inputs.items()}
        return padded, _padded(targets, shape, IGNORED)

    numbers = buckets.bucketed(order, plan.keys, plan.boundaries, plan.rows)
    return numbers.map(batch, num_parallel_calls=tf.data.AUTOTUNE)


def _each(augment, inputs, targets, numbers):
    """A batch with each of its examples augmented."""

    def one(example):
        inputs, targets, number = example
        return augment(inputs, targets, tf.stack([number, number]))

    specs = tf.nest.map_structure(_row_spec, (inputs, targets))
    return tf.map_fn(one, (inputs, targets, numbers), fn_output_signature=specs)


def _row_spec(value):
    if not isinstance(value, tf.RaggedTensor):
        return tf.TensorSpec(value.shape[1:], value.dtype)
    # A row of a tensor that is ragged in its length alone is itself dense.
    return tf.RaggedTensorSpec(
        value.shape[1:], value.dtype, value.ragged_rank - 1, value.row_splits.dtype
    )


def _padded(values, shape, padding) -> tf.Tensor:
    """Rows as a tensor (rows, length, ...), of these first dimensions if given."""
    if not isinstance(values, tf.RaggedTensor):
        if shape is None:
            return values
        missing = [[0, shape[0] - tf.shape(values)[0]]]
    else:
        values = values.to_tensor(tf.cast(padding, values.dtype))
        if shape is None:
            return values
        missing = [[0, n - tf.shape(values)[axis]] for axis, n in enumerate(shape)]
    missing += [[0, 0]] * (values.shape.rank - len(missing))
    return tf.pad(values, missing, constant_values=tf.cast(padding, values.dtype))


def weighted(inputs: dict, targets: Any) -> tuple:
    """A batch with its targets' weights, as `training_batches` has them."""
    there = targets != tf.cast(IGNORED, targets.dtype)
    if targets.shape.rank > 2:  # (batch, length, ...)
        there = tf.reduce_any(there, axis=range(2, targets.shape.rank))
    there = tf.cast(there, tf.float32)
    return inputs, targets, there / tf.reduce_sum(there)


def padding_share(examples: Examples, epoch: tf.data.Dataset) -> float:
    """The share of the cells of an epoch's batches that are padding.

    Of all inputs and targets that have a length; a cell is a step, whatever it holds.
    """
    parts = {**examples.inputs, "targets": examples.targets}
    lengths, cells = {}, 0
    for inputs, targets, *_ in epoch:
        for name, padded in {**inputs, "targets": targets}.items():
            part = parts.get(name)  # None of what a front end made
            if part is None or isinstance(part, tf.RaggedTensor):
                lengths[name] = examples.lengths if part is None else part.row_lengths()
                cells += int(np.prod(padded.shape[:2]))
    there = sum(int(np.sum(one)) for one in lengths.values())
    return 1.0 - there / cells
