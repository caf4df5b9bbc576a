"""What a translator asks of the network between its embeddings."""

import abc
from collections.abc import Sequence
from typing import Any

import keras


class Network(abc.ABC):
    """An encoder and a decoder over vectors of subwords; its methods call its layers.

    Attributes:
        layers: Its layers.
        attends: Whether a step gives weights of the source steps.
        initializer: Of the embedding.
        scale: What the embedding's vectors are multiplied by.
    """

    layers: Sequence[keras.layers.Layer]
    attends: bool
    initializer: keras.initializers.Initializer
    scale: float = 1.0

    @abc.abstractmethod
    def encode(self, source: Any, mask: Any) -> list:
        """What the decoder reads of source vectors `(batch, source_steps, size)`.

        `mask` is `(batch, source_steps)`, floats, 1 where there is a step.
        """

    @abc.abstractmethod
    def decode(self, encoded: list, words: Any) -> Any:
        """Outputs `(batch, length, size)` for the words before each one."""

    @abc.abstractmethod
    def begin(self, encoded: list, max_length: int) -> tuple[list, list]:
        """What is the same for all words, and the states before the first.

        All are tensors `(batch, ...)`.
        """

    @abc.abstractmethod
    def follow(self, word: Any, states: list, fixed: list) -> tuple[Any, list, Any]:
        """One word `(rows, size)` on: `(output, states, weights of the source)`."""
