"""Polyphonic music: from the steps of a piano roll the notes of the next one."""

from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from keras_seqzoo.arguments import layer_count, natural_number, positive_integer, text
from keras_seqzoo.cells.recurrent_cell import rate
from keras_seqzoo.models.example_rows import random_padding
from keras_seqzoo.models.recurrent_body import checked_cell_arguments, recurrent_body
from keras_seqzoo.models.streamed_step import SteppedModel
from keras_seqzoo.registry import register
from keras_seqzoo.runtime.piano_roll import MusicGenerator


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class PianoRollModel(MusicGenerator, SteppedModel):
    """A recurrent stack, and for each key the chance that it sounds next.

    Args:
        num_keys: Keys of the roll.
        lowest_pitch: MIDI pitch of the first key.
        step_beats: Quarter notes that a step lasts.
        cell: Name of the recurrent cell, as in `layers.recurrent_layer`.
        units: Units of each recurrent layer.
        num_layers: Number of recurrent layers.
        input_units: Units of the dense layer (tanh) before them; 0 for none.
        dropout: Dropout rate of the input, between the recurrent layers (both with
            one mask for all steps of a piece) and before the head.
        cell_arguments: Further arguments of the recurrent layers.
        name: The model's name.

    Input: `{"roll": (batch, time, num_keys)}`, float32, 1 where a key sounds. Output:
    logits `(batch, time, num_keys)` of the step that follows each. A piece is made from
    a step of silence on.

    Source: the recurrent networks of Boulanger-Lewandowski et al. 2012, Modeling
    Temporal Dependencies in High-Dimensional Sequences, arXiv 1206.6392.
    """

    head_layers: ClassVar[tuple[str, ...]] = ("head",)
    head_arguments: ClassVar[tuple[str, ...]] = ()
    task: ClassVar[str] = "polyphonic_music"

    def __init__(
        self,
        *,
        num_keys: int = 88,
        lowest_pitch: int = 21,
        step_beats: float = 1.0,
        cell: str = "lstm",
        units: int = 200,
        num_layers: int = 1,
        input_units: int = 0,
        dropout: float = 0.3,
        cell_arguments: dict | None = None,
        name: str | None = "piano_roll_model",
    ) -> None:
        num_keys = positive_integer("num_keys", num_keys, 128)
        lowest_pitch = natural_number("lowest_pitch", lowest_pitch)
        cell = text("cell", cell)
        units = positive_integer("units", units)
        num_layers = layer_count(num_layers)
        input_units = natural_number("input_units", input_units)
        dropout = rate("dropout", dropout)
        cell_arguments = checked_cell_arguments(cell_arguments)

        roll = keras.Input((None, num_keys), name="roll")
        x = roll
        if input_units:
            dense = keras.layers.Dense(input_units, activation="tanh", name="chord")
            x = dense(x)
        x = keras.layers.SpatialDropout1D(dropout, name="input_dropout")(x)
        x = recurrent_body(
            x,
            cell=cell,
            units=units,
            num_layers=num_layers,
            bidirectional=False,
            dropout=dropout,
            cell_arguments=cell_arguments,
        )
        x = keras.layers.Dropout(dropout, name="head_dropout")(x)
        logits = keras.layers.Dense(num_keys, name="head")(x)
        super().__init__(inputs=[roll], outputs=logits, name=name)

        self.config = {
            "num_keys": num_keys,
            "lowest_pitch": lowest_pitch,
            "step_beats": step_beats,
            "cell": cell,
            "units": units,
            "num_layers": num_layers,
            "input_units": input_units,
            "dropout": dropout,
            "cell_arguments": cell_arguments,
        }
        self.num_keys = num_keys
        self.lowest_pitch = lowest_pitch
        self.step_beats = step_beats

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """`probabilities` of each key at the next step, and their logits, `scores`."""
        scores = self(inputs, training=False)
        return {"probabilities": ops.sigmoid(scores), "scores": scores}

    def runtime_task(self) -> dict[str, Any]:
        keys = ("num_keys", "lowest_pitch", "step_beats")
        return {"kind": "piano_roll", **{key: self.config[key] for key in keys}}

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random rolls with rows of several lengths, silence behind them."""
        rng = np.random.default_rng(seed)
        roll = rng.random((batch, length, self.config["num_keys"])) < 0.1
        roll[random_padding(rng, batch, length)] = False
        return {"roll": roll.astype("float32")}

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """The rolls of `example_inputs` once more: each step's own notes."""
        return self.example_inputs(batch, length, seed)["roll"]

    def example_loss(self) -> keras.losses.Loss:
        return keras.losses.BinaryCrossentropy(from_logits=True)

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments of a very small instance, for tests."""
        return {"num_keys": 12, "units": 8, "num_layers": 2, "input_units": 6}


@register(pattern="one_to_many", cell="simple_rnn")
def simple_rnn_piano_roll(**overrides: Any) -> PianoRollModel:
    """Polyphonic music by simple RNNs (Elman 1990)."""
    return PianoRollModel(**{"cell": "simple_rnn", **overrides})


@register(pattern="one_to_many", cell="lstm")
def lstm_piano_roll(**overrides: Any) -> PianoRollModel:
    """Polyphonic music by LSTMs (Hochreiter & Schmidhuber 1997)."""
    return PianoRollModel(**{"cell": "lstm", **overrides})


@register(pattern="one_to_many", cell="peephole_lstm")
def peephole_lstm_piano_roll(**overrides: Any) -> PianoRollModel:
    """Polyphonic music by peephole LSTMs (Gers & Schmidhuber 2000)."""
    return PianoRollModel(**{"cell": "peephole_lstm", **overrides})


@register(pattern="one_to_many", cell="coupled_lstm")
def coupled_lstm_piano_roll(**overrides: Any) -> PianoRollModel:
    """Polyphonic music by coupled LSTMs (Greff et al. 2015)."""
    return PianoRollModel(**{"cell": "coupled_lstm", **overrides})


@register(pattern="one_to_many", cell="gru")
def gru_piano_roll(**overrides: Any) -> PianoRollModel:
    """Polyphonic music by GRUs (Cho et al. 2014)."""
    return PianoRollModel(**{"cell": "gru", **overrides})


@register(pattern="one_to_many", cell="clockwork_rnn")
def clockwork_rnn_piano_roll(**overrides: Any) -> PianoRollModel:
    """Polyphonic music by clockwork RNNs (Koutník et al. 2014)."""
    return PianoRollModel(**{"cell": "clockwork_rnn", **overrides})


@register(pattern="one_to_many", cell="scrn")
def scrn_piano_roll(**overrides: Any) -> PianoRollModel:
    """Polyphonic music by SCRNs (Mikolov et al. 2014)."""
    return PianoRollModel(**{"cell": "scrn", **overrides})
