"""Sound, or frames of features, to words or characters."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_seqzoo.arguments import (
    beam_count,
    layer_count,
    listed,
    natural_number,
    number,
    number_from_0,
    positive_integer,
    strings,
    text,
    truth,
)
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.decoding.ctc_prefix_beam import ctc_prefix_beam
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.ctc import CTC, CTCLoss, wrong_targets_as_error
from keras_seqzoo.layers.feature_normalization import (
    FeatureNormalization,
    normalized_utterance,
)
from keras_seqzoo.layers.new_labels import NewLabels
from keras_seqzoo.layers.spec_augment import RandomLoudness, SpecAugment
from keras_seqzoo.models.ctc.frame_convolutions import frame_convolutions
from keras_seqzoo.models.example_rows import random_padding, random_series
from keras_seqzoo.models.labels import label_names
from keras_seqzoo.models.recurrent_body import checked_cell_arguments, recurrent_body
from keras_seqzoo.models.streamed_step import streamed_step
from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.preprocessing.speech_frames import SpeechFrames
from keras_seqzoo.preprocessing.white_space import single_spaced
from keras_seqzoo.registry import register
from keras_seqzoo.runtime.ngram import NGram
from keras_seqzoo.runtime.speech import Recogniser, SpeechStream, Transcripts


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SpeechRecogniser(Recogniser, ZooModel):
    """Log-mel frames, convolutions, a recurrent stack, and CTC over labels.

    Args:
        labels: Words or characters, in the order of their numbers.
        num_classes: Number of labels, instead of `labels`.
        separator: What stands between two labels of a text: " " of words, "" of
            characters.
        sample_rate: Samples a second of what is heard, in Hz; None for a model that
            starts at frames of features which others computed.
        features: Bands of the log-mel front end, or features of a given frame.
        window_ms: Length of a frame's window, in milliseconds.
        hop_ms: From one frame to the next, in milliseconds.
        utterance_normalization: Whether each utterance's features get mean 0 and
            deviation 1, not those of the training set; only with both directions.
        input_noise: Deviation of the noise on normalised features in training.
        loudness: Decibels by which training makes sounds louder or softer at most.
        frequency_mask: Features that each of two masks hides in training at most.
        time_mask: Frames that each of two masks hides in training at most.
        time_warp: As of `layers.SpecAugment`.
        convolution_filters: Filters of the convolutions before the stack, each of
            width 5 and normalised; with both directions only.
        convolution_strides: Of each of them; none by default.
        cell: Name of the recurrent cell, as in `layers.recurrent_layer`.
        units: Units of each recurrent layer and direction.
        num_layers: Number of recurrent layers.
        bidirectional: Whether the stack reads both ways; if not, what is said depends
            on what was heard until then, and sound can be streamed.
        dropout: Dropout rate of the convolutions, between the recurrent layers (one
            mask for all steps) and before the head.
        cell_arguments: Further arguments of the recurrent layers.
        beams: Prefixes that the search follows, 256 at most; 1 takes the best path.
        language_model: Lines of an ARPA file with the labels as words (a space is
            `<space>`), for the search with beams; none by default.
        language_weight, label_bonus: As of `decoding.ctc_prefix_beam`.
        name: The model's name.

    Input: `{"frames": (batch, time, features)}`, float32, as `front_end` makes them of
    samples; a frame whose features all are exactly 0 is padding. Output: logits
    `(batch, steps, 1 + num_classes)` of the blank and each label, as `layers.CTC`.

    Source: Graves et al. 2006, Connectionist Temporal Classification (peephole LSTMs
    both ways, noise on the input), with convolutions before them, as Amodei et al.
    2015, Deep Speech 2, arXiv 1512.02595.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ("labels", "language_model")
    head_layers: ClassVar[tuple[str, ...]] = ("head",)
    task: ClassVar[str] = "speech_recognition"
    label_unit: ClassVar[str] = "steps"
    searched_outputs: ClassVar[tuple[str, ...]] = ("labels",)

    def __init__(
        self,
        *,
        labels: Sequence[str] | None = None,
        num_classes: int | None = None,
        separator: str = " ",
        sample_rate: int | None = 8000,
        features: int = 40,
        window_ms: float = 25.0,
        hop_ms: float = 10.0,
        utterance_normalization: bool = False,
        input_noise: float = 0.0,
        loudness: float = 0.0,
        frequency_mask: int = 0,
        time_mask: int = 0,
        time_warp: float = 0.0,
        convolution_filters: int = 64,
        convolution_strides: Sequence[int] = (),
        cell: str = "peephole_lstm",
        units: int = 128,
        num_layers: int = 2,
        bidirectional: bool = True,
        dropout: float = 0.3,
        cell_arguments: dict | None = None,
        beams: int = 1,
        language_model: Sequence[str] = (),
        language_weight: float = 1.0,
        label_bonus: float = 0.0,
        name: str | None = "speech_recogniser",
    ) -> None:
        # Arguments
        labels = label_names(labels, num_classes)
        separator = text("separator", separator)
        features = positive_integer("features", features)
        utterance_normalization = truth(
            "utterance_normalization", utterance_normalization
        )
        input_noise = number_from_0("input_noise", input_noise)
        loudness = number_from_0("loudness", loudness)
        frequency_mask = natural_number("frequency_mask", frequency_mask)
        time_mask = natural_number("time_mask", time_mask)
        time_warp = number_from_0("time_warp", time_warp)
        convolution_filters = natural_number("convolution_filters", convolution_filters)
        strides = listed("convolution_strides", convolution_strides, "integers")
        strides = [positive_integer("convolution_strides", one) for one in strides]
        cell = text("cell", cell)
        units = positive_integer("units", units)
        num_layers = layer_count(num_layers)
        bidirectional = truth("bidirectional", bidirectional)
        for key, value, none in (
            ("convolution_strides", strides, []),
            ("utterance_normalization", utterance_normalization, False),
        ):
            if value and not bidirectional:
                raise UserError(
                    f"`{key}` must be {none} in one direction, which hears step by "
                    f"step. Received: {key}={value}"
                )
        if loudness and (sample_rate is None or utterance_normalization):
            raise UserError(
                "`loudness` must be 0 of a model without a front end, or that "
                f"normalises each utterance. Received: loudness={loudness}"
            )
        dropout = rate("dropout", dropout)
        cell_arguments = checked_cell_arguments(cell_arguments)
        beams = beam_count(beams)
        language_model = strings("language_model", language_model)
        language_weight = number("language_weight", language_weight)
        label_bonus = number("label_bonus", label_bonus)
        log_mel = sample_rate and SpeechFrames(
            sample_rate,
            causal=not bidirectional,
            bands=features,
            window_ms=window_ms,
            hop_ms=hop_ms,
            name="log_mel",
        )

        # Functional graph
        frames = keras.Input((None, features), name="frames")
        mask = ops.any(ops.not_equal(frames, 0.0), axis=-1)  # (batch, time)
        if utterance_normalization:
            x = normalized_utterance(frames, mask)
        else:
            x = frames
            if log_mel:
                x = RandomLoudness(loudness, log_mel.floor, name="loudness")(x)
            x = FeatureNormalization(name="normalization")(x)
        x = SpecAugment(frequency_mask, time_mask, time_warp=time_warp, name="masks")(
            x, mask=mask
        )
        x = keras.layers.GaussianNoise(input_noise, name="input_noise")(x)
        x = x * ops.cast(mask, x.dtype)[..., None]  # padding stays 0, for convolutions
        x, mask = frame_convolutions(x, mask, convolution_filters, strides, dropout)
        x = recurrent_body(
            x,
            mask,
            cell=cell,
            units=units,
            num_layers=num_layers,
            bidirectional=bidirectional,
            dropout=dropout,
            cell_arguments=cell_arguments,
        )
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
        logits = CTC(len(labels), name="head")(x, mask=mask)
        super().__init__(inputs=[frames], outputs=logits, name=name)

        # Configuration
        self.labels = list(labels)
        self.log_mel = log_mel
        self.new_labels = NewLabels(name="new_labels")
        self.ngram = NGram(language_model, labels) if language_model else None
        self.transcripts = Transcripts(labels, separator)
        self.sample_rate, self.features = sample_rate, features
        self.streamed_unit = log_mel.hop if log_mel else 1
        self.config = {
            "labels": labels,
            "separator": separator,
            "sample_rate": sample_rate,
            "features": features,
            "window_ms": window_ms,
            "hop_ms": hop_ms,
            "utterance_normalization": utterance_normalization,
            "input_noise": input_noise,
            "loudness": loudness,
            "frequency_mask": frequency_mask,
            "time_mask": time_mask,
            "time_warp": time_warp,
            "convolution_filters": convolution_filters,
            "convolution_strides": strides,
            "cell": cell,
            "units": units,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "dropout": dropout,
            "cell_arguments": cell_arguments,
            "beams": beams,
            "language_model": language_model,
            "language_weight": language_weight,
            "label_bonus": label_bonus,
        }
        self.hears_on = hears_on(self.config)
        inputs = self.served_inputs()
        specs = {k: tf.TensorSpec(x.shape, x.dtype) for k, x in inputs.items()}
        self._step = None
        self._recognise = tf.function(self.serve, input_signature=[specs])

    def steps(self, frames: int) -> int:
        """The steps in which so many frames are answered."""
        for stride in self.config["convolution_strides"]:
            frames = -(-frames // stride)
        return frames

    @functools.wraps(keras.Model.fit)
    def fit(self, *args: Any, **kwargs: Any) -> keras.callbacks.History:
        with wrong_targets_as_error():
            return super().fit(*args, **kwargs)

    @functools.wraps(keras.Model.evaluate)
    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        with wrong_targets_as_error():
            return super().evaluate(*args, **kwargs)

    # From sound to labels, in the graph.

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Sound, or frames, to labels.

        Args:
            inputs: `samples` (batch, samples), float32 in [-1, 1], zeros behind the
                last one being padding; of a model without a front end `frames`.

        Returns:
            `labels` (batch, steps) int32: the numbers of what is said in its order, -1
            anywhere else; of the best path each is at the step where it begins.
            `scores`, the logits (batch, steps, 1 + num_classes). With beams besides
            `log_probability` (batch,), as of `decoding.ctc_prefix_beam`.
        """
        if self.log_mel:
            inputs = {"frames": self.log_mel(inputs["samples"])}
        scores = self(inputs, training=False)
        if self.config["beams"] == 1:
            return {"labels": self.new_labels(scores), "scores": scores}
        labels, log_p = ctc_prefix_beam(
            scores,
            self.config["beams"],
            self.ngram,
            self.config["language_weight"],
            self.config["label_bonus"],
        )
        return {"labels": labels, "scores": scores, "log_probability": log_p}

    def serve_text(self, sound: Any) -> dict[str, Any]:
        """As `serve`, of its input alone, with strings `text` (batch,) besides."""
        (name,) = self.served_inputs()
        result = self.serve({name: sound})
        labels = result["labels"]
        numbers = tf.ragged.boolean_mask(labels, labels >= 0)
        said = tf.ragged.map_flat_values(lambda i: tf.gather(self.labels, i), numbers)
        said = tf.strings.reduce_join(said, axis=1, separator=self.config["separator"])
        return {**result, "text": single_spaced(said)}

    # For users: see `Recogniser`.

    def _answer(self, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        answer = self._recognise({k: tf.constant(x) for k, x in inputs.items()})
        return {name: value.numpy() for name, value in answer.items()}

    def stream(self) -> SpeechStream:
        """A function of the next chunk of sound, of which it tells the text.

        Raises:
            UserError: for a model that reads both ways, starts at frames or searches
                with beams.
        """
        if not self.hears_on:
            raise UserError(
                "A speech recogniser must read in one direction, hear sound and have "
                f"beams=1 to stream. Received: {self.architecture or self.name}, "
                f"sample_rate={self.sample_rate}, beams={self.config['beams']}"
            )
        if self._step is None:  # once: making it takes seconds
            self._step = streamed_step(self)
        return SpeechStream(
            self._step,
            self.log_mel.hop,
            self.log_mel.window,
            self.sample_rate,
            self.transcripts,
        )

    def runtime_task(self) -> dict[str, Any]:
        return {
            "kind": "speech_recognition",
            "separator": self.config["separator"],
            "sample_rate": self.sample_rate,
            "features": self.features,
            "hop": self.log_mel.hop if self.log_mel else None,
            "window": self.log_mel.window if self.log_mel else None,
        }

    # For export and tests.

    def served_inputs(self) -> dict[str, Any]:
        """`samples`, or of a model without a front end its `frames`."""
        if not self.log_mel:
            return super().served_inputs()
        return {"samples": tf.TensorSpec((None, None), tf.float32, "samples")}

    def text_input(self) -> Any:
        """Sound, or frames: what is written down is text alone in the answer."""
        (sound,) = self.served_inputs().values()
        return sound

    def served_examples(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random sounds of `length` frames, or frames.

        In one direction none is padded: a stream hears zeros as silence.
        """
        if not self.log_mel:
            return self.example_inputs(batch, length, seed)
        rng = np.random.default_rng(seed)
        size = length * self.log_mel.hop + self.log_mel.window * (not self.hears_on)
        samples = rng.uniform(-0.5, 0.5, (batch, size))
        if not self.hears_on:
            samples[random_padding(rng, batch, size)] = 0.0
        return {"samples": samples.astype("float32")}

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random frames of several lengths, zeros behind them."""
        rng = np.random.default_rng(seed)
        return {"frames": random_series(rng, batch, length, self.features)}

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """A label of each row: whether its first feature is positive at first."""
        frames = self.example_inputs(batch, length, seed)["frames"]
        first = (frames[:, 0, 0] > 0).astype("int32")
        return (first % len(self.labels))[:, None]

    def example_loss(self) -> keras.losses.Loss:
        return CTCLoss()

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {
            "labels": ["yes", "no", "go"],
            "sample_rate": 1000,
            "features": 4,
            "window_ms": 32.0,
            "hop_ms": 16.0,
            "input_noise": 0.1,
            "loudness": 3.0,
            "frequency_mask": 1,
            "time_mask": 2,
            "units": 8,
            "num_layers": 2,
        }


def hears_on(config: Mapping[str, Any]) -> bool:
    """Whether a recogniser of these arguments can say what it hears while it does."""
    starts_at_sound = config["sample_rate"] is not None
    return starts_at_sound and not config["bidirectional"] and config["beams"] == 1


@register(pattern="ctc", cell="peephole_lstm")
def bi_peephole_speech(**overrides: Any) -> SpeechRecogniser:
    """Speech recogniser of peephole LSTMs (Gers & Schmidhuber 2000), both ways."""
    return SpeechRecogniser(**{"cell": "peephole_lstm", **overrides})


@register(pattern="ctc", cell="coupled_lstm")
def coupled_lstm_speech(**overrides: Any) -> SpeechRecogniser:
    """Speech recogniser of coupled LSTMs (Greff et al. 2015), one direction."""
    return SpeechRecogniser(
        **{"cell": "coupled_lstm", "bidirectional": False, **overrides}
    )
