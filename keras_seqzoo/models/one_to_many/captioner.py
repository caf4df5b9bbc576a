"""What the models have in common that describe a picture in a sentence."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_seqzoo.arguments import (
    beam_count,
    different_words,
    named_values,
    number_from_0,
    positive_integer,
    text,
)
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.decoding import beam_search, for_each_beam, greedy_search
from keras_seqzoo.errors import UserError
from keras_seqzoo.models.compiled import compiled
from keras_seqzoo.models.entry_logits import EntryLogits
from keras_seqzoo.models.example_rows import random_sentences
from keras_seqzoo.models.picture_encoder import picture_encoder
from keras_seqzoo.models.recurrent_body import checked_cell_arguments
from keras_seqzoo.models.search_arguments import search_arguments
from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.runtime.captions import BEGIN, FIRST_WORD, CaptionWords
from keras_seqzoo.runtime.pictures import pictures_of

PICTURES_AT_ONCE = 16


class Captioner(ZooModel):
    """A convolutional encoder, a recurrent decoder, and the search for the best words.

    Args:
        vocabulary: The known words; the first has id 1 (0 begins and ends a caption;
            one more id, the last, stands for other words among those before).
        image_size: Height and width in pixels at which the encoder sees a picture.
        encoder: "mobilenet_v2", or "convolution", a small network for tests.
        alpha: MobileNetV2's width multiplier.
        cell: Name of the recurrent cell, as in `layers.recurrent_layer`.
        units: Units of the recurrent layer.
        embedding_size: Size of the word embedding and of the encoder's projection.
        dropout: Dropout rate of words, picture and output.
        cell_arguments: Further arguments of the recurrent layer.
        max_length: Words of a caption at most, its end among them.
        beams: Beams of the search that `serve` makes, 256 at most; 1 is greedy search.
        length_penalty: As of `decoding.beam_search`.
        decoder_arguments: Further arguments of the decoder's layer.
        name: The model's name.

    Input: `{"images": (batch, image_size, image_size, 3)}`, float32, RGB from 0 to 255,
    and `{"tokens": (batch, length)}`, int32, the words before each word, BEGIN first.
    Output: logits `(batch, length, len(vocabulary) + 1)` of each word.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ("vocabulary",)
    head_layers: ClassVar[tuple[str, ...]] = ("head",)
    head_arguments: ClassVar[tuple[str, ...]] = ()
    task: ClassVar[str] = "captioning"
    searched_outputs: ClassVar[tuple[str, ...]] = ("tokens",)
    length_name: ClassVar[str] = "height"
    label_unit: ClassVar[str] = "words"
    no_label: ClassVar[int | None] = BEGIN  # which ends a caption, too

    def __init__(
        self,
        *,
        vocabulary: Sequence[str] = (),
        image_size: int = 224,
        encoder: str = "mobilenet_v2",
        alpha: float = 1.0,
        cell: str = "lstm",
        units: int = 384,
        embedding_size: int = 224,
        dropout: float = 0.4,
        cell_arguments: dict | None = None,
        max_length: int = 20,
        beams: int = 3,
        length_penalty: float = 1.0,
        decoder_arguments: dict | None = None,
        name: str | None = "captioner",
    ) -> None:
        vocabulary = different_words("vocabulary", vocabulary)
        cell = text("cell", cell)
        cell_arguments = checked_cell_arguments(cell_arguments)
        if {"dropout", "recurrent_dropout"} & set(cell_arguments):
            raise UserError(
                "`cell_arguments` must be without dropout, which the model has. "
                f"Received: cell_arguments={cell_arguments}"
            )
        config = {
            "vocabulary": vocabulary,
            "image_size": positive_integer("image_size", image_size),
            "encoder": text("encoder", encoder),
            "alpha": alpha,
            "cell": cell,
            "units": positive_integer("units", units),
            "embedding_size": positive_integer("embedding_size", embedding_size),
            "dropout": rate("dropout", dropout),
            "cell_arguments": cell_arguments,
            "decoder_arguments": {
                **self.decoder_defaults,
                **named_values("decoder_arguments", decoder_arguments or {}),
            },
            "max_length": positive_integer("max_length", max_length),
            "beams": beam_count(beams),
            "length_penalty": number_from_0("length_penalty", length_penalty),
        }
        images = keras.Input((image_size, image_size, 3), name="images")
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        network = picture_encoder(encoder, image_size, alpha)
        projection = keras.layers.Dense(
            embedding_size, activation=self.projection_activation, name="projection"
        )
        words = keras.layers.ReversibleEmbedding(
            len(vocabulary) + 2,
            embedding_size,
            embeddings_initializer=keras.initializers.RandomUniform(-0.1, 0.1),
            name="word_embedding",
        )
        head = keras.layers.Dense(embedding_size, activation="tanh", name="head")
        drop = {
            key: keras.layers.Dropout(dropout, name=f"{key}_dropout")
            for key in ("picture", "word", "output", "head")
        }
        parts = {
            "network": network,
            "projection": projection,
            "words": words,
            "decoder": self.make_decoder(config),
            "head": head,
            "drop": drop,
            "logits": EntryLogits(0, len(vocabulary) + 1, name="logits"),
        }
        logits = _logits(type(self), parts, network(images, training=False), tokens)
        inputs = {"images": images, "tokens": tokens}
        super().__init__(inputs=inputs, outputs=logits, name=name)
        self.parts = parts
        self.config = config
        self.image_size = image_size
        self.words = CaptionWords(vocabulary)
        self._caption = {}

    # What the two kinds of decoders differ in.

    projection_activation: ClassVar[str | None] = None
    decoder_defaults: ClassVar[dict[str, Any]] = {}

    @classmethod
    def make_decoder(cls, config: dict[str, Any]) -> keras.layers.Layer:
        """The decoder's layer, named "decoder"."""
        raise TypeError(f"{cls.__name__} must define `make_decoder`.")

    @classmethod
    def pooled(cls, grid: Any) -> Any:
        """What the decoder reads of the encoder's grid `(batch, rows, columns, n)`."""
        raise TypeError(f"{cls.__name__} must define `pooled`.")

    @classmethod
    def decode(cls, decoder: Any, picture: Any, words: Any, mask: Any) -> Any:
        """The decoder's outputs `(batch, length, size)` of all words."""
        raise TypeError(f"{cls.__name__} must define `decode`.")

    @classmethod
    def begin(cls, decoder: Any, picture: Any, max_length: int) -> tuple[Any, list]:
        """What is the same for all words, and the states before the first."""
        raise TypeError(f"{cls.__name__} must define `begin`.")

    @classmethod
    def follow(cls, decoder: Any, fixed: Any, word: Any, states: list) -> tuple:
        """One word `(batch, features)` on: `(output, states)`."""
        raise TypeError(f"{cls.__name__} must define `follow`.")

    def further_outputs(self, states: list) -> dict[str, Any]:
        """What `serve` gives besides the words, from the states after the search."""
        return {}

    # From pictures to words, in the graph.

    def logits_of(self, grid: Any, tokens: Any) -> Any:
        """The model from the encoder's grid on; symbolic tensors too."""
        return _logits(type(self), self.parts, grid, tokens)

    def resized(self, images: Any) -> Any:
        """Pictures of any one size as the encoder sees them, float32."""
        size = (self.image_size, self.image_size)
        images = ops.cast(images, "float32")
        return ops.image.resize(images, size, interpolation="bilinear")

    def search(
        self, grid: Any, beams: int | None = None, length_penalty: float | None = None
    ) -> dict[str, Any]:
        """The best words for the encoder's grids `(batch, rows, columns, channels)`.

        Returns:
            As `serve`.
        """
        beams = self.config["beams"] if beams is None else beams
        if length_penalty is None:
            length_penalty = self.config["length_penalty"]
        parts, kind = self.parts, type(self)
        picture = parts["projection"](kind.pooled(grid))
        fixed, states = kind.begin(parts["decoder"], picture, self.config["max_length"])
        fixed = for_each_beam(fixed, beams)

        def step(tokens, states):
            word = parts["words"](tokens)  # (rows, embedding_size)
            output, states = kind.follow(parts["decoder"], fixed, word, states)
            output = ops.concatenate([output, word], axis=-1)
            scores = parts["logits"](
                parts["words"](parts["head"](output), reverse=True)
            )
            return ops.log_softmax(scores, axis=-1), states

        limits = {
            "start": BEGIN,
            "end": BEGIN,
            "max_length": self.config["max_length"],
        }
        if beams == 1:
            tokens, scores, states = greedy_search(step, states, **limits)
        else:
            tokens, scores, states = beam_search(
                step, states, beams=beams, length_penalty=length_penalty, **limits
            )
        return {"tokens": tokens, "scores": scores, **self.further_outputs(states)}

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Pictures to words.

        Args:
            inputs: `images` (batch, height, width, 3), uint8 RGB, of any one size.

        Returns:
            `tokens` (batch, max_length), int32, of which 0 ends a caption; `scores`
            (batch,), as `decoding.beam_search` gives them.
        """
        grid = self.parts["network"](self.resized(inputs["images"]), training=False)
        return self.search(grid)

    def serve_text(self, images: Any) -> dict[str, Any]:
        """As `serve`, of the pictures alone, with strings `text` (batch,) besides."""
        result = self.serve({"images": images})
        tokens = result["tokens"]
        is_word = tf.math.cumprod(tf.cast(tokens != BEGIN, tf.int32), axis=1) > 0
        numbers = tf.ragged.boolean_mask(tokens - FIRST_WORD, is_word)
        vocabulary = self.config["vocabulary"]
        words = tf.ragged.map_flat_values(lambda i: tf.gather(vocabulary, i), numbers)
        return {**result, "text": tf.strings.reduce_join(words, axis=1, separator=" ")}

    def text_input(self) -> tf.TensorSpec:
        """Those of `served_inputs`."""
        return self.served_inputs()["images"]

    # For training: what stands for the pictures of some rows.

    def picture_inputs(self, rows: Sequence[Any]) -> dict[str, np.ndarray]:
        """Their `image`s (height, width, 3), uint8, as the encoder sees them.

        Returns:
            `images` (rows, image_size, image_size, 3), uint8: a quarter of the floats.
        """
        seen = [np.asarray(self.resized(row.image[None]))[0] for row in rows]
        return {"images": np.stack([np.rint(one).astype(np.uint8) for one in seen])}

    # For users: pictures of any kind in, sentences out.

    def caption(
        self,
        images: Sequence[Any],
        *,
        beams: int | None = None,
        length_penalty: float | None = None,
    ) -> list[str]:
        """Describes pictures, each in a sentence.

        Args:
            images: uint8 arrays `(height, width)`, `(height, width, 1)`, 3 or 4 (grey,
                RGB, RGBA on white), Pillow pictures, or paths of picture files.
            beams: Beams of the search; the model's own by default; 1 is greedy search.
            length_penalty: As of `decoding.beam_search`, with beams; the model's own by
                default.

        Returns:
            A sentence for each, lower case.

        Raises:
            UserError: One is no picture, or an argument is out of range.
        """
        search = search_arguments(beams, length_penalty, self.config["beams"])
        found = self._answers(images, *search)
        return [self.words.sentence(one["tokens"]) for one in found]

    def _answers(self, images, beams=None, length_penalty=None) -> list[dict]:
        """`serve`'s arrays for each picture, without the batch."""
        key = beams, length_penalty
        if key not in self._caption:

            def answer(pixels):
                grid = self.parts["network"](self.resized(pixels), training=False)
                return self.search(grid, *key)

            spec = tf.TensorSpec((None, None, None, 3), tf.uint8)
            self._caption[key] = compiled(answer, [spec])
        found = []
        for picture in pictures_of(images, self.image_size):
            answer = self._caption[key](picture[None])
            found.append({name: value.numpy()[0] for name, value in answer.items()})
        return found

    def runtime_task(self) -> dict[str, Any]:
        return {"kind": "captioning", "image_size": self.image_size}

    # For export and tests.

    def served_inputs(self) -> dict[str, tf.TensorSpec]:
        """`images` alone, of any size: the words are what is asked for."""
        return {"images": tf.TensorSpec((None, None, None, 3), tf.uint8, "images")}

    def served_examples(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random pictures, `length` pixels high."""
        rng = np.random.default_rng(seed)
        shape = batch, length, int(rng.integers(1, 40)), 3
        return {"images": rng.integers(0, 256, shape).astype("uint8")}

    def timed_examples(self) -> dict[str, np.ndarray]:
        """A random picture of the size that the encoder sees."""
        rng = np.random.default_rng(0)
        shape = 1, self.image_size, self.image_size, 3
        return {"images": rng.integers(0, 256, shape).astype("uint8")}

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random pictures and captions of several lengths, some words not known."""
        rng = np.random.default_rng(seed)
        size = (batch, self.image_size, self.image_size, 3)
        targets = self._example_words(batch, length, rng)
        tokens = np.where(targets < 0, BEGIN, targets)
        tokens = np.concatenate([np.full((batch, 1), BEGIN), tokens[:, :-1]], axis=1)
        return {
            "images": rng.uniform(0.0, 255.0, size).astype("float32"),
            "tokens": tokens.astype("int32"),
        }

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """The words of `example_inputs` one place earlier, an end, and -1 behind it."""
        rng = np.random.default_rng(seed)
        return self._example_words(batch, length, rng)

    def _example_words(self, batch, length, rng):
        words = range(1, len(self.config["vocabulary"]) + 1)
        return random_sentences(rng, batch, length, words, end=BEGIN)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {
            "vocabulary": ["a", "dog", "runs", "child", "water"],
            "image_size": 32,
            "encoder": "convolution",
            "units": 8,
            "embedding_size": 6,
            "max_length": 5,
        }


def _logits(kind: type[Captioner], parts: dict, grid: Any, tokens: Any) -> Any:
    """Teacher forcing: from the grid and the words before each word to its logits."""
    drop, size = parts["drop"], parts["words"].input_dim
    picture = drop["picture"](parts["projection"](kind.pooled(grid)))
    known = ops.logical_and(tokens >= 0, tokens < size)
    words = parts["words"](ops.where(known, tokens, size - 1))
    words = drop["word"](words)
    # Behind the end BEGIN stands again.
    first = ops.equal(ops.cumsum(ops.ones_like(tokens), axis=1), 1)
    mask = ops.logical_or(first, ops.not_equal(tokens, BEGIN))
    outputs = drop["output"](kind.decode(parts["decoder"], picture, words, mask))
    outputs = ops.concatenate([outputs, words], axis=-1)
    outputs = drop["head"](parts["head"](outputs))
    return parts["logits"](parts["words"](outputs, reverse=True))
