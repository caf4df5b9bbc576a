"""Tagged sentences as examples for training."""

from collections.abc import Collection, Sequence
from typing import Any

import tensorflow as tf

from keras_seqzoo.arguments import listed, positive_integer
from keras_seqzoo.datasets import buckets
from keras_seqzoo.datasets.pipeline import Examples, epoch
from keras_seqzoo.errors import UserError
from keras_seqzoo.preprocessing.words import OUT_OF_VOCABULARY


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
    examples = encode(sentences, slots, model)
    dataset = epoch(examples, batch_size, shuffle, seed, bucket_boundaries)
    return dataset.prefetch(tf.data.AUTOTUNE)


def encode(
    sentences: Sequence[str | Sequence[str]],
    slots: Sequence[Sequence[str]],
    model: Any,
) -> Examples:
    """All sentences as ids, and their labels as int32 ids.

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
    inputs = encode_texts([" ".join(row) for row in sentences], model)
    return Examples(inputs, labels, tf.cast(labels.row_lengths(), tf.int32))


def encode_texts(texts: Sequence[str], model: Any) -> dict[str, tf.RaggedTensor]:
    """The model's inputs of texts, a ragged row each."""
    encoded = tf.data.Dataset.from_tensor_slices(list(texts)).map(
        lambda text: {
            name: value[0] for name, value in model.preprocessor(text[None]).items()
        },
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return next(iter(encoded.ragged_batch(len(texts))))


def word_dropout(examples: Examples, seed: tf.Tensor, rate: float) -> Examples:
    """The examples with some of their words unknown; their characters stay.

    Args:
        examples: Those of the training set, all of them.
        seed: An int64 tensor (2,).
        rate: A word seen n times in training becomes out-of-vocabulary with
            probability rate / (rate + n).
    """
    words = examples.inputs["words"]  # (rows, length), ragged
    seen = tf.math.bincount(words.flat_values, dtype=tf.float32)
    seen = tf.gather(seen, words.flat_values)
    chance = tf.random.stateless_uniform(tf.shape(seen), seed)
    unknown = tf.constant(OUT_OF_VOCABULARY, words.dtype)
    kept = tf.where(chance < rate / (rate + seen), unknown, words.flat_values)
    inputs = {**examples.inputs, "words": words.with_flat_values(kept)}
    return examples._replace(inputs=inputs)


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
        tags = listed(f"slots[{row}]", tags, "labels")
        try:
            rows.append(checked_row(sentence, tags, known))
        except UserError as error:
            raise UserError(f"row {row}: {error}") from error
    return [words for words, _ in rows], [tags for _, tags in rows]


def checked_row(
    sentence: str | Sequence[str], slots: Sequence[str], labels: Collection[str]
) -> tuple[list[str], list[str]]:
    """The words and the slots of a sentence.

    Args:
        sentence: Words, or a string.
        slots: A label for each word.
        labels: Those of the model.

    Raises:
        UserError: They are not as many, or one is not what it must be.
    """
    if not isinstance(sentence, str):
        sentence = listed("words", sentence, "words, or a string")
    words = sentence.split() if isinstance(sentence, str) else sentence
    slots = listed("slots", slots, "labels")
    if not words or len(words) != len(slots):
        raise UserError(
            "expected one slot for each word, and at least one word. "
            f"Received: {len(words)} words, {len(slots)} slots"
        )
    for word in words:
        if not isinstance(word, str) or word.split() != [word]:
            raise UserError(
                "a word must be a string, not empty and without white space. "
                f"Received: {word!r}"
            )
    for slot in slots:
        if not isinstance(slot, str) or slot not in labels:
            raise UserError(
                f"slot must be one of the model's {len(labels)} labels. "
                f"Received: {slot!r}"
            )
    return words, slots
