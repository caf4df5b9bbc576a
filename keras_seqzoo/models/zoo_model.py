"""What every reference model has besides being a `keras.Model`."""

from pathlib import Path
from typing import Any, ClassVar

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo import __version__, arguments
from keras_seqzoo.presets import int8_weights, store

TIMED_STEPS = 100  # of the inputs that an exported file is timed on


class ZooModel(keras.Model):
    """A functional Keras model with its front end, decoder and preset.

    A subclass builds its functional graph in `__init__` from JSON-able arguments,
    keeps them as `config` and writes the methods below. A single input is given to
    Keras in a list: it then takes the array alone as well as the dict.

    Attributes:
        config: Its arguments by name, those of a preset's config and assets.
        architecture: The registered name it was created under.
        tag: The pretrained tag it was loaded from, or None.
        card: The card of the preset it was loaded from, Markdown, or None.
        asset_keys: Arguments that are lists of strings and kept in text files of
            their own.
        head_layers: Names of the layers that answer; a new head replaces them.
        head_arguments: Arguments that make a new head; none where what the model
            answers is what it reads.
        task: Name of what the trainer has to know, a module of `training.tasks`.
        searched_outputs: Outputs of `serve` that a search chooses; another choice of
            the same score, an output besides, is as right.
        streamed_unit: How long a chunk of its inputs is, of which it has one step of
            time; chunks are of whole ones.
        length_name: What `length` is of `served_examples`.
        label_unit: What there is an integer for in the outputs of `serve`, in the
            plural: "words", "series".
        no_label: The integer that stands where there is none, behind the last word.
    """

    asset_keys: ClassVar[tuple[str, ...]] = ()
    head_layers: ClassVar[tuple[str, ...]] = ()
    head_arguments: ClassVar[tuple[str, ...]] = ("num_classes", "labels")
    task: ClassVar[str]
    searched_outputs: ClassVar[tuple[str, ...]] = ()
    streamed_unit: int = 1
    length_name: ClassVar[str] = "length"
    label_unit: ClassVar[str] = "integers"
    no_label: ClassVar[int | None] = None
    config: dict[str, Any]
    architecture: str | None = None
    tag: str | None = None
    card: str | None = None

    @classmethod
    def tiny(cls) -> dict[str, Any]:
        """Arguments that make a very small instance, for tests."""
        raise TypeError(f"{cls.__name__} must define `tiny`.")

    def serve(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Model and decoding, in the graph: what an exported file computes."""
        raise TypeError(f"{type(self).__name__} must define `serve`.")

    def served_inputs(self) -> dict[str, Any]:
        """The inputs of `serve` by name, with shape and dtype: those of the model."""
        return {tensor.name: tensor for tensor in self.inputs}

    def text_input(self) -> Any:
        """What the method `serve_text` takes, of a model that has one: texts."""
        return tf.TensorSpec((None,), tf.string, "text")

    def served_examples(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random valid inputs of `serve`: those of the model."""
        return self.example_inputs(batch, length, seed)

    def timed_examples(self) -> dict[str, np.ndarray]:
        """Random inputs of `serve` to time a call on."""
        return self.served_examples(1, TIMED_STEPS)

    def runtime_task(self) -> dict[str, Any] | None:
        """How `keras_seqzoo.runtime` runs an exported file: JSON-able.

        Its "kind" names the runner; None for a model of arrays alone.
        """
        return None

    def example_inputs(
        self, batch: int, length: int, seed: int = 0
    ) -> dict[str, np.ndarray]:
        """Random valid inputs; the first row has no padding."""
        raise TypeError(f"{type(self).__name__} must define `example_inputs`.")

    def example_targets(self, batch: int, length: int, seed: int = 0) -> np.ndarray:
        """Random valid targets that go with `example_inputs`."""
        raise TypeError(f"{type(self).__name__} must define `example_targets`.")

    def example_loss(self) -> keras.losses.Loss:
        """The loss between `example_targets` and the output: of ids, -1 for padding."""
        return keras.losses.SparseCategoricalCrossentropy(
            from_logits=True, ignore_class=-1
        )

    def get_config(self) -> dict[str, Any]:
        return dict(self.config)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "ZooModel":
        return cls(**config)

    def named_weights(self) -> dict[str, keras.Variable]:
        """The weights by their path, without the model's own name."""
        prefix = f"{self.name}/"
        return {weight.path.removeprefix(prefix): weight for weight in self.weights}

    def save_to_preset(
        self,
        folder: str | Path,
        metadata: dict[str, Any] | None = None,
        card: str | None = None,
        dtype: str = "float32",
        picture: bytes | None = None,
    ) -> None:
        """Write a folder, or a zip file, that `keras_seqzoo.load` reads.

        Args:
            folder: Where to; a zip file if it ends in ".zip". An existing preset there
                is replaced.
            metadata: What is known about it (data, metric, value, ...), JSON-able.
            card: The model card's text, Markdown.
            dtype: How the weights are kept: "float32", "float16", or "int8": large
                matrices so, with a scale for each row, and all else as float16.
            picture: The card's picture of the training, PNG.

        Raises:
            UserError: if `folder` is no path, holds something else or cannot be
                written.
        """
        if dtype not in ("float32", "float16", "int8"):
            raise ValueError(
                "`dtype` must be 'float32', 'float16' or 'int8'. "
                f"Received: dtype={dtype!r}"
            )
        folder = arguments.path("folder", folder)
        config = self.get_config()
        assets = {key: config.pop(key) for key in self.asset_keys}
        floats = "float32" if dtype == "int8" else dtype
        weights = {n: np.asarray(w, floats) for n, w in self.named_weights().items()}
        store.write(
            folder,
            {
                "architecture": self.architecture,
                "config": config,
                "metadata": {"parameters": self.count_params(), **(metadata or {})},
                "version": __version__,
            },
            int8_weights.packed(weights) if dtype == "int8" else weights,
            assets,
            card or f"# {self.architecture}\n\nSaved by keras_seqzoo {__version__}.\n",
            picture,
        )
