"""Figures of merit, computed as the published tables compute them."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from seqeval.metrics import f1_score, precision_score, recall_score

from keras_seqzoo import registry, runtime
from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.errors import UserError


def slot_scores(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> dict[str, float]:
    """Precision, recall and F1 over slot chunks, in percent.

    The definition of CoNLL-2000's `conlleval`, which seqeval's default mode follows: a
    chunk is right only when its first word, its last word and its name all are. Tags
    are compared as strings, so a gold tag the model does not know counts as a miss.

    Args:
        gold: The true BIO tags of each sentence.
        predicted: The model's tags, as many for each sentence.

    Returns:
        {"precision", "recall", "f1"}.
    """
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise UserError("predicted tags must be as many as gold tags in every sentence")
    gold = [list(tags) for tags in gold]
    predicted = [list(tags) for tags in predicted]
    scores = {"precision": precision_score, "recall": recall_score, "f1": f1_score}
    return {
        name: 100.0 * float(score(gold, predicted, zero_division=0))
        for name, score in scores.items()
    }


def tag_function(
    model: Any, batch_size: int = 64
) -> Callable[[Sequence[Sequence[str]]], list[list[str]]]:
    """A function from sentences (lists of words) to their tags.

    It goes the way of an exported model: preprocessor, network and decoder.
    """
    decode = tf.function(
        lambda texts: model.serve(model.preprocessor(texts))["labels"],
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    return _tagging(lambda texts: decode(texts).numpy(), model.labels, batch_size)


def slot_f1(
    model: Any, sentences: Sequence[TaggedSentence], batch_size: int = 64
) -> Callable[[Callable], float]:
    """Slot F1 in percent, as the `metric` that `seqzoo.export` takes.

    Args:
        model: A slot tagger.
        sentences: What it is measured on.
        batch_size: Sentences in a batch.

    Returns:
        A function of `run`, which computes the model's arrays from arrays.
    """

    def metric(run):
        tagger = _tagging(
            lambda texts: run(_word_arrays(model, texts))["labels"],
            model.labels,
            batch_size,
        )
        return score_sentences(tagger, sentences)["f1"]

    return metric


def representative_words(
    model: Any, sentences: Sequence[TaggedSentence], count: int = 100
) -> list[dict[str, np.ndarray]]:
    """Inputs of a slot tagger for `seqzoo.export`'s `representative_data`.

    Args:
        model: The tagger.
        sentences: Those of its training set.
        count: How many of them, evenly spread, to take; each is a batch of its own.
    """
    some = sentences[:: max(1, len(sentences) // count)][:count]
    return [_word_arrays(model, tf.constant([" ".join(s.words)])) for s in some]


def _word_arrays(model, texts):
    return {name: np.asarray(x) for name, x in model.preprocessor(texts).items()}


def _tagging(decode, labels, batch_size):
    """A function from sentences to tags; `decode` is one from texts to label ids."""

    def tag(sentences):
        # Sentences of like length together: less padding.
        order = sorted(range(len(sentences)), key=lambda i: len(sentences[i]))
        tags = [[] for _ in sentences]
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            texts = tf.constant([" ".join(sentences[row]) for row in rows])
            ids = decode(texts)  # (batch, length)
            for row, row_ids in zip(rows, ids):
                tags[row] = [labels[i] for i in row_ids[: len(sentences[row])]]
        return tags

    return tag


def score_sentences(
    tagger: Callable[[Sequence[Sequence[str]]], list[list[str]]],
    sentences: Sequence[TaggedSentence],
) -> dict[str, float]:
    """`slot_scores` of a tagger on sentences whose tags are known."""
    predicted = tagger([sentence.words for sentence in sentences])
    return slot_scores([sentence.slots for sentence in sentences], predicted)


def evaluate(
    tag_or_folder: str | os.PathLike,
    *,
    dataset: str | None = None,
    data_dir: str | None = None,
    split: str = "test",
    batch_size: int = 64,
) -> dict[str, Any]:
    """Measures a preset on a data set, by default the one that its metadata names.

    Args:
        tag_or_folder: A tag such as "bi_gru_tagger.atis", a preset's folder or zip, or
            a .tflite or .onnx file that `seqzoo.export` wrote, which its own runtime
            then runs.
        dataset: "atis", "snips" or "train_tickets".
        data_dir: Folder of a local copy of the data.
        split: "train", "validation" or "test".
        batch_size: Sentences in a batch.

    Returns:
        {"tag", "dataset", "split", "metric", "value" (percent), "examples",
        "seconds"}.

    Raises:
        UserError: Unknown tag or split, damaged preset, data that is not there, or a
            batch size that is no positive integer.
    """
    positive_integer("batch_size", batch_size)
    is_file = os.path.splitext(os.fspath(tag_or_folder))[1] in (".tflite", ".onnx")
    if is_file:
        runner = runtime.load(tag_or_folder)
        about = runner.description["model"]
        tag = f"{about['architecture']}.{about['tag']}"
        known = registry.list_models(pretrained=True)
        named = registry.info(tag).dataset if tag in known else None
    else:
        named = registry.info(tag_or_folder).dataset
    if dataset is None and named not in catalogue.SLOT_SETS:
        raise UserError(
            f"{tag_or_folder}: its metadata must name a data set, or give one with "
            f"--dataset: {', '.join(catalogue.SLOT_SETS)}. Received: dataset={named!r}"
        )
    dataset = dataset or named
    sentences = catalogue.read(dataset, split, data_dir)
    if is_file:
        tagger = _file_tagger(runner, tag_or_folder, batch_size)
    else:
        tagger = tag_function(registry.load(tag_or_folder), batch_size)
    began = time.perf_counter()
    scores = score_sentences(tagger, sentences)
    return {
        "tag": os.path.basename(os.fspath(tag_or_folder).rstrip("/")),
        "dataset": dataset,
        "split": split,
        "metric": "slot_f1",
        "value": round(scores["f1"], 2),
        "examples": len(sentences),
        "seconds": round(time.perf_counter() - began, 3),
    }


def _file_tagger(runner, path, batch_size):
    if not isinstance(runner, runtime.TaggerRunner):
        raise UserError(f"{path} must be a slot tagger's file.")

    def tag(sentences):
        texts = [" ".join(words) for words in sentences]
        tagged = runner.predict_text(texts, batch_size)
        return [[label for _, label in sentence] for sentence in tagged]

    return tag
