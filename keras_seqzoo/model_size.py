"""Keeps arguments from making a model that is too large, before its memory is taken."""

import contextlib
import os
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from keras_seqzoo.errors import UserError

# What a training holds at most: weights, gradients, the optimizer's two averages, the
# best epoch's weights, and weights and averages once more for a checkpoint.
TRAINING_COPIES = 8
_BYTES = 4  # of a float32
# What this process may use, if it is less than the machine has: of control groups 2, 1.
_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


@contextlib.contextmanager
def no_larger_than(weights: Mapping[str, np.ndarray]) -> Iterator[None]:
    """Within it a variable far beyond these weights is refused before it is made.

    Whether names and shapes agree is checked afterwards, exactly; this is about a
    config of a few bytes that would take all memory first.

    Raises:
        UserError: at the first variable that is too much.
    """
    # Twice as much, and room for what is no weight: random states, one a layer.
    most_variables = 10 * len(weights) + 100
    total = sum(array.size for array in weights.values())
    most_values = 2 * total + 1_000_000

    def check(variables: int, values: int, shape: tuple[int, ...]) -> None:
        if variables > most_variables or values > most_values:
            raise UserError(
                "the config must make a model of the size of its weights, "
                f"{len(weights)} with {total} values. Received: a model of at least "
                f"{variables} variables with {values} values"
            )

    with _before_each_variable(check):
        yield


@contextlib.contextmanager
def that_can_be_trained(arguments: Mapping[str, Any]) -> Iterator[None]:
    """Within it a model that this machine has no memory to train is refused.

    Args:
        arguments: That the model is made with; the error names the one to lower.

    Raises:
        UserError: at the first variable that is too much, or that finds no memory.
    """
    import tensorflow as tf

    memory, last = memory_bytes(), (0, ())

    def check(variables: int, values: int, shape: tuple[int, ...]) -> None:
        nonlocal last
        last = values, shape
        if values * _BYTES * TRAINING_COPIES > memory:
            raise too_large(arguments, values, shape, memory)

    try:
        with _before_each_variable(check):
            yield
    except (tf.errors.ResourceExhaustedError, MemoryError) as error:
        raise too_large(arguments, *last, memory) from error


def memory_bytes() -> float:
    """The memory that this process may use, or infinity where that is not known."""
    found = [float("inf")]
    with contextlib.suppress(AttributeError, ValueError, OSError):  # on Windows
        found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    for file in map(pathlib.Path, _LIMITS):
        with contextlib.suppress(OSError, ValueError):  # none, or "max"
            found.append(int(file.read_text("ascii")))
    return min(found)


def too_large(
    arguments: Mapping[str, Any], values: int, shape: tuple[int, ...], memory: float
) -> UserError:
    """The error of a model that does not fit in memory.

    Args:
        arguments: That the model is made with.
        values: Parameters counted.
        shape: Of the last of its variables that was counted.
        memory: Bytes there are.
    """
    to_lower, received = "the vocabulary", ""
    if name := _setting(arguments, shape):
        to_lower = f"`{name}`"
        received = f". Received: {name}={dict(_integers(arguments))[name]}"
    return UserError(
        f"{to_lower} must be lower: the model would have {values:,} parameters or more "
        f"and does not fit in memory: training takes up to {TRAINING_COPIES} times its "
        f"{_gigabytes(values * _BYTES)}, and there are {_gigabytes(memory)}{received}"
    )


def _gigabytes(count: float) -> str:
    return f"{count / 1e9:,.1f} GB"


def _setting(arguments: Mapping[str, Any], shape: tuple[int, ...]) -> str | None:
    """The largest integer argument that a size of the shape is a multiple of.

    Without one of these it is the largest.
    """
    sizes = [(value, name) for name, value in _integers(arguments) if value > 1]
    parts = [one for one in sizes if any(n and n % one[0] == 0 for n in shape)]
    return max(parts or sizes, default=(0, None))[1]


def _integers(arguments: Mapping[str, Any], within: str = "") -> Iterator[tuple]:
    """Name and value of each integer; "cell_arguments.units" is one within another."""
    for key, value in arguments.items():
        if isinstance(value, Mapping):
            yield from _integers(value, f"{within}{key}.")
        elif isinstance(value, int) and not isinstance(value, bool):
            yield f"{within}{key}", value


@contextlib.contextmanager
def _before_each_variable(
    check: Callable[[int, int, tuple[int, ...]], None],
) -> Iterator[None]:
    """Calls `check(variables, values in them, shape of the last)` before each is made.

    The one to be made counts.
    """
    import tensorflow as tf

    variables, values = 0, 0

    def create(next_creator, **arguments):
        nonlocal variables, values
        shape = _shape(arguments["initial_value"])
        variables += 1
        values += int(np.prod(shape, dtype=object))
        check(variables, values, shape)
        return next_creator(**arguments)

    with tf.variable_creator_scope(create):
        yield


def _shape(initial_value: Any) -> tuple[int, ...]:
    """The shape of a variable's first value; nothing is computed."""
    import keras
    import tensorflow as tf

    if callable(initial_value):
        # Keras gives a function around its own variable, which knows its shape.
        for cell in getattr(initial_value, "__closure__", None) or ():
            if isinstance(cell.cell_contents, keras.Variable):
                return tuple(cell.cell_contents.shape)
        traced = tf.function(initial_value, autograph=False)
        initial_value = traced.get_concrete_function().outputs[0]
    return tuple(tf.convert_to_tensor(initial_value).shape)
