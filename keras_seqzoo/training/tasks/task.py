"""What a kind of model adds to the trainer: its examples, its loss and its figure."""

import abc
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.arguments import listed
from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.pipeline import Examples
from keras_seqzoo.errors import UserError

Run = Callable[[dict[str, np.ndarray]], Mapping[str, np.ndarray]]


class Words(NamedTuple):
    """The sentences of a card; see the attributes of `Task`."""

    gives: str
    figure_is: str
    intended_use: str
    usage: str
    own_rows: str
    limits: str
    further_data: str = ""  # after the data set's source, licence and citation
    further_figures: str = ""  # rows of the table, below the figure of the test part


class Task(abc.ABC):
    """A task; all its methods are of the class, which is never instantiated.

    A row is one example of a data set as the task's `read` gives it.

    Attributes:
        METRIC: Name of its figure in recipes, presets and tables.
        HIGHER_IS_BETTER: Of the figure.
        TOLERANCE: What another seed may lose; about twice the spread of three.
        MAX_LOSS: What an exported file may lose, unless the user says otherwise.
        DATASETS: Names of the sets that it reads.
        OPTIONS: Keys of a recipe's data section that only some tasks have, and this
            one has.
        GIVES: What a model does, a sentence of the card.
        FIGURE: The figure's name in words.
        FIGURE_IS: How the figure is defined, sentences of the card.
        INTENDED_USE: Sentences of the card.
        USAGE: Lines of Python that make `model` and use it.
        OWN_ROWS: A list of rows of a user for that `model`, Python.
        LIMITS: Sentences of the card.
        STARTS_FROM: Of the card: what other weights a training starts from, or "".
        STEPS: What an example is counted in: "words", "frames".
        OWN_ROW: What the rows of a user are, in the plural.
    """

    METRIC: str
    HIGHER_IS_BETTER: bool = True
    TOLERANCE: float
    MAX_LOSS: float = 0.5
    DATASETS: tuple[str, ...]
    OPTIONS: frozenset[str] = frozenset()
    GIVES: str
    FIGURE: str
    FIGURE_IS: str
    INTENDED_USE: str
    USAGE: str
    OWN_ROWS: str
    LIMITS: str
    STARTS_FROM: str = ""
    STEPS: str
    OWN_ROW: str

    @classmethod
    def words(cls, config: Mapping[str, Any], metadata: Mapping[str, Any]) -> Words:
        """What the card says of a model: the same of all, unless a task knows more.

        Args:
            config: The model's arguments.
            metadata: As `train` returns it.
        """
        del config, metadata
        return Words(
            gives=cls.GIVES,
            figure_is=cls.FIGURE_IS,
            intended_use=cls.INTENDED_USE,
            usage=cls.USAGE,
            own_rows=cls.OWN_ROWS,
            limits=cls.LIMITS,
        )

    @classmethod
    def splits(cls, dataset: str) -> tuple[str, ...]:
        """The splits of a set that `read` knows."""
        return tuple(catalogue.facts(dataset).ROWS)

    @classmethod
    def options(cls, dataset: str) -> frozenset[str]:
        """Those of OPTIONS that a set has a use for."""
        return cls.OPTIONS

    @classmethod
    def check_options(cls, data: Any) -> None:
        """Raises UserError if an option's value is not one for the recipe's set.

        Args:
            data: The recipe's data section.
        """
        del data

    @classmethod
    def read(cls, dataset: str, split: str, data_dir: str | None) -> list[Any]:
        """All rows of a split.

        Raises:
            UserError: The set is not of this task or has no such split, or the data is
                not there or damaged.
        """
        if dataset not in cls.DATASETS:
            raise UserError(
                f"dataset must be one of {', '.join(cls.DATASETS)}. "
                f"Received: {dataset!r}"
            )
        splits = cls.splits(dataset)
        if split not in splits:
            raise UserError(
                f"split must be one of {', '.join(splits)}. Received: {split!r}"
            )
        return cls._rows(dataset, split, data_dir)

    @classmethod
    @abc.abstractmethod
    def _rows(cls, dataset: str, split: str, data_dir: str | None) -> list[Any]:
        """What `read` gives of a set and a split that are there."""

    @classmethod
    @abc.abstractmethod
    def assets(cls, rows: Sequence[Any], data: Any) -> dict[str, Any]:
        """The model's arguments that come from the training rows.

        Args:
            rows: Of the training set.
            data: The recipe's data section.
        """

    @classmethod
    def first_weights(cls, model: Any, data_dir: str | None) -> None:
        """Gives a new model those weights that are not random, if there are any.

        Args:
            model: The model.
            data_dir: Folder of local copies.
        """
        del model, data_dir

    @classmethod
    def trained_part(cls, model: Any, rows: Sequence[Any], data: Any) -> keras.Model:
        """What `fit` trains of a model, for `encode` and `scorer`: all of it.

        Or a model of other inputs with the same weights, for which what never changes
        was computed beforehand.

        Args:
            model: The model with its first weights.
            rows: Of the training set.
            data: The recipe's data section.
        """
        return model

    @classmethod
    def own_rows(cls, rows: Iterable[Any], model: Any) -> list[Any]:
        """A user's rows as the task's.

        Args:
            rows: As `own_row` takes them.
            model: That shall learn from them.

        Raises:
            UserError: There is none, or one is wrong; the message has its number.
        """
        found = []
        for number, row in enumerate(listed("rows", rows, cls.OWN_ROW)):
            try:
                found.append(cls.own_row(row, model))
            except UserError as error:
                raise UserError(f"row {number}: {error}") from error
        if not found:
            raise UserError("`rows` must be one or more. Received: none")
        return found

    @classmethod
    @abc.abstractmethod
    def own_row(cls, row: Any, model: Any) -> Any:
        """A user's row as the task's.

        Args:
            row: One of the task, or a plain tuple of the same order without the fields
                that a user does not have.
            model: That shall learn from it.

        Raises:
            UserError: It is no such row, or has what the model cannot read or answer.
        """

    @classmethod
    @abc.abstractmethod
    def encode(cls, rows: Sequence[Any], model: Any) -> Examples:
        """The rows as inputs and targets of the model, as `trained_part` gives it."""

    @classmethod
    def training_examples(cls, rows: Sequence[Any], model: Any, data: Any) -> Examples:
        """The rows of a training, for `augment` and then `front_end`.

        As `encode` gives them, unless they are augmented before they are inputs.

        Args:
            rows: Of the training set.
            model: As `trained_part` gives it.
            data: The recipe's data section.

        Raises:
            UserError: A row cannot be augmented as the recipe asks for.
        """
        return cls.encode(rows, model)

    @classmethod
    @abc.abstractmethod
    def loss(cls, training: Any) -> keras.losses.Loss:
        """The loss of a step's or an example's target; the pipeline's weights sum to 1.

        Args:
            training: The recipe's training section.
        """

    @classmethod
    def change(cls, data: Any) -> Callable[[Examples, tf.Tensor], Examples] | None:
        """What an epoch changes in all examples; see `training_batches`.

        Args:
            data: The recipe's data section.
        """
        return None

    @classmethod
    def augment(cls, data: Any) -> Callable | None:
        """What an epoch changes in one example; see `training_batches`.

        Args:
            data: The recipe's data section.
        """
        return None

    @classmethod
    def front_end(cls, model: Any, data: Any) -> Callable[[dict], dict] | None:
        """What makes the model's inputs of the examples'; see `training_batches`.

        Args:
            model: As `trained_part` gives it.
            data: The recipe's data section.
        """
        return None

    @classmethod
    @abc.abstractmethod
    def metric(
        cls, model: Any, rows: Sequence[Any], batch_size: int = 64
    ) -> Callable[[Run], float]:
        """The figure on these rows, of whatever computes `model.serve`'s arrays.

        Args:
            model: Its front end and decoder are used.
            rows: What it is measured on.
            batch_size: Rows in a batch.

        Returns:
            A function of `run`, which computes `serve`'s arrays from the model's
            inputs: the `metric` that `seqzoo.export` takes.
        """

    @classmethod
    @abc.abstractmethod
    def inputs(cls, model: Any, rows: Sequence[Any]) -> dict[str, np.ndarray]:
        """The model's inputs of some rows, one padded batch."""

    @classmethod
    def representative(
        cls, model: Any, rows: Sequence[Any], count: int = 100
    ) -> list[dict[str, np.ndarray]]:
        """Inputs for `seqzoo.export`'s `representative_data`.

        Args:
            model: To be exported.
            rows: Those of its training set.
            count: How many of them, evenly spread, to take; each is a batch of its own.
        """
        some = rows[:: max(1, len(rows) // count)][:count]
        return [cls.inputs(model, [row]) for row in some]

    @classmethod
    def scorer(
        cls, model: Any, rows: Sequence[Any], batch_size: int = 64
    ) -> Callable[[], float]:
        """A function that measures the model as it is when called."""
        metric = cls.metric(model, rows, batch_size)
        run = cls.runner(model)
        return lambda: metric(run)

    @classmethod
    def quick_scorer(cls, model: Any, rows: Sequence[Any]) -> Callable[[], float]:
        """As `scorer`, of the figure that epochs of a training are compared by.

        The same, unless a cheaper one of the same kind serves to compare.

        Args:
            model: As `trained_part` gives it.
            rows: What it is measured on.
        """
        return cls.scorer(model, rows)

    @classmethod
    def conditions(cls, rows: Sequence[Any]) -> dict[str, str]:
        """How the figure is measured on these rows, for the preset's metadata."""
        return {}

    @classmethod
    def further_figures(cls, model: Any, rows: Sequence[Any]) -> dict[str, Any]:
        """What else is measured on the test part, for the preset's metadata."""
        return {}

    @classmethod
    def runner(cls, model: Any) -> Run:
        """What computes the model's `serve` as it is when called."""
        inputs = model.served_inputs()
        specs = {name: tf.TensorSpec(x.shape, x.dtype) for name, x in inputs.items()}
        serve = tf.function(model.serve, input_signature=[specs], autograph=False)

        def run(inputs):
            outputs = serve({name: tf.constant(x) for name, x in inputs.items()})
            return {name: value.numpy() for name, value in outputs.items()}

        return run

    @classmethod
    def picture(
        cls, model: Any, rows: Sequence[Any], batch_size: int = 64
    ) -> Callable[[Run], bytes]:
        """A PNG of the model's answers, as `metric` is a figure of them.

        Raises:
            UserError: There is none of the task.
        """
        raise UserError(f"there is no picture of {cls.FIGURE}")


def check_vocabulary(words: Collection[str], data: Any) -> None:
    """Raises UserError if `min_count` left no word that a model could learn."""
    if not any(map(str.strip, words)):
        raise UserError(
            "data.min_count: must leave a vocabulary, and no word of the training part "
            f"comes that often. Received: {data.min_count}"
        )


def check_shift(data: Any, most: float, what: str) -> None:
    """Raises UserError if `time_shift` may leave less than half of an example.

    Args:
        data: The recipe's data section.
        most: Half of the shortest example.
        what: The shortest example and the unit, for the message.
    """
    if data.time_shift > most:
        raise UserError(
            f"data.time_shift: must be at most half of {what}: {most:g}. "
            f"Received: {data.time_shift:g}"
        )


def check_labels(model: Any, found: Collection[str]) -> None:
    """Raises UserError if none of the labels of some rows is one of the model's."""
    if not set(found) & set(model.labels):
        some = ", ".join(sorted(found)[:3])
        raise UserError(
            f"the data set must have labels of the model's: "
            f"{', '.join(list(model.labels)[:3])}, ... Received: {some}, ..."
        )
