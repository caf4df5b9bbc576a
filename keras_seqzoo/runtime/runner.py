"""A model file as a function of arrays, in one piece or in chunks."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_seqzoo.arguments import positive_integer
from keras_seqzoo.errors import UserError, first_line
from keras_seqzoo.runtime.files import CARD, ModelFile

Arrays = dict[str, np.ndarray]


class Runner:
    """An exported model: `runner(inputs)` from named arrays to named arrays.

    Threads may share one; a stream is for one thread.

    Attributes:
        description: what the file says of itself: its model, version, signatures with
            their inputs and outputs, and the states of its `step`.
        card: the model card, Markdown; "" if there is none.
    """

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        self.description = file.description
        self.card = file.texts.get(CARD, "")
        self._path = file.path
        self._signatures = signatures
        self._states = file.description["initial_states"]
        self._inputs = {
            name: signature["inputs"]
            for name, signature in file.description["signatures"].items()
        }

    def __call__(self, inputs: Arrays | np.ndarray) -> Arrays:
        """The answer for whole sequences.

        Args:
            inputs: An array for each input by name, of the dtype and shape that
                `description["signatures"]["serve"]["inputs"]` says. For a model with
                one input the array alone will do.

        Raises:
            UserError: if an input is missing, unknown, or of another dtype or shape.
        """
        names = list(self._inputs["serve"])
        if not isinstance(inputs, dict) and len(names) == 1:
            inputs = {names[0]: inputs}
        return self._run("serve", inputs)

    def initial_states(self, batch: int = 1) -> Arrays:
        """The states to start from, by name, each (batch, ...).

        Raises:
            UserError: if the batch is no positive integer.
        """
        batch = positive_integer("batch", batch)
        return {
            state["name"]: np.broadcast_to(
                np.asarray(state["value"], state["dtype"]),
                (batch, *state["shape"][1:]),
            )
            for state in self._states
        }

    def step(
        self, inputs: Arrays | np.ndarray, states: Arrays | None = None
    ) -> tuple[Arrays, Arrays]:
        """The answer for the next chunk of the sequences, of one time step or more.

        Args:
            inputs: As for the whole sequences.
            states: The states that the chunk before returned; None to start.

        Returns:
            The answer, and the states for the next chunk.

        Raises:
            UserError: as a call does, and if the model cannot stream.
        """
        self._check_streams()
        names = [name for name in self._inputs["step"] if not self._is_state(name)]
        if not isinstance(inputs, dict) and len(names) == 1:
            inputs = {names[0]: inputs}
        if states is None and isinstance(inputs, dict):
            first = np.shape(inputs[names[0]]) if names[0] in inputs else ()
            states = self.initial_states(first[0] if first else 1)
        answer = self._run("step", {**_named(inputs), **_named(states)})
        after = {state["name"]: answer.pop(state["next"]) for state in self._states}
        return answer, after

    def stream(self) -> Any:
        """A function of the next chunk that keeps the states itself.

        Raises:
            UserError: if the model cannot stream.
        """
        self._check_streams()
        return ArrayStream(self)

    def _check_streams(self):
        if "step" in self._signatures:
            return
        lacking = "has no signature `step`"
        if "step" in self._inputs:  # an ONNX file whose second one is not there
            second = self._path.removesuffix(".onnx") + ".step.onnx"
            lacking = f"needs its second file to stream, {second}"
        raise UserError(f"{self._path} {lacking}.")

    def _is_state(self, name):
        return any(name == state["name"] for state in self._states)

    def _run(self, signature, inputs):
        inputs = checked(_named(inputs), self._inputs[signature])
        try:
            return self._signatures[signature](inputs)
        # Two inputs whose lengths do not fit each other, say.
        except Exception as error:
            wanted = self._inputs[signature]
            shapes = ", ".join(
                f"{name} {x.shape} for {_sizes(wanted[name]['shape'])}"
                for name, x in inputs.items()
            )
            raise UserError(
                f"{self._path} does not run on inputs of these shapes: {shapes}: "
                f"{first_line(error)}"
            ) from error


class ArrayStream:
    """The answer for chunk after chunk: `stream(inputs)`, as `Runner.step` takes them.

    `reset()` starts a new sequence.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._states = None

    def __call__(self, inputs: Arrays | np.ndarray) -> Arrays:
        answer, self._states = self._runner.step(inputs, self._states)
        return answer

    def reset(self) -> None:
        """Forget what came so far."""
        self._states = None


def checked(inputs: Arrays, wanted: dict[str, dict]) -> Arrays:
    """The inputs as arrays, if they are what a signature takes.

    Args:
        inputs: Arrays, or lists of numbers, by name.
        wanted: For each input its `dtype` and `shape`; a free size is a name there.

    Raises:
        UserError: naming the input, and what it must be.
    """
    if set(inputs) != set(wanted):
        missing = ", ".join(sorted(set(wanted) - set(inputs)))
        raise UserError(
            f"inputs must be {', '.join(sorted(wanted))}. "
            f"Received: {', '.join(map(str, inputs)) or 'none'}"
            + (f"; missing: {missing}" if missing else "")
        )
    found, batch = {}, None
    for name, tensor in wanted.items():
        dtype, shape = np.dtype(tensor["dtype"]), tensor["shape"]
        rule = f"input {name!r} must be {dtype} {_sizes(shape)}"
        array = inputs[name]
        if not isinstance(array, np.ndarray):
            try:
                array = np.asarray(array)
                # Python's numbers have no size of their own.
                array = array.astype(dtype, casting="same_kind")
            except (TypeError, ValueError) as error:
                raise UserError(
                    f"{rule}. Received: a {type(inputs[name]).__name__} that is no "
                    "such array"
                ) from error
        fits = len(array.shape) == len(shape) and all(
            size == free if isinstance(free, int) else size >= 1
            for size, free in zip(array.shape, shape)
        )
        if array.dtype != dtype or not fits:
            raise UserError(f"{rule}. Received: {array.dtype} {array.shape}")
        if shape and not isinstance(shape[0], int):
            batch = batch or array.shape[0]
            if array.shape[0] != batch:
                raise UserError(
                    f"{rule}, with the same batch as the other inputs, {batch}. "
                    f"Received: {array.dtype} {array.shape}"
                )
        found[name] = np.ascontiguousarray(array)
    return found


def _sizes(shape):
    return f"({', '.join(map(str, shape))}{',' if len(shape) == 1 else ''})"


def _named(inputs):
    if not isinstance(inputs, dict):
        raise UserError(
            "inputs must be a dict of arrays by name. "
            f"Received: {type(inputs).__name__}"
        )
    return inputs
