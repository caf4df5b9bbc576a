"""The end of a model that scores words by the embedding that it reads them with."""

from typing import Any

import keras


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class EntryLogits(keras.layers.Layer):
    """Logits of some entries of an embedding: of what can be written, with a bias.

    Args:
        first: The first of the entries.
        count: How many they are.

    Call: scores of all entries `(..., entries)`, as
    `keras.layers.ReversibleEmbedding` gives them. Returns `(..., count)`.
    """

    def __init__(self, first: int, count: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first, self.count = first, count

    def build(self, input_shape: tuple) -> None:
        self.bias = self.add_weight(
            name="bias", shape=(self.count,), initializer="zeros"
        )

    def call(self, scores: Any) -> Any:
        return scores[..., self.first : self.first + self.count] + self.bias

    def compute_output_shape(self, input_shape: tuple) -> tuple:
        return *input_shape[:-1], self.count

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "first": self.first, "count": self.count}
