"""What turns a cell into a layer with the arguments Keras users expect."""

import inspect
from typing import Any, ClassVar

import keras

from keras_seqzoo.cells.recurrent_cell import RecurrentCell
from keras_seqzoo.layers.scan import scan

_RUN_ARGUMENTS = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
)


class CellLayer(keras.layers.RNN):
    """Base of the layers: a cell of `cell_class` run over time.

    The part of the cell that does not depend on the state is computed for all
    steps at once, before the loop.

    Args:
        *args: The cell's positional arguments (`units`).
        return_sequences: Whether to return every step's output, or the last.
        return_state: Whether to return the final states too.
        go_backwards: Whether to read the sequence from its end.
        stateful: Whether a batch starts from the states of the batch before.
        unroll: Whether to write out every step instead of a loop.
        zero_output_for_mask: Whether a masked step's output is zero, instead of
            the output before it.
        **kwargs: The cell's arguments, and those of `keras.layers.Layer`.

    Call: sequences `(batch, time, features)`, `initial_state` (list of
    `(batch, size)`), `mask` (booleans `(batch, time)`), `training`. Returns
    `(batch, time, size)` or `(batch, size)`, followed by the states if asked.
    """

    cell_class: ClassVar[type[RecurrentCell]]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        run = {key: kwargs.pop(key) for key in _RUN_ARGUMENTS if key in kwargs}
        layer = {
            key: kwargs.pop(key)
            for key in ("name", "trainable", "activity_regularizer")
            if key in kwargs
        }
        dtype = kwargs.pop("dtype", None)
        self._check_arguments(kwargs)
        cell = self.cell_class(*args, dtype=dtype, name="cell", **kwargs)
        super().__init__(cell, dtype=dtype, **run, **layer)
        self.input_spec = keras.layers.InputSpec(ndim=3)

    @classmethod
    def _check_arguments(cls, kwargs: dict) -> None:
        allowed = set()
        for base in cls.cell_class.__mro__:
            if issubclass(base, RecurrentCell):
                allowed |= set(inspect.signature(base.__init__).parameters)
        unknown = sorted(set(kwargs) - allowed)
        if unknown:
            allowed = sorted(allowed - {"self", "args", "kwargs"})
            raise TypeError(
                f"{cls.__name__} has no argument {unknown[0]!r}. Allowed: "
                f"{', '.join([*allowed, *_RUN_ARGUMENTS, 'name', 'dtype'])}."
            )

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        wanted = len(self.state_size)
        if isinstance(initial_state, (list, tuple)) and len(initial_state) != wanted:
            raise ValueError(
                f"`initial_state` must be a list of {wanted} tensors. Received: "
                f"{len(initial_state)}"
            )
        return super().call(sequences, initial_state, mask, training)

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list]:
        cell = self.cell
        recurrent_mask = cell.recurrent_mask(initial_state[0], training)

        def step(projected: Any, states: list) -> tuple[Any, list]:
            return cell.step(projected, states, recurrent_mask)

        return scan(
            step,
            cell.project(cell.drop_inputs(sequences, training)),
            initial_state,
            mask=mask,
            go_backwards=self.go_backwards,
            zero_output_for_mask=self.zero_output_for_mask,
            return_sequences=self.return_sequences,
            unroll=self.unroll,
        )

    def get_config(self) -> dict:
        config = super().get_config()
        cell_config = self.cell.get_config()
        for key in ("name", "trainable", "dtype"):
            del cell_config[key]
        del config["cell"]
        return {**config, **cell_config}

    @classmethod
    def from_config(cls, config: dict) -> "CellLayer":
        return cls(**config)
