"""Captions: a sentence for each picture."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.mobilenet_v2_imagenet import weights_file
from keras_seqzoo.datasets.pipeline import IGNORED, Examples
from keras_seqzoo.models.mobilenet_v2 import read_tflite_weights, set_folded_weights
from keras_seqzoo.models.one_to_many.captioner import Captioner
from keras_seqzoo.runtime.captions import BEGIN
from keras_seqzoo.runtime.pictures import picture_of
from keras_seqzoo.training.caption_training import CaptionTraining
from keras_seqzoo.training.losses import LabelLoss
from keras_seqzoo.training.metrics import bleu
from keras_seqzoo.training.tasks.own_row import as_row, own_text, unwritable
from keras_seqzoo.training.tasks.task import Run, Task, check_vocabulary


class Captioned(NamedTuple):
    """A picture (height, width, 3), uint8, one of its captions, its name, and all."""

    image: np.ndarray
    caption: str
    name: str = ""
    references: tuple[str, ...] = ()


class Captioning(Task):
    """Rows are `Captioned`: of train five for each picture, of other splits one.

    The rows of a picture share its array.
    """

    METRIC = "bleu4"
    TOLERANCE = 1.0
    DATASETS = ("flickr8k",)
    OPTIONS = frozenset({"crops", "min_count", "mirror", "tuned_from"})
    GIVES = "It describes a picture in a sentence."
    FIGURE = "BLEU-4"
    FIGURE_IS = """\
corpus BLEU-4 in percent of one caption a picture against its five references, all
lower-cased and without punctuation (sacrebleu's corpus_bleu, tokenize none, no
smoothing), by the model's own beam search; test is "test (800)", 800 of the standard
1,000 pictures"""
    INTENDED_USE = """\
To describe photographs of people and animals in simple words, on the phone; as a start
for captions of other pictures, by fine-tuning; to compare recurrent cells."""
    USAGE = """\
model = seqzoo.load("{name}")
photo = np.full((240, 320, 3), 127, "uint8")  # or the path of a file
print(model.caption([photo]))
"""
    OWN_ROWS = '[(photo, "a grey wall")]'
    LIMITS = """\
Trained on 6,000 photographs, mostly of people and dogs outdoors, that were squeezed to
a square of 160 pixels: of other scenes it says what it knows. It is often wrong about
numbers, colours and who does what, and guesses the sex of people: no bias was looked
for, and that of the data must be expected. Not for telling the blind what is there."""
    STARTS_FROM = """\
