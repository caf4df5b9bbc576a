"""What turns a cell into a layer with the arguments Keras users expect."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops

from keras_seqzoo.arguments import positive_integer, truth
from keras_seqzoo.cells.recurrent_cell import RecurrentCell
from keras_seqzoo.layers.bptt import Recurrence, engine_runs, recurrent, seen
from keras_seqzoo.layers.call_arguments import (
    initial_states,
    require_steps,
    steps_that_count,
    without_padding,
)
from keras_seqzoo.layers.loop_order import loop_order
from keras_seqzoo.layers.scan import scan

_RUN_ARGUMENTS = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
)
_LAYER_ARGUMENTS = ("name", "trainable", "activity_regularizer")


class CellLayer(keras.layers.RNN):
    """Base of the layers: a cell of `cell_class` run over time.

    The part of the cell that does not depend on the state is computed for all
    steps at once, before the loop. Where XLA can compile it (see `bptt`) and the cell
    has its usual activations, the loop has a hand-written backward pass, which has
    first-order gradients only; with `unroll` there are no such limits. Clockwork and
    SCRN with `tbptt_steps` go step by step.

    Args:
        *args: The cell's positional arguments (`units`).
        return_sequences: Whether to return every step's output, or the last.
        return_state: Whether to return the final states too.
        go_backwards: Whether to read the sequence from its end.
        stateful: Whether a batch starts from the states of the batch before.
        unroll: Whether to write out every step instead of a loop.
        zero_output_for_mask: Whether a masked step's output is zero, instead of
            the output before it.
        tbptt_steps: Truncated backpropagation through time: gradients stop at every
            step that is a multiple of this, counted in the loop's order, while the
            states go on. None does not truncate.
        **kwargs: The cell's arguments, and those of `keras.layers.Layer`.

    Raises:
        ValueError: if an argument, or the shape of what it is called with, is wrong.
        TypeError: if there is no such argument.

    Call: sequences `(batch, time, features)`, `initial_state` (list of
    `(batch, size)`; a batch of 1 serves every row), `mask` (booleans
    `(batch, time)`), `training`. Returns `(batch, time, size)` or `(batch, size)`,
    followed by the states if asked.
    """

    cell_class: ClassVar[type[RecurrentCell]]

    def __init__(
        self, *args: Any, tbptt_steps: int | None = None, **kwargs: Any
    ) -> None:
        run = {
            key: truth(key, kwargs.pop(key)) for key in _RUN_ARGUMENTS if key in kwargs
        }
        layer = {key: kwargs.pop(key) for key in _LAYER_ARGUMENTS if key in kwargs}
        dtype = kwargs.pop("dtype", None)
        self._check_arguments(args, kwargs)
        cell = self.cell_class(*args, dtype=dtype, name="cell", **kwargs)
        super().__init__(cell, dtype=dtype, **run, **layer)
        self.input_spec = keras.layers.InputSpec(ndim=3)
        if tbptt_steps is not None:
            tbptt_steps = positive_integer("tbptt_steps", tbptt_steps)
        self.tbptt_steps = tbptt_steps

    @classmethod
    def _check_arguments(cls, args: tuple, kwargs: dict) -> None:
        allowed = set()
        for base in cls.cell_class.__mro__:
            if issubclass(base, RecurrentCell):
                allowed |= set(inspect.signature(base.__init__).parameters)
        allowed -= {"self", "args", "kwargs", *cls.cell_class.unused}
        unknown = sorted(set(kwargs) - allowed)
        if unknown:
            others = [*_RUN_ARGUMENTS, "tbptt_steps", "dtype", *_LAYER_ARGUMENTS]
            raise TypeError(
                f"{cls.__name__} has no argument {unknown[0]!r}. Allowed: "
                f"{', '.join([*sorted(allowed), *others])}."
            )
        if not args and "units" not in kwargs:
            raise TypeError(f"{cls.__name__} needs `units`, a positive integer.")

    def build(self, sequences_shape: tuple, initial_state_shape: Any = None) -> None:
        super().build(sequences_shape, initial_state_shape)
        features = {-1: sequences_shape[-1]}
        self.input_spec = keras.layers.InputSpec(ndim=3, axes=features)

    def call(
        self,
        sequences: Any,
        initial_state: Any = None,
        mask: Any = None,
        training: bool = False,
    ) -> Any:
        require_steps(sequences)
        if initial_state is not None:
            initial_state = initial_states(
                initial_state, self.state_size, sequences, self.cell.compute_dtype
            )
        if mask is not None:
            mask = steps_that_count(mask, sequences)
            sequences = without_padding(sequences, mask)
        return super().call(sequences, initial_state, mask, training)

    def recurrence(self) -> tuple[Recurrence, list] | None:
        """The cell's equations for the engine and their further weights, or None."""
        return None

    def inner_loop(
        self, sequences: Any, initial_state: list, mask: Any, training: bool = False
    ) -> tuple[Any, Any, list]:
        equations = None if self.unroll else self.recurrence()
        sequences = self.cell.drop_inputs(sequences, training)
        recurrent_mask = self.cell.recurrent_mask(initial_state[0], training)
        if equations is None or not engine_runs(sequences):
            return self._step_by_step(sequences, initial_state, mask, recurrent_mask)
        sequences, mask = loop_order(sequences, mask, self.go_backwards)
        outputs, states = recurrent(
            equations[0],
            sequences,
            self.cell.kernel,
            self.cell.bias,
            self.cell.recurrent_kernel,
            equations[1],
            initial_state,
            mask=mask,
            recurrent_dropout_mask=recurrent_mask,
            tbptt_steps=self.tbptt_steps,
        )
        if mask is not None:
            shown = mask if self.zero_output_for_mask else seen(mask)
            outputs = ops.where(shown[..., None], outputs, ops.zeros_like(outputs))
        return outputs[:, -1], outputs, states

    def _step_by_step(
        self, sequences: Any, initial_state: list, mask: Any, recurrent_mask: Any
    ) -> tuple[Any, Any, list]:
        cell = self.cell

        def step(projected: Any, states: list) -> tuple[Any, list]:
            return cell.step(projected, states, recurrent_mask)

        run = {
            "go_backwards": self.go_backwards,
            "return_sequences": self.return_sequences,
            "unroll": self.unroll,
        }
        projected = cell.project(sequences)
        if self.tbptt_steps is not None:
            return self._truncated(step, projected, initial_state, mask, run)
        last, outputs, states = scan(
            step,
            projected,
            initial_state,
            mask=mask,
            zero_output_for_mask=self.zero_output_for_mask,
            **run,
        )
        if mask is not None and keras.backend.backend() == "jax":
            # Keras' loop puts out the initial state there, where TensorFlow's has 0.
            order = ops.flip(mask, axis=1) if self.go_backwards else mask
            shown = order if self.zero_output_for_mask else seen(order)
            shown = shown if outputs.shape[1] > 1 else shown[:, -1:]
            outputs = ops.where(shown[..., None], outputs, ops.zeros_like(outputs))
            last = outputs[:, -1]
        return last, outputs, states

    def _truncated(
        self, step: Callable, projected: Any, initial_state: list, mask: Any, run: dict
    ) -> tuple[Any, Any, list]:
        """`scan`, with gradients that stop every `tbptt_steps`.

        The step itself holds the states where it is masked: a loop would hold those
        before the cut. Two columns beside its input tell it where it is.
        """
        column = ops.ones_like(projected[..., :1])  # (batch, time, 1)
        t = ops.arange(ops.shape(projected)[1], dtype="int32")
        t = ops.flip(t) if self.go_backwards else t
        cut = ops.logical_and(t > 0, ops.equal(t % self.tbptt_steps, 0))
        cut = ops.cast(cut[None, :, None], projected.dtype) * column
        valid = (
            column
            if mask is None
            else ops.cast(ops.expand_dims(mask, -1), column.dtype)
        )

        def truncated(x: Any, states: list) -> tuple[Any, list]:
            x, cut, valid = x[:, :-2], x[:, -2:-1] > 0, x[:, -1:] > 0
            states = [ops.where(cut, ops.stop_gradient(s), s) for s in states]
            *states, shown = states
            output, new = step(x, states)
            new = [ops.where(valid, n, s) for n, s in zip(new, states)]
            shown = ops.where(valid, output, shown)
            if self.zero_output_for_mask:
                output = ops.where(valid, output, ops.zeros_like(output))
                return output, [*new, shown]
            return shown, [*new, shown]

        size = self.cell.output_size
        shown = ops.zeros((ops.shape(projected)[0], size), dtype=projected.dtype)
        last, outputs, (*states, _) = scan(
            truncated,
            ops.concatenate([projected, cut, valid], axis=-1),
            [*initial_state, shown],
            **run,
        )
        return last, outputs, states

    def get_config(self) -> dict:
        config = super().get_config()
        cell_config = self.cell.get_config()
        for key in ("name", "trainable", "dtype"):
            del cell_config[key]
        del config["cell"]
        return {**config, **cell_config, "tbptt_steps": self.tbptt_steps}

    @classmethod
    def from_config(cls, config: dict) -> "CellLayer":
        return cls(**config)
