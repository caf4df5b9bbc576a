"""What turns a cell into a layer with the arguments Keras users expect."""

import inspect
from collections.abc import Callable
from typing import Any, ClassVar

import keras
from keras import ops, tree

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.cells.recurrent_cell import RecurrentCell
from keras_seqzoo.layers.bptt import Recurrence, engine_runs, recurrent, seen
from keras_seqzoo.layers.scan import loops_for_export, scan

_RUN_ARGUMENTS = (
    "return_sequences",
    "return_state",
    "go_backwards",
    "stateful",
    "unroll",
    "zero_output_for_mask",
)
_OTHERS = ("tbptt_steps", "name", "dtype")


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

    Call: sequences `(batch, time, features)`, `initial_state` (list of
    `(batch, size)`), `mask` (booleans `(batch, time)`), `training`. Returns
    `(batch, time, size)` or `(batch, size)`, followed by the states if asked.
    """

    cell_class: ClassVar[type[RecurrentCell]]

    def __init__(
        self, *args: Any, tbptt_steps: int | None = None, **kwargs: Any
    ) -> None:
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
        if tbptt_steps is not None:
            tbptt_steps = positive_integer("tbptt_steps", tbptt_steps)
        self.tbptt_steps = tbptt_steps

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
                f"{', '.join([*allowed, *_RUN_ARGUMENTS, *_OTHERS])}."
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
        if mask is not None:
            mask = _steps_that_count(mask)
            sequences = _without_padding(sequences, mask)
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
        if self.go_backwards:
            sequences = ops.flip(sequences, axis=1)
            mask = None if mask is None else ops.flip(mask, axis=1)
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


def _steps_that_count(mask: Any) -> Any:
    """Booleans (batch, time) from a mask in any form that Keras takes."""
    first = tree.flatten(mask)[0]
    mask = ops.cast(first if getattr(first, "shape", ()) else mask, "bool")
    return ops.squeeze(mask, -1) if len(mask.shape) == 3 else mask


def _without_padding(sequences: Any, mask: Any) -> Any:
    """Zeros at masked steps: what stands there, NaN say, must reach no gradient."""
    if loops_for_export():
        return sequences
    return ops.where(mask[..., None], sequences, ops.zeros_like(sequences))