The encoder starts from MobileNetV2 1.0's ImageNet weights (google-coral/test_data,
tf2_mobilenet_v2_1.0_224_ptq.tflite, dequantised; Apache-2.0; Sandler et al. 2018)."""
    STEPS = "words"
    OWN_ROW = "tuples (picture or the path of its file, caption)"

    @classmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Captioned]:
        rows = []
        for row in catalogue.rows(dataset, split, data_dir):
            references = tuple(normalized(one.decode()) for one in row["captions"])
            rows += [
                Captioned(row["image"], caption, row["name"].decode(), references)
                for caption in (references if split == "train" else references[:1])
            ]
        return rows

    @classmethod
    def lengths(cls, rows: Sequence[Captioned]) -> list[int]:
        return [len(row.caption.split()) + 1 for row in rows]

    @classmethod
    def assets(cls, rows: Sequence[Captioned], data: Any) -> dict[str, Any]:
        counts = Counter(word for row in rows for word in row.caption.split())
        words = [w for w, count in counts.items() if count >= data.min_count]
        check_vocabulary(words, data)
        return {"vocabulary": sorted(words, key=lambda word: (-counts[word], word))}

    @classmethod
    def first_weights(cls, model: Any, data_dir: str | None) -> None:
        """Those of ImageNet for a MobileNetV2 encoder."""
        if model.config["encoder"] == "mobilenet_v2":
            weights = read_tflite_weights(weights_file(data_dir))
            set_folded_weights(model.parts["network"], weights)

    @classmethod
    def trained_part(
        cls, model: Any, rows: Sequence[Captioned], data: Any
    ) -> CaptionTraining:
        pictures = {row.name: row.image for row in rows}
        return CaptionTraining(
            model,
            list(pictures),
            list(pictures.values()),
            data.mirror,
            data.tuned_from,
            data.crops,
        )

    @classmethod
    def own_row(cls, row: Any, model: Captioner) -> Captioned:
        """Of a picture, as `Captioner.caption` takes it, and a sentence about it."""
        row = as_row(Captioned, row)
        caption = own_text("caption", normalized(own_text("caption", row.caption)))
        words = caption.split()
        ids = model.words.ids(words)
        lacks = [w for w, number in zip(words, ids) if number == model.words.unknown]
        if lacks:
            raise unwritable("caption", "words", lacks, model.config["vocabulary"])
        image = picture_of(row.image, "`image`", model.image_size)
        return row._replace(image=image, caption=caption)

    @classmethod
    def encode(
        cls, rows: Sequence[Captioned], model: Captioner | CaptionTraining
    ) -> Examples:
        """The rows as pictures, or places in the model's table, and words.

        A word that is not known is no target: the model never says so.
        """
        words = model.words
        ids = [words.ids(row.caption.split()) for row in rows]
        before = tf.ragged.constant([[BEGIN, *one] for one in ids], tf.int32)
        targets = [[IGNORED if k == words.unknown else k for k in one] for one in ids]
        targets = tf.ragged.constant([[*one, BEGIN] for one in targets], tf.int32)
        pictures = model.picture_inputs(rows)
        inputs = {name: tf.constant(x) for name, x in pictures.items()}
        inputs["tokens"] = before
        return Examples(inputs, targets, tf.constant(cls.lengths(rows), tf.int32))

    @classmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        return LabelLoss(training.label_smoothing)

    @classmethod
    def change(cls, data: Any) -> Callable[[Examples, tf.Tensor], Examples] | None:
        views = 1 + data.mirror + data.crops  # `CaptionTraining.views`
        if views == 1:
            return None
        return lambda examples, seed: viewed(examples, seed, views)

    @classmethod
    def metric(
        cls, model: Any, rows: Sequence[Captioned], batch_size: int = 64
    ) -> Callable[[Run], float]:
        rows = one_a_picture(rows)
        batches = [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)]

        def bleu4(run):
            found = [run(cls.inputs(model, batch))["tokens"] for batch in batches]
            return _bleu4(model.words, rows, np.concatenate(found))

        return bleu4

    @classmethod
    def scorer(
        cls, model: Any, rows: Sequence[Captioned], batch_size: int = 64
    ) -> Callable[[], float]:
        """See `Task.scorer`; while training, the frozen part sees each picture once."""
        if not isinstance(model, CaptionTraining):
            return super().scorer(model, rows, batch_size)
        rows = one_a_picture(rows)
        features = model.features([row.image for row in rows])
        spec = tf.TensorSpec((None, *features.shape[1:]), tf.float16)
        search = tf.function(model.search, input_signature=[spec])
        starts = range(0, len(rows), batch_size)

        def bleu4():
            batches = (features[start : start + batch_size] for start in starts)
            found = [search(batch)["tokens"] for batch in batches]
            return _bleu4(model.captioner.words, rows, np.concatenate(found))

        return bleu4

    @classmethod
    def inputs(cls, model: Any, rows: Sequence[Captioned]) -> dict[str, np.ndarray]:
        return {"images": np.stack([row.image for row in rows])}


def normalized(caption: str) -> str:
    """The caption in lower case, without punctuation, words parted by one space."""
    return " ".join(re.sub(r"[^\w\s]|_", "", caption.lower()).split())


def one_a_picture(rows: Sequence[Captioned]) -> list[Captioned]:
    """The first row of each picture."""
    return list({row.name: row for row in reversed(rows)}.values())[::-1]


def viewed(examples: Examples, seed: tf.Tensor, views: int) -> Examples:
    """The examples, each with one of its picture's views, all of them as often."""
    picture = examples.inputs["picture"]
    drawn = tf.random.stateless_uniform(tf.shape(picture), seed, 0, views, tf.int32)
    return examples._replace(inputs={**examples.inputs, "picture": picture + drawn})


def _bleu4(words, rows, tokens):
    captions = [words.sentence(one) for one in tokens]
    return bleu(captions, [row.references for row in rows])[-1]
