"""Series of measurements to classes: sensors, coefficients of sound, pen traces."""

import numbers
from collections.abc import Sequence
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from keras_seqzoo.arguments import (
    layer_count,
    natural_number,
    positive_integer,
    text,
    truth,
)
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.errors import UserError
from keras_seqzoo.layers.attention_pooling import AttentionPooling
from keras_seqzoo.models.compiled import compiled
from keras_seqzoo.models.example_rows import random_series
from keras_seqzoo.models.labels import label_names
from keras_seqzoo.models.recurrent_body import checked_cell_arguments, recurrent_body
from keras_seqzoo.models.streamed_step import streamed_step
from keras_seqzoo.models.zoo_model import ZooModel
from keras_seqzoo.registry import register
from keras_seqzoo.runtime.arrays import shape_of
from keras_seqzoo.runtime.series import SeriesStream, checked_series
from keras_seqzoo.streaming import NotStreamable


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SeriesClassifier(ZooModel):
    """Normalised channels, a recurrent stack, a class.

    One direction answers at every step, and the last answer is the series'; both
    directions may begin with a convolution, and attention over the steps makes one
    answer.

    Args:
        channels: The channels' names, in the order of their columns.
        mean: Of each channel; 0 by default.
        deviation: Standard deviation of each channel; 1 by default.
        labels: The classes' names, in the order of their ids.
        num_classes: Number of classes, instead of `labels`.
        sample_rate: Steps in a second, in Hz; None if steps are no time.
        cell: Name of the recurrent cell, as in `layers.recurrent_layer`.
        units: Units of each recurrent layer and direction.
        num_layers: Number of recurrent layers.
        bidirectional: Whether the stack reads the series both ways.
        change_scale: If given, the changes from step to step are channels too: their
            logarithms, sign(c) log(1 + |c| / change_scale), so that a tremor shows
            beside a stride. In the channels' unit; only with both directions.
        convolution_filters: Filters of a convolution before the stack, of width 5 over
            every second step; 0 for none. Only with both directions.
        attention_units: Size of the attention's hidden layer, with both directions.
        dropout: Dropout rate between the recurrent layers (one mask for all steps) and
            before the head.
        cell_arguments: Further arguments of the recurrent layers.
        name: The model's name.

    Input: `{"series": (batch, time, channels)}`, float32; a step whose channels all are
    exactly 0 is padding. Output: logits, `(batch, time, num_classes)` in one direction,
    `(batch, num_classes)` in both.

    Source: recurrent networks on wearable sensors, Hammerla et al. 2016, Deep,
    Convolutional, and Recurrent Models for Human Activity Recognition using Wearables,
    arXiv 1604.08880; attention pooling of Yang et al. 2016.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ("channels", "labels")
    head_layers: ClassVar[tuple[str, ...]] = ("head",)
    task: ClassVar[str] = "series_classification"
    label_unit: ClassVar[str] = "series"

    def __init__(
        self,
        *,
        channels: Sequence[str] = ("x", "y", "z"),
        mean: Sequence[float] | None = None,
        deviation: Sequence[float] | None = None,
        labels: Sequence[str] | None = None,
        num_classes: int | None = None,
        sample_rate: float | None = None,
        cell: str = "peephole_lstm",
        units: int = 64,
        num_layers: int = 2,
        bidirectional: bool = True,
        change_scale: float | None = None,
        convolution_filters: int = 0,
        attention_units: int = 32,
        dropout: float = 0.3,
        cell_arguments: dict | None = None,
        name: str | None = "series_classifier",
    ) -> None:
        channels = label_names(channels, None)
        mean = _numbers("mean", mean, 0.0, len(channels))
        deviation = _numbers("deviation", deviation, 1.0, len(channels))
        labels = label_names(labels, num_classes)
        cell = text("cell", cell)
        units = positive_integer("units", units)
        num_layers = layer_count(num_layers)
        bidirectional = truth("bidirectional", bidirectional)
        change_scale = _scale(change_scale)
        convolution_filters = natural_number("convolution_filters", convolution_filters)
        for key, value, none in (
            ("convolution_filters", convolution_filters, 0),
            ("change_scale", change_scale, None),
        ):
            if value and not bidirectional:
                raise UserError(
                    f"`{key}` must be {none} in one direction, which reads step by "
                    f"step. Received: {key}={value}"
                )
        attention_units = positive_integer("attention_units", attention_units)
        dropout = rate("dropout", dropout)
        cell_arguments = checked_cell_arguments(cell_arguments)

        series = keras.Input((None, len(channels)), name="series")
        mask = ops.any(ops.not_equal(series, 0.0), axis=-1)  # (batch, time)
        x = keras.layers.Normalization(
            mean=mean, variance=np.square(deviation), name="normalization"
        )(series)
        if change_scale:
            x = ops.concatenate([x, _changes(series, change_scale)], axis=-1)
        x = x * ops.cast(mask, x.dtype)[..., None]  # padding stays 0, for convolutions
        if convolution_filters:
            # (What "same" adds depends on the length, and so would the answer.)
            x = keras.layers.ZeroPadding1D(2, name="convolution_padding")(x)
            x = keras.layers.Conv1D(
                convolution_filters,
                5,
                strides=2,
                activation="relu",
                name="convolution",
            )(x)
            mask = mask[:, ::2]
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
        if bidirectional:
            x, _ = AttentionPooling(attention_units, name="attention")(x, mask=mask)
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
        logits = keras.layers.Dense(len(labels), name="head")(x)
        super().__init__(inputs=[series], outputs=logits, name=name)

        self.channels = list(channels)
        self.labels = list(labels)
        self.sample_rate = sample_rate
        self.config = {
            "channels": channels,
            "mean": mean,
            "deviation": deviation,
            "labels": labels,
            "sample_rate": sample_rate,
            "cell": cell,
            "units": units,
            "num_layers": num_layers,
            "bidirectional": bidirectional,
            "change_scale": change_scale,
            "convolution_filters": convolution_filters,
            "attention_units": attention_units,
            "dropout": dropout,
            "cell_arguments": cell_arguments,
        }
        spec = tf.TensorSpec((None, None, len(channels)), tf.float32)
        self._classify = compiled(lambda series: self.serve({"series": series}), [spec])
        self._step = None

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """Keras' own, of series `(batch, time, channels)`; see there.

        Raises:
            UserError: The series are an array of another shape.
        """
        series = x.get("series") if isinstance(x, dict) else x
        shape, channels = getattr(series, "shape", None), len(self.channels)
        if shape is not None and (len(shape) != 3 or shape[-1] != channels):
            raise UserError(
                f"x must be an array (batch, time, {channels}) of "
                f"{', '.join(self.channels)}. {shape_of(series)}"
            )
        return super().predict(x, *args, **kwargs)

    def predict_series(self, series: Sequence[np.ndarray]) -> list[tuple[str, float]]:
        """Classify series of any lengths.

        Args:
            series: Arrays `(time, channels)`.

        Returns:
            For each its (label, probability).

        Raises:
            UserError: One is no such array, has no step, or holds no number.
        """
        found = []
        for array in checked_series(series, self.channels):
            result = self._classify(array[None])
            label = self.labels[int(result["labels"][0])]
            found.append((label, float(np.max(result["probabilities"][0]))))
        return found

    def stream(self) -> SeriesStream:
        """The series as its samples come, one or several at a time: the class by now.

        Returns:
            A function of the next sample `(channels,)`, or the next samples `(time,
            channels)`, which returns the (label, probability) by then: after a whole
            series that of `predict_series`.

        Raises:
            UserError: for a classifier of both directions, which waits for the end.
        """
        if self._step is None:  # once: making it takes seconds
            try:
                self._step = streamed_step(self)
            except NotStreamable as error:
                raise UserError(
                    f"A series classifier must read in one direction to stream: {error}"
                    ". Use predict_series, or a classifier with bidirectional=False."
                ) from error
        return SeriesStream(self._step, self.labels, self.channels)

    def runtime_task(self) -> dict[str, Any]:
        return {
            "kind": "series_classification",
            "sample_rate": self.sample_rate,
        }

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Series to `labels` (batch,) int32, `probabilities` and `scores`.

        Probabilities and scores, the logits, are `(batch, num_classes)`: of one
        direction those of the last step, so that in a stream they are those by now.
        """
        scores = self(inputs, training=False)
        if not self.config["bidirectional"]:
            scores = scores[:, -1]  # a masked step repeats the one before
        return {
            "labels": ops.cast(ops.argmax(scores, axis=-1), "int32"),
            "probabilities": ops.softmax(scores),
            "scores": scores,
        }

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random series of several lengths, zeros behind them."""
        rng = np.random.default_rng(seed)
        return {"series": random_series(rng, batch, length, len(self.channels))}

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """Whether the first number of each row of `example_inputs` is positive."""
        series = self.example_inputs(batch, length, seed)["series"]
        targets = (series[:, 0, 0] > 0).astype(int) % len(self.labels)
        if self.config["bidirectional"]:
            return targets
        there = (series != 0).any(axis=-1)
        return np.where(there, targets[:, None], -1)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {
            "channels": ["x", "y"],
            "mean": [0.1, -0.2],
            "deviation": [1.5, 0.5],
            "labels": ["still", "moving"],
            "units": 8,
            "num_layers": 2,
            "attention_units": 4,
        }


def _scale(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, numbers.Real) or not value > 0:
        raise UserError(
            "`change_scale` must be a number above 0 or None. "
            f"Received: change_scale={value!r}"
        )
    return float(value)


def _changes(series: Any, scale: float) -> Any:
    """Logarithms of the changes to each step from the one before, 0 at the first."""
    changes = series[:, 1:] - series[:, :-1]
    changes = ops.pad(changes, [[0, 0], [1, 0], [0, 0]])
    return ops.sign(changes) * ops.log(1.0 + ops.abs(changes) / scale)


def _numbers(name: str, value: Any, default: float, count: int) -> list[float]:
    if value is None:
        return [default] * count
    try:
        numbers = [float(one) for one in value]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise UserError(
            f"`{name}` must be a number for each of the {count} channels. "
            f"Received: {name}={value!r}"
        )
    return numbers


@register(pattern="many_to_one", cell="gru")
def bi_gru_series(**overrides: Any) -> SeriesClassifier:
    """Series classifier of GRUs (Cho et al. 2014), both directions."""
    return SeriesClassifier(**{"cell": "gru", **overrides})


@register(pattern="many_to_one", cell="peephole_lstm")
def bi_peephole_series(**overrides: Any) -> SeriesClassifier:
    """Series classifier of peephole LSTMs (Gers & Schmidhuber 2000), both ways."""
    return SeriesClassifier(**{"cell": "peephole_lstm", **overrides})


@register(pattern="many_to_one", cell="coupled_lstm")
def coupled_lstm_series(**overrides: Any) -> SeriesClassifier:
    """Series classifier of coupled LSTMs (Greff et al. 2015), one direction."""
    return SeriesClassifier(
        **{"cell": "coupled_lstm", "bidirectional": False, **overrides}
    )


@register(pattern="many_to_one", cell="clockwork_rnn")
def clockwork_rnn_series(**overrides: Any) -> SeriesClassifier:
    """Series classifier of clockwork RNNs (Koutník et al. 2014), one direction."""
    return SeriesClassifier(
        **{"cell": "clockwork_rnn", "bidirectional": False, **overrides}
    )
