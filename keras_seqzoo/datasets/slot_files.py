"""Slot-filling sets kept as parallel text files: what ATIS and SNIPS share.

Each split is a folder of three files, line n of each one sentence: `seq.in` (words),
`seq.out` (one BIO tag a word) and `label` (the intent).
"""

import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_parallel_lines
from keras_seqzoo.datasets.prepared import check_split, prepare, reading_copy
from keras_seqzoo.datasets.tagged_sentence import TaggedSentence
from keras_seqzoo.errors import UserError

SPLIT_FOLDERS = {"train": "train", "validation": "valid", "test": "test"}
FILE_NAMES = ("seq.in", "seq.out", "label")


class SlotFilesBuilder(SequenceBuilder, skip_registration=True):
    """Base of the builders of sets in this format."""

    TASK = "slot filling"
    EXAMPLE = "`words` and `slots`, as many strings each, and the string `intent`"

    def features(self) -> tfds.features.FeaturesDict:
        """`words` (length,), `slots` (length,) and `intent` (), all strings."""
        texts = tfds.features.Sequence(tfds.features.Text())
        return tfds.features.FeaturesDict(
            {"words": texts, "slots": texts, "intent": tfds.features.Text()}
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The sentences of a split in the order of its files."""
        paths = [files[f"{SPLIT_FOLDERS[split]}/{name}"] for name in FILE_NAMES]
        rows = read_parallel_lines(paths)
        for number, (words, slots, intent) in enumerate(rows, 1):
            # On runs of white space: SNIPS has double and trailing spaces.
            words, slots = words.split(), slots.split()
            if len(words) != len(slots):
                raise UserError(
                    f"{paths[1]}, line {number}: expected {len(words)} tags, one for "
                    f"each word. Received: {len(slots)}"
                )
            yield {"words": words, "slots": slots, "intent": intent.strip()}


def read_split(
    builder_class: type[SlotFilesBuilder], split: str, data_dir: str | None = None
) -> list[TaggedSentence]:
    """All sentences of a split ("train", "validation" or "test") in the file's order.

    Raises:
        UserError: Unknown split, or as for `prepared.prepare`.
    """
    check_split(builder_class, split)
    builder = prepare(builder_class, data_dir)
    sentences = []
    with reading_copy(builder):
        # In batches, which takes a third of the time of one by one.
        for batch in builder.as_dataset(split=split).ragged_batch(1000):
            words, slots = batch["words"].to_list(), batch["slots"].to_list()
            for row in zip(words, slots, batch["intent"].numpy()):
                sentences.append(_tagged_sentence(*row))
    return sentences


def _tagged_sentence(
    words: list[bytes], slots: list[bytes], intent: bytes
) -> TaggedSentence:
    return TaggedSentence(
        words=tuple(word.decode() for word in words),
        slots=tuple(slot.decode() for slot in slots),
        intent=intent.decode(),
    )
