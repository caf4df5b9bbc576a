"""What the models have in common that translate a sentence."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_seqzoo.arguments import (
    beam_count,
    different_strings,
    number_from_0,
    positive_integer,
    strings,
)
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.decoding import beam_search, for_each_beam, greedy_search
from keras_seqzoo.errors import UserError
from keras_seqzoo.models.compiled import compiled
from keras_seqzoo.models.entry_logits import EntryLogits
from keras_seqzoo.models.example_rows import random_sentences
from keras_seqzoo.models.search_arguments import search_arguments
from keras_seqzoo.models.seq2seq.network import Network
from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.preprocessing.subwords import Subwords
from keras_seqzoo.preprocessing.white_space import single_spaced, stripped
from keras_seqzoo.runtime.subwords import END, PADDING, START, UNKNOWN
from keras_seqzoo.runtime.translation import TranslationPieces

# A search names what it can write by its place after the last id that it cannot.
FIRST_WRITTEN = END


class Translator(ZooModel):
    """A network between one embedding, which reads and writes both languages.

    Sources are read in lower case; what is written has the case of the training data.

    Input: `{"source": (batch, source_length)}`, int32, subwords, END behind, and
    `{"tokens": (batch, length)}`, int32, the subwords before each one, START first;
    padding is 0. Output: logits `(batch, length, len(vocabulary) + 1)` of END and of
    each subword of the vocabulary.

    Source: one embedding for all: Press & Wolf 2017, arXiv 1608.05859.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ("vocabulary",)
    head_layers: ClassVar[tuple[str, ...]] = ("logits",)
    head_arguments: ClassVar[tuple[str, ...]] = ()
    task: ClassVar[str] = "translation"
    searched_outputs = ("tokens", "attention")
    label_unit: ClassVar[str] = "subwords"
    no_label: ClassVar[int | None] = END

    def __init__(self, network: Network, config: dict[str, Any], name: str) -> None:
        """Builds the graph.

        Args:
            network: Its layers are not built yet.
            config: All arguments of the subclass, those of `translator_arguments`
                among them.
            name: The model's name.
        """
        vocabulary = config["vocabulary"]
        source = keras.Input((None,), dtype="int32", name="source")
        tokens = keras.Input((None,), dtype="int32", name="tokens")
        parts = {
            "network": network,
            "words": keras.layers.ReversibleEmbedding(
                len(vocabulary) + FIRST_WRITTEN + 1,
                config["embedding_size"],
                embeddings_initializer=network.initializer,
                name="word_embedding",
            ),
            "drop": keras.layers.Dropout(config["dropout"], name="dropout"),
            "logits": EntryLogits(FIRST_WRITTEN, len(vocabulary) + 1, name="logits"),
        }
        logits = _logits(parts, source, tokens)
        super().__init__({"source": source, "tokens": tokens}, logits, name=name)
        self.parts = parts
        self.config = config
        if not network.attends:
            self.searched_outputs = ("tokens",)
        self.pieces = TranslationPieces(vocabulary)
        self.preprocessor = Subwords(vocabulary, lower_case=True)
        self._searches = {}

    # From a sentence to its translation, in the graph.

    def search(
        self,
        source: Any,
        beams: int | None = None,
        length_penalty: float | None = None,
    ) -> dict[str, Any]:
        """The best translations of source ids; see `serve`.

        Args:
            source: `(batch, source_length)`, int32.
            beams: The model's own by default; 1 is greedy search.
            length_penalty: As of `decoding.beam_search`; the model's own by default.
        """
        beams = self.config["beams"] if beams is None else beams
        if length_penalty is None:
            length_penalty = self.config["length_penalty"]
        fixed, first = self.begin_search(source, beams)

        def step(tokens, states):
            return self.search_step(tokens, states, fixed)

        limits = {
            "start": START - FIRST_WRITTEN,
            "end": END - FIRST_WRITTEN,
            "max_length": self.config["max_length"],
        }
        if beams == 1:
            tokens, scores, states = greedy_search(step, first, **limits)
        else:
            tokens, scores, states = beam_search(
                step, first, beams=beams, length_penalty=length_penalty, **limits
            )
        found = {"tokens": tokens + FIRST_WRITTEN, "scores": scores}
        return found | ({"attention": states[-2]} if self.attends else {})

    def begin_search(self, source: Any, beams: int) -> tuple[list, list]:
        """What a search starts from.

        Args:
            source: `(batch, source_length)`, int32.
            beams: Beams of the search.

        Returns:
            What is the same for all steps, nested, `(batch * beams, ...)`; and the
            states before the first, `(batch, ...)`. If the model attends the last
            two are what each subword saw `(batch, max_length, source_length)`, and the
            number of the step.
        """
        length, network = self.config["max_length"], self.parts["network"]
        fixed, states = network.begin(_encoded(self.parts, source), length)
        if network.attends:
            there = ops.expand_dims(_mask(source), 1)  # (batch, 1, source_length)
            seen = ops.zeros((1, length, 1)) * there
            states = [*states, seen, ops.zeros_like(there[:, 0, :1])]
        return for_each_beam(fixed, beams), states

    def search_step(self, tokens: Any, states: list, fixed: list) -> tuple[Any, list]:
        """One step of a search.

        Args:
            tokens: The subwords before `(batch * beams,)`, int32, less FIRST_WRITTEN.
            states: Of the step before, `(batch * beams, ...)`.
            fixed: As `begin_search` gave it.

        Returns:
            Log-probabilities `(batch * beams, len(vocabulary) + 1)`, float32, of END
            and of each entry of the vocabulary; and the states after the step.
        """
        network, parts = self.parts["network"], self.parts
        if network.attends:
            *states, seen, time = states
        word = _vectors(parts, tokens + FIRST_WRITTEN)  # (rows, size)
        output, states, weights = network.follow(word, states, fixed)
        if network.attends:
            place = ops.arange(seen.shape[1], dtype="float32")[None, :]
            now = ops.cast(ops.equal(place, time), "float32")  # (rows, max_length)
            weights = ops.cast(ops.expand_dims(weights, 1), "float32")
            seen = seen + weights * ops.expand_dims(now, 2)
            states = [*states, seen, time + 1.0]
        scores = parts["logits"](parts["words"](output, reverse=True))
        return ops.log_softmax(ops.cast(scores, "float32"), axis=-1), states

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Sentences to translations, by the model's own search.

        Args:
            inputs: `source` (batch, source_length), int32: subwords, END behind, 0 at
                padding.

        Returns:
            `tokens` (batch, max_length), int32, END from a translation's end on;
            `scores` (batch,), float32, as `decoding.beam_search` gives them; and if the
            model attends `attention` (batch, max_length, source_length), float32: how
            much each subword saw of each of the source.
        """
        return self.search(inputs["source"])

    def serve_text(self, sentences: Any) -> dict[str, Any]:
        """As `serve`, of strings `(batch,)`, with strings `translations` besides.

        They are those of `translate`; of an empty sentence "".
        """
        sentences = single_spaced(sentences)
        result = self.serve({"source": self.preprocessor(sentences, end=True)})
        texts = stripped(self.preprocessor.to_text(result["tokens"]))
        return {**result, "translations": tf.where(sentences == "", "", texts)}

    # For users: sentences in, sentences out.

    @property
    def attends(self) -> bool:
        """Whether `attention` can be asked for."""
        return self.parts["network"].attends

    def translate(
        self,
        sentences: Sequence[str],
        *,
        beams: int | None = None,
        length_penalty: float | None = None,
    ) -> list[str]:
        """Translates sentences.

        Args:
            sentences: Of the source language, of any length; an empty one stays so.
            beams: Beams of the search; the model's own by default; 1 is greedy search.
            length_penalty: As of `decoding.beam_search`, with beams; the model's own by
                default.

        Returns:
            A sentence for each, of `max_length` subwords at most.

        Raises:
            UserError: One is no string, or an argument is out of range.
        """
        search = search_arguments(beams, length_penalty, self.config["beams"])
        run = self._search_of(*search)
        return self.pieces.translate(run, sentences)

    def attention(
        self, sentences: Sequence[str]
    ) -> list[tuple[str, list[str], list[str], np.ndarray]]:
        """Translations with what each word saw.

        Args:
            sentences: As of `translate`.

        Returns:
            For each its translation, the words of the source and those of the
            translation, and weights `(words, source words)`, float32: the share of its
            attention that each word, the mean of its subwords, gave to each.

        Raises:
            UserError: One is no string, or the model does not attend.
        """
        if not self.attends:
            raise UserError(f"{self.name} does not attend to the words of the source")
        return self.pieces.attention(self._search_of(None, None), sentences)

    def _search_of(self, beams, length_penalty):
        """`serve`'s arrays of source ids, as a function compiled once."""
        key = beams, length_penalty
        if key not in self._searches:
            spec = tf.TensorSpec((None, None), tf.int32)
            self._searches[key] = compiled(
                lambda source: self.search(source, *key), [spec]
            )
        search = self._searches[key]
        return lambda inputs: {
            name: value.numpy()
            for name, value in search(tf.constant(inputs["source"])).items()
        }

    def runtime_task(self) -> dict[str, Any]:
        return {"kind": "translation"}

    # For export and tests.

    def served_inputs(self) -> dict[str, tf.TensorSpec]:
        """`source` alone: the translation is what is asked for."""
        return {"source": tf.TensorSpec((None, None), tf.int32, "source")}

    def served_examples(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random sources; the first row has no padding."""
        return {"source": self.example_inputs(batch, length, seed)["source"]}

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random sources and translations; the first row has no padding."""
        targets = self.example_targets(batch, length, seed)
        words = np.where(targets < 0, PADDING, targets + FIRST_WRITTEN)
        words = np.where(words == END, PADDING, words)
        start = np.full((batch, 1), START)
        source = self._example_rows(batch, length, np.random.default_rng(seed + 1000))
        return {
            "source": np.where(source < 0, PADDING, source).astype("int32"),
            "tokens": np.concatenate([start, words[:, :-1]], 1).astype("int32"),
        }

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """The subwords of `example_inputs` one place earlier, an end, -1 behind it."""
        rows = self._example_rows(batch, length, np.random.default_rng(seed))
        return np.where(rows < 0, -1, rows - FIRST_WRITTEN).astype("int32")

    def _example_rows(self, batch, length, rng):
        last = len(self.config["vocabulary"]) + FIRST_WRITTEN
        return random_sentences(rng, batch, length, range(END + 1, last + 1), END)


def translator_arguments(
    *,
    vocabulary: Sequence[str],
    embedding_size: int,
    dropout: float,
    max_length: int,
    beams: int,
    length_penalty: float,
) -> dict[str, Any]:
    """The arguments that all translators have, checked.

    Args:
        vocabulary: The subwords of both languages; the first has id 4.
        embedding_size: Size of the embedding.
        dropout: Dropout rate of the vectors and of the network's output.
        max_length: Subwords of a translation at most, its end among them.
        beams: Beams of the search that `serve` makes, 256 at most; 1 is greedy search.
        length_penalty: As of `decoding.beam_search`.

    Raises:
        UserError: One is wrong.
    """
    return {
        "vocabulary": different_strings(
            "vocabulary", strings("vocabulary", vocabulary)
        ),
        "embedding_size": positive_integer("embedding_size", embedding_size),
        "dropout": rate("dropout", dropout),
        "max_length": positive_integer("max_length", max_length),
        "beams": beam_count(beams),
        "length_penalty": number_from_0("length_penalty", length_penalty),
    }


def _logits(parts: dict, source: Any, tokens: Any) -> Any:
    """Teacher forcing: from source and subwords before each one to its logits."""
    encoded = _encoded(parts, source)
    words = parts["drop"](_vectors(parts, tokens))
    outputs = parts["drop"](parts["network"].decode(encoded, words))
    return parts["logits"](parts["words"](outputs, reverse=True))


def _encoded(parts: dict, source: Any) -> list:
    vectors = parts["drop"](_vectors(parts, source))
    return parts["network"].encode(vectors, _mask(source))


def _vectors(parts: dict, ids: Any) -> Any:
    words = parts["words"]
    known = ops.logical_and(ids >= 0, ids < words.input_dim)
    return words(ops.where(known, ids, UNKNOWN)) * parts["network"].scale


def _mask(source: Any) -> Any:
    return ops.cast(ops.not_equal(source, PADDING), "float32")
