"""The cells and layers under test, with DESIGN's table of weights."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras
import numpy as np
import references

from keras_seqzoo import cells, layers

FEATURES, UNITS, CONTEXT, OUTPUTS = 3, 4, 2, 5
PERIODS = (1, 3, 4)  # no period divides all others; the cycle is 12
CLOCK_UNITS = 6
STATE_READING = (
    "recurrent_initializer",
    "recurrent_regularizer",
    "recurrent_constraint",
    "recurrent_dropout",
)
WEIGHT_SETTINGS = (
    "use_bias",
    *(
        f"{part}_{kind}"
        for part in ("kernel", "bias")
        for kind in ("initializer", "regularizer", "constraint")
    ),
)


@dataclass(frozen=True)
class Case:
    layer: type
    cell: type
    arguments: dict
    step: Callable  # the reference
    weights: dict  # name -> shape, in order
    states: tuple  # sizes
    refused: tuple = ()  # arguments of other cells that would do nothing here
    outputs: int | None = None  # if not the first state's size

    @property
    def output_size(self) -> int:
        return self.outputs or self.states[0]

    def accepted(self, **arguments: Any) -> dict:
        return {k: v for k, v in arguments.items() if k not in self.refused}

    def make(self, by_cell: bool, run: dict | None = None, **more: Any) -> Any:
        """The layer, or its cell inside `keras.layers.RNN`."""
        run = {"return_sequences": True, "return_state": True, **(run or {})}
        arguments = {**self.arguments, **more}
        if by_cell:
            dtype = more.get("dtype")
            return keras.layers.RNN(self.cell(**arguments), dtype=dtype, **run)
        return self.layer(**arguments, **run)

    def filled(self, by_cell: bool, run: dict | None = None, **more: Any) -> tuple:
        """`(layer, weights)`: a built layer with random weights, by name."""
        layer = self.make(by_cell, run, **more)
        layer.build((None, None, FEATURES))
        weights = self.random_weights()
        layer.set_weights(list(weights.values()))
        return layer, weights

    def random_weights(self, seed: int = 0) -> dict:
        rng = np.random.default_rng(seed)
        return {
            name: rng.normal(0, 0.5, shape).astype("float32").astype("float64")
            for name, shape in self.weights.items()
        }

    def random_states(self, batch: int, seed: int = 1) -> list:
        rng = np.random.default_rng(seed)
        states = [rng.normal(0, 0.7, (batch, n)).astype("float32") for n in self.states]
        if self.layer is layers.ClockworkRNN:
            states[1] = 5.0 + np.arange(batch, dtype="float32")[:, None]
        return states

    def zero_states(self, batch: int) -> list:
        return [np.zeros((batch, n), "float32") for n in self.states]

    def reference(self, weights: dict, x: Any, states: list, **kwargs: Any) -> tuple:
        step = partial(self._step, weights=weights)
        return references.run(step, x, states, **kwargs)

    def _step(self, x: Any, states: list, weights: dict) -> tuple:
        output, states = self.step(x, states, weights)
        if self.layer is layers.ClockworkRNN:
            states = [states[0], states[1] % 12]  # t is kept modulo the cycle
        return output, states


def _coupled(peephole: bool) -> Case:
    weights = {"kernel": (FEATURES, 3 * UNITS), "recurrent_kernel": (UNITS, 3 * UNITS)}
    if peephole:
        weights["peephole_kernel"] = (2, UNITS)
    return Case(
        layers.CoupledLSTM,
        cells.CoupledLSTMCell,
        {"units": UNITS, "peephole": peephole},
        references.coupled_lstm_step,
        {**weights, "bias": (3 * UNITS,)},
        (UNITS, UNITS),
    )


def _scrn(learn_alpha: bool) -> Case:
    weights = {
        "context_kernel": (FEATURES, CONTEXT),
        "kernel": (FEATURES, UNITS),
        "context_recurrent_kernel": (CONTEXT, UNITS),
        "recurrent_kernel": (UNITS, UNITS),
    }
    if learn_alpha:
        weights["alpha_logit"] = (CONTEXT,)
    return Case(
        layers.SCRN,
        cells.SCRNCell,
        {
            "units": UNITS,
            "context_units": CONTEXT,
            "alpha": 0.8,
            "learn_alpha": learn_alpha,
        },
        partial(references.scrn_step, alpha=0.8),
        weights,
        (UNITS, CONTEXT),
        outputs=UNITS + CONTEXT,
    )


def _minimal(layer: type, cell: type, step: Callable, parts: int) -> Case:
    return Case(
        layer,
        cell,
        {"units": UNITS},
        step,
        {"kernel": (FEATURES, parts * UNITS), "bias": (parts * UNITS,)},
        (UNITS,),
        refused=STATE_READING,
    )


def _lru(outputs: int, skip: tuple, **arguments: Any) -> Case:
    return Case(
        layers.LRU,
        cells.LRUCell,
        {"units": UNITS, **arguments},
        references.lru_step,
        {
            "nu_log": (UNITS,),
            "theta_log": (UNITS,),
            "gamma_log": (UNITS,),
            "kernel": (FEATURES, 2 * UNITS),
            "output_kernel": (2 * UNITS, outputs),
            "skip_kernel": skip,
        },
        (UNITS, UNITS),
        refused=(*STATE_READING, *WEIGHT_SETTINGS),
        outputs=outputs,
    )


CASES = {
    "peephole_lstm": Case(
        layers.PeepholeLSTM,
        cells.PeepholeLSTMCell,
        {"units": UNITS},
        references.peephole_lstm_step,
        {
            "kernel": (FEATURES, 4 * UNITS),
            "recurrent_kernel": (UNITS, 4 * UNITS),
            "peephole_kernel": (3, UNITS),
            "bias": (4 * UNITS,),
        },
        (UNITS, UNITS),
    ),
    "coupled_lstm": _coupled(False),
    "coupled_lstm_peephole": _coupled(True),
    "clockwork_rnn": Case(
        layers.ClockworkRNN,
        cells.ClockworkRNNCell,
        {"units": CLOCK_UNITS, "periods": PERIODS},
        partial(references.clockwork_rnn_step, periods=PERIODS),
        {
            "kernel": (FEATURES, CLOCK_UNITS),
            "recurrent_kernel": (CLOCK_UNITS, CLOCK_UNITS),
            "bias": (CLOCK_UNITS,),
        },
        (CLOCK_UNITS, 1),
    ),
    "scrn": _scrn(False),
    "scrn_learned": _scrn(True),
    "min_gru": _minimal(layers.MinGRU, cells.MinGRUCell, references.min_gru_step, 2),
    "min_lstm": _minimal(
        layers.MinLSTM, cells.MinLSTMCell, references.min_lstm_step, 3
    ),
    "lru": _lru(FEATURES, (FEATURES,)),
    "lru_output_units": _lru(OUTPUTS, (FEATURES, OUTPUTS), output_units=OUTPUTS),
}

# Module k of the clockwork RNN reads modules j >= k: row = sender, column = receiver.
_MODULE = np.arange(CLOCK_UNITS) // (CLOCK_UNITS // len(PERIODS))
LOWER_BLOCKS = _MODULE[:, None] >= _MODULE[None, :]


def inputs(batch: int, length: int, seed: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (batch, length, FEATURES)).astype("float32")
