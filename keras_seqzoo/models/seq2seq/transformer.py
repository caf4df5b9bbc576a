"""The Transformer: translation by attention alone."""

from collections.abc import Sequence
from typing import Any, ClassVar

import keras
from keras import ops

from keras_seqzoo.arguments import layer_count, positive_integer, truth
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.transformer_blocks import (
    TransformerDecoderBlock,
    TransformerEncoderBlock,
    positions,
)
from keras_seqzoo.models.seq2seq.network import Network
from keras_seqzoo.models.seq2seq.translator import Translator, translator_arguments
from keras_seqzoo.registry import register


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class Transformer(Translator):
    """Encoder and decoder of self-attention, as small as little data asks for.

    Args:
        vocabulary, embedding_size, dropout, max_length, beams,
            length_penalty: As of `translator_arguments`; the embedding's size is that
            of all vectors, even and a multiple of the heads.
        num_layers: Blocks of the encoder, and as many of the decoder.
        heads: Heads of the attention.
        hidden_size: Of the blocks' hidden dense layer.
        pre_norm: Whether the norms stand before the sub-layers, with one more at the
            end, or after the sums, as in the paper.
        name: The model's name.

    Input and output: those of `Translator`.

    Source: Vaswani et al. 2017, Attention Is All You Need, arXiv 1706.03762; pre-norm:
    Xiong et al. 2020, arXiv 2002.04745.
    """

    def __init__(
        self,
        *,
        vocabulary: Sequence[str] = (),
        embedding_size: int = 128,
        num_layers: int = 4,
        heads: int = 4,
        hidden_size: int = 256,
        pre_norm: bool = True,
        dropout: float = 0.3,
        max_length: int = 80,
        beams: int = 4,
        length_penalty: float = 1.0,
        name: str | None = "transformer",
    ) -> None:
        config = {
            **translator_arguments(
                vocabulary=vocabulary,
                embedding_size=embedding_size,
                dropout=dropout,
                max_length=max_length,
                beams=beams,
                length_penalty=length_penalty,
            ),
            "num_layers": layer_count(num_layers),
            "heads": positive_integer("heads", heads),
            "hidden_size": positive_integer("hidden_size", hidden_size),
            "pre_norm": truth("pre_norm", pre_norm),
        }
        if embedding_size % heads or embedding_size % 2:
            raise UserError(
                f"`embedding_size` must be even and a multiple of the {heads} heads. "
                f"Received: embedding_size={embedding_size}"
            )
        super().__init__(TransformerNetwork(config), config, name)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {
            "vocabulary": [" a", " dog", " ein", " Hund", "s", "."],
            "embedding_size": 8,
            "num_layers": 1,
            "heads": 2,
            "hidden_size": 6,
            "max_length": 5,
            "beams": 2,
        }


class TransformerNetwork(Network):
    """The layers of a `Transformer`.

    Args:
        config: Its arguments.
    """

    attends: ClassVar[bool] = True

    def __init__(self, config: dict[str, Any]) -> None:
        self.size = config["embedding_size"]
        self.scale = self.size**0.5
        self.initializer = keras.initializers.RandomNormal(stddev=1 / self.scale)
        arguments = {
            "size": self.size,
            "heads": config["heads"],
            "hidden_size": config["hidden_size"],
            "dropout": config["dropout"],
            "pre_norm": config["pre_norm"],
        }
        count = range(config["num_layers"])
        self.place = AddPositions(name="positions")
        self.encoder = [
            TransformerEncoderBlock(**arguments, name=f"encoder_{i}") for i in count
        ]
        self.decoder = [
            TransformerDecoderBlock(**arguments, name=f"decoder_{i}") for i in count
        ]
        self.encoder_norm = self.decoder_norm = keras.layers.Identity(name="no_norm")
        if config["pre_norm"]:
            self.encoder_norm, self.decoder_norm = (
                keras.layers.LayerNormalization(epsilon=1e-5, name=f"{part}_norm")
                for part in ("encoder", "decoder")
            )

    def encode(self, source: Any, mask: Any) -> list:
        x = self.place(source)
        for block in self.encoder:
            x = block(x, mask)
        return [self.encoder_norm(x), mask]

    def decode(self, encoded: list, words: Any) -> Any:
        x = self.place(words)
        for block in self.decoder:
            x = block(x, *encoded)
        return self.decoder_norm(x)

    def begin(self, encoded: list, max_length: int) -> tuple[list, list]:
        source, mask = encoded
        fixed = [block.source_keys_values(source) for block in self.decoder]
        none = ops.zeros_like(fixed[0][0][:, :, :1])  # (batch, heads, 1, d)
        none = none + ops.zeros((1, 1, max_length, 1), none.dtype)
        time = ops.zeros_like(mask[:, :1])  # (batch, 1)
        return [fixed, mask], [*[none] * (2 * len(self.decoder)), time]

    def follow(self, word: Any, states: list, fixed: list) -> tuple[Any, list, Any]:
        fixed, mask = fixed
        *kept, time = states
        place = ops.arange(kept[0].shape[2], dtype="float32")[None, :]
        now = ops.cast(ops.equal(place, time), "float32")[:, None, :, None]
        before = ops.cast(place <= time, "float32")[:, None, None, :]
        mask = mask[:, None, None, :]
        x = word + positions(time[:, 0], self.size)  # (rows, size)
        after, found = [], []
        for i, block in enumerate(self.decoder):
            new = block.keys_values(x)  # each (rows, heads, 1, d)
            own = [
                old * (1.0 - now) + one * now
                for old, one in zip(kept[2 * i : 2 * i + 2], new)
            ]
            x, weights = block.attend(x, (*own, before), (*fixed[i], mask))
            after += own
            found.append(weights)  # (rows, heads, source_steps)
        output = self.decoder_norm(x)
        # Heads and blocks look at different things: what is shown is their mean.
        weights = ops.mean(ops.concatenate(found, axis=1), axis=1)
        return output, [*after, time + 1.0], weights


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class AddPositions(keras.layers.Layer):
    """`x_t + positions(t)` of sequences `(batch, steps, size)` of any length.

    Source: Vaswani et al. 2017, arXiv 1706.03762, section 3.5.
    """

    def call(self, x: Any) -> Any:
        place = ops.arange(ops.shape(x)[1], dtype="float32")
        return x + ops.cast(positions(place, x.shape[-1]), x.dtype)

    def compute_output_shape(self, x_shape: tuple) -> tuple:
        return tuple(x_shape)


@register(pattern="seq2seq", cell="self_attention")
def transformer(**overrides: Any) -> Transformer:
    """Translation by attention alone (Vaswani et al. 2017)."""
    return Transformer(**overrides)
