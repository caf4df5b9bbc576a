"""Tagged sentences to padded, bucketed batches for `model.fit`, with tf.data."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from keras_seqzoo.arguments import listed, positive_integer
from keras_seqzoo.datasets import buckets
from keras_seqzoo.errors import UserError

IGNORED_LABEL = -1  # Padding; the loss takes no part in it.
OUT_OF_VOCABULARY = 1


def tagging_dataset(
    sentences: Sequence[str | Sequence[str]],
    slots: Sequence[Sequence[str]],
    model: Any,
    batch_size: int = 32,
    shuffle: bool = True,
    seed: int = 0,
    bucket_boundaries: Sequence[int] | None = None,
) -> tf.data.Dataset:
    """Your own tagged sentences, ready for `model.fit`.

    Sentences of like length share a batch; the order is new in every epoch and follows
    from the seed. Compile with
    `SparseCategoricalCrossentropy(from_logits=True, ignore_class=-1)`; `fit` with
    `shuffle=False`, or Keras warns that it cannot shuffle a dataset.

    Args:
        sentences: Strings (words parted by spaces) or lists of words.
        slots: For each sentence one of the model's labels for each word.
        model: A slot tagger of this package: its preprocessor and labels are used.
        batch_size: Sentences in a batch.
        shuffle: Whether to shuffle; without, batches come in the order they fill.
        seed: Of the shuffling.
        bucket_boundaries: Lengths in words at which a new bucket begins, increasing;
            by default so that little is padding and buckets still fill a batch.

    Returns:
        A dataset of (inputs, labels): the model's inputs dict, and int32 labels
        (batch, length) with -1 for padding.

    Raises:
        UserError: A row has another number of slots than of words, no word at all, or
            a slot that the model does not have; the message names the row. Or the
            arguments are no lists of such rows, the batch size is no positive integer,
            or the boundaries do not increase.
    """
    positive_integer("batch_size", batch_size)
    if bucket_boundaries is not None:
        buckets.check_boundaries(bucket_boundaries)
    inputs, labels = encode(sentences, slots, model)
    rows = int(labels.nrows())
    order = tf.data.Dataset.range(rows)
    if shuffle:
        order = order.shuffle(rows, seed=seed)
    plan = Plan.of(sentences, batch_size, None, bucket_boundaries)
    batches = _batches(order, inputs, labels, plan)
    batches = batches.apply(tf.data.experimental.assert_cardinality(plan.batches))
    return batches.prefetch(tf.data.AUTOTUNE)


class Plan(NamedTuple):
    """How many sentences of which lengths become a batch.

    Attributes:
        boundaries: Of the buckets, in words.
        rows: Rows in a batch of each bucket.
        batches: The number of batches in an epoch.
        longest: The longest sentence, if shapes are to be static; else None.
    """

    boundaries: list[int]
    rows: list[int]
    batches: int
    longest: int | None

    @classmethod
    def of(
        cls,
        sentences: Sequence[str | Sequence[str]],
        batch_size: int | None,
        tokens_per_batch: int | None = None,
        boundaries: Sequence[int] | None = None,
        static: bool = False,
        devices: int = 1,
    ) -> "Plan":
        """A plan for these sentences.

        Args:
            sentences: Strings, or lists of words.
            batch_size: Sentences in a batch; or, in its place,
            tokens_per_batch: words in a batch, padding among them.
            boundaries: Of the buckets; by default `buckets.length_boundaries`.
            static: Whether all batches of a bucket have one shape.
            devices: Number of devices that share a batch.
        """
        lengths = [len(split_words(sentence)) for sentence in sentences]
        if boundaries is None:
            mean = sum(lengths) / len(lengths)
            rows = batch_size or max(1, int(tokens_per_batch / mean))
            boundaries = buckets.length_boundaries(lengths, rows)
        rows = buckets.batch_sizes(
            lengths, boundaries, batch_size, tokens_per_batch, devices
        )
        count = buckets.number_of_batches(lengths, boundaries, rows)
        return cls(list(boundaries), rows, count, max(lengths) if static else None)


def training_batches(
    sentences: Sequence[str | Sequence[str]],
    slots: Sequence[Sequence[str]],
    model: Any,
    plan: Plan,
    seed: int,
    epochs: range,
    word_dropout: float = 0.0,
) -> tf.data.Dataset:
    """The batches of several epochs in a row, each epoch's a function of (seed, epoch).

    So a training that starts again at epoch n sees what it would have seen.

    Args:
        sentences, slots, model: As `tagging_dataset`.
        plan: Of the batches.
        seed: Of order and word dropout.
        epochs: The epochs to make.
        word_dropout: A word seen n times in training becomes out-of-vocabulary with
            probability word_dropout / (word_dropout + n); its characters stay.

    Returns:
        A dataset of (inputs, labels, weights), `plan.batches` batches an epoch: inputs
        and labels as of `tagging_dataset`, and weights (batch, length), float32: 1 / n
        for each of a batch's n words.
    """
    inputs, labels = encode(sentences, slots, model)
    words = inputs["words"]  # (rows, length), ragged
    seen = np.bincount(words.flat_values.numpy())
    drop_rate = word_dropout / (word_dropout + np.maximum(seen, 1.0))
    drop_rate = tf.gather(tf.constant(drop_rate, tf.float32), words.flat_values)

    def epoch_batches(epoch):
        epoch_seed = tf.stack([tf.constant(seed, tf.int64), epoch])
        order = tf.random.experimental.stateless_shuffle(
            tf.range(len(sentences), dtype=tf.int64), epoch_seed
        )
        changed = inputs
        if word_dropout:  # of all words at once: it is the same in any batch
            chance = tf.random.stateless_uniform(tf.shape(drop_rate), epoch_seed + 1)
            unknown = tf.constant(OUT_OF_VOCABULARY, words.dtype)
            kept = tf.where(chance < drop_rate, unknown, words.flat_values)
            changed = {**inputs, "words": words.with_flat_values(kept)}
        order = tf.data.Dataset.from_tensor_slices(order)
        return _batches(order, changed, labels, plan)

    dataset = tf.data.Dataset.range(epochs.start, epochs.stop).flat_map(epoch_batches)
    dataset = dataset.map(_weighted, num_parallel_calls=tf.data.AUTOTUNE)
    return dataset.prefetch(tf.data.AUTOTUNE)


def _weighted(inputs, labels):
    words = tf.cast(labels != IGNORED_LABEL, tf.float32)  # (batch, length)
    return inputs, labels, words / tf.reduce_sum(words)


def encode(
    sentences: Sequence[str | Sequence[str]],
    slots: Sequence[Sequence[str]],
    model: Any,
) -> tuple[dict[str, tf.RaggedTensor], tf.RaggedTensor]:
    """All sentences as ids: the model's inputs and the labels, one ragged row each.

    Raises:
        UserError: As `tagging_dataset`.
    """
    sentences, slots = _checked_rows(sentences, slots, model.labels)
    label_ids = {label: index for index, label in enumerate(model.labels)}
    labels = tf.ragged.constant(
        [[label_ids[slot] for slot in row] for row in slots],
        dtype=tf.int32,
        ragged_rank=1,
    )
    texts = tf.data.Dataset.from_tensor_slices([" ".join(row) for row in sentences])
    encoded = texts.map(
        lambda text: {
            name: value[0] for name, value in model.preprocessor(text[None]).items()
        },
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    inputs = next(iter(encoded.ragged_batch(len(sentences))))
    return inputs, labels


def split_words(sentence: str | Sequence[str]) -> list[str]:
    """The words of a sentence given as a string or as words."""
    return sentence.split() if isinstance(sentence, str) else list(sentence)


def _checked_rows(sentences, slots, labels) -> tuple[list[list], list[list]]:
    """The words and the slots of each row."""
    sentences = listed("sentences", sentences, "strings or of lists of words")
    slots = listed("slots", slots, "lists of labels")
    if not sentences or len(sentences) != len(slots):
        raise UserError(
            "sentences and slots must be as many, and at least one. Received: "
            f"{len(sentences)} sentences, {len(slots)} rows of slots"
        )
    known, rows = set(labels), []
    for row, (sentence, tags) in enumerate(zip(sentences, slots)):
        if not isinstance(sentence, str):
            sentence = listed(f"sentences[{row}]", sentence, "words, or a string")
        words, tags = split_words(sentence), listed(f"slots[{row}]", tags, "labels")
        if not words or len(words) != len(tags):
            raise UserError(
                f"row {row}: expected one slot for each word, and at least one word. "
                f"Received: {len(words)} words, {len(tags)} slots"
            )
        for word in words:
            if not isinstance(word, str) or word.split() != [word]:
                raise UserError(
                    f"row {row}: a word must be a string, not empty and without white "
                    f"space. Received: {word!r}"
                )
        for tag in tags:
            if not isinstance(tag, str) or tag not in known:
                raise UserError(
                    f"row {row}: slot must be one of the model's {len(known)} labels. "
                    f"Received: {tag!r}"
                )
        rows.append((words, tags))
    return [words for words, _ in rows], [tags for _, tags in rows]


def _batches(order, inputs, labels, plan) -> tf.data.Dataset:
    """Padded batches of the rows whose numbers `order` gives."""

    def batch(rows):
        ragged = {name: tf.gather(value, rows) for name, value in inputs.items()}
        batch_labels = tf.gather(labels, rows)
        shape = None
        if plan.longest is not None:
            longest = tf.cast(tf.reduce_max(batch_labels.row_lengths()), tf.int32)
            shape = buckets.static_shape(
                longest, plan.boundaries, plan.rows, plan.longest
            )
        padded = {name: _padded(value, shape, 0) for name, value in ragged.items()}
        return padded, _padded(batch_labels, shape, IGNORED_LABEL)

    numbers = buckets.bucketed(order, labels.row_lengths(), plan.boundaries, plan.rows)
    return numbers.map(batch, num_parallel_calls=tf.data.AUTOTUNE)


def _padded(values, shape, padding) -> tf.Tensor:
    """Ragged rows as a tensor (rows, length, ...), of this shape if it is given."""
    dense = values.to_tensor(tf.cast(padding, values.dtype))
    if shape is None:
        return dense
    missing = [[0, n - tf.shape(dense)[axis]] for axis, n in enumerate(shape)]
    missing += [[0, 0]] * (dense.shape.rank - 2)
    return tf.pad(dense, missing, constant_values=padding)
