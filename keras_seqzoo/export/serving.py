"""What of a model is exported: one function with named inputs and outputs."""

import dataclasses
import inspect
import keyword
import re
from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.export.called_inputs import called_inputs
from keras_seqzoo.export.layer_settings import (
    all_layers,
    in_float32,
    plain_errors,
    stateless,
)
from keras_seqzoo.models.zoo_model import TIMED_STEPS, ZooModel


@dataclasses.dataclass
class Served:
    """A model as a function from named tensors to named tensors.

    Attributes:
        model: the Keras model.
        call: function from a dict of tensors to a dict of tensors.
        inputs: the inputs' specs by name, None where a size is dynamic.
        example: function `(batch, length, seed)` to a dict of arrays to try it on.
        searched: outputs that a search chooses, whose score is an output besides.
        unit: how long a chunk of the inputs is, of which the model has one step of
            time.
        length_name: what the example's `length` is of.
        label_unit: what there is an integer for in the outputs, in the plural.
        no_label: the integer that stands where there is none.
        timed: function that makes the inputs to time a call on.
    """

    model: keras.Model
    call: Callable
    inputs: dict[str, tf.TensorSpec]
    example: Callable
    searched: tuple[str, ...] = ()
    unit: int = 1
    length_name: str = "length"
    label_unit: str = "integers"
    no_label: int | None = None
    timed: Callable | None = None


def serving_function(model: keras.Model) -> Served:
    """Finds what to export of a zoo model, or of any Keras model that is built.

    Of a stateful model it is the answer from the layers' initial states, those of a new
    model, whatever they hold: a file keeps nothing between calls. What they would keep
    goes through the signature `step`. The batch, which Keras wants fixed, is free.

    Of a subclassed model Keras knows no inputs but the shapes of its first call; see
    `called_inputs`.

    Raises:
        UserError: for anything that is not a Keras model, or not built, and for
            weights that are NaN or infinite.
    """
    if not isinstance(model, keras.Model):
        raise UserError(
            "model must be a keras.Model: a zoo model, functional, Sequential or "
            f"subclassed. Received: an object of type {type(model).__name__}"
        )
    wild = [w.path for w in model.weights if not np.isfinite(np.asarray(w)).all()]
    if wild:
        raise UserError(
            "weights must be finite numbers: nothing can be compared with NaN. "
            f"Received: NaN or infinity in {', '.join(wild)}"
        )
    call = _call_of(model)
    with stateless(model), in_float32(model), plain_errors():
        structure = _symbolic_inputs(model)
        if structure is None:
            structure = called_inputs(model, all_layers(model))
    if isinstance(model, ZooModel):
        specs = _specs(model.served_inputs())
        return Served(
            model,
            model.serve,
            specs,
            model.served_examples,
            model.searched_outputs,
            model.streamed_unit,
            model.length_name,
            model.label_unit,
            model.no_label,
            model.timed_examples,
        )
    specs = _specs(structure)

    def served(tensors):
        flat = [tensors[name] for name in specs]
        with stateless(model):
            return _named(call(keras.tree.pack_sequence_as(structure, flat)))

    # Integers are ids, most likely: of the smallest embedding there is.
    ids = min(
        (
            x.input_dim
            for x in all_layers(model)
            if isinstance(x, keras.layers.Embedding)
        ),
        default=2,
    )

    words = [
        str(word)
        for layer in all_layers(model)
        if hasattr(layer, "get_vocabulary")
        for word in layer.get_vocabulary()
    ]

    def example(batch, length, seed=0):
        random = np.random.default_rng(seed)
        return {
            name: _random_text(_sizes(spec, batch, length), words, random)
            if spec.dtype == tf.string
            else _random_array(_sizes(spec, batch, length), spec.dtype, ids, random)
            for name, spec in specs.items()
        }

    def timed():
        return example(1, TIMED_STEPS)

    found = Served(model, served, specs, example, timed=timed)
    if any(getattr(layer, "stateful", False) for layer in all_layers(model)):
        _free_the_batch(found)
    return found


def _symbolic_inputs(model):
    """A functional or Sequential model's inputs, as it takes them; else None."""
    try:
        single = isinstance(model, keras.Sequential)
        return model.inputs[0] if single else model.input
    except (AttributeError, ValueError):
        return None


def _call_of(model):
    """The model as a function of its inputs."""
    # Not model(...), which refuses chunks where the length is fixed.
    has_training = "training" in inspect.signature(model.call).parameters
    training = {"training": False} if has_training else {}
    return lambda inputs: model.call(inputs, **training)


def _specs(structure):
    """The inputs by name, in the order in which they are flattened."""
    flat = keras.tree.flatten(structure)
    names = [tensor.name for tensor in flat]
    if isinstance(structure, dict) and len(structure) == len(flat):
        names = sorted(structure)
    names = [_identifier(name) for name in names]
    if len(set(names)) < len(names):
        raise UserError(f"inputs must have different names. Received: {names}")
    return {
        name: tf.TensorSpec(tensor.shape, tensor.dtype, name)
        for name, tensor in zip(names, flat)
    }


def _identifier(name):
    """The name as TensorFlow's signatures want it: `my-input` becomes `my_input`."""
    name = re.sub(r"\W", "_", name, flags=re.ASCII)
    is_one = name.isidentifier() and not keyword.iskeyword(name) and name[0] != "_"
    return name if is_one else f"input_{name.lstrip('_')}"


def _named(outputs):
    """Outputs in a dict: its keys are the names, where the model gives a dict."""
    if not isinstance(outputs, dict):
        outputs = {"output": outputs}
    named = {}
    for name, value in outputs.items():
        flat = [y for y in keras.tree.flatten(value) if y is not None]
        one = len(flat) == 1
        named |= {name if one else f"{name}_{n}": y for n, y in enumerate(flat)}
    return named


def _free_the_batch(served):
    """Makes the batch dynamic, if Keras itself takes another."""
    fixed = dict(served.inputs)
    for name, spec in fixed.items():
        sizes = spec.shape.as_list()
        served.inputs[name] = tf.TensorSpec([None, *sizes[1:]], spec.dtype, name)
    inputs = served.example(1 + max(spec.shape[0] or 1 for spec in fixed.values()), 33)
    try:
        served.call({name: tf.constant(array) for name, array in inputs.items()})
    except Exception:  # whatever a model may do with its batch
        served.inputs.update(fixed)


def _sizes(spec, batch, length):
    sizes = spec.shape.as_list()
    sizes[:1] = [batch if size is None else size for size in sizes[:1]]
    return [length if size is None else size for size in sizes]


def _random_text(sizes, words, random):
    """Strings of one word or a few, known ones and others."""
    texts = np.empty(sizes, object)
    for place in np.ndindex(*sizes):
        count = random.choice([1, 1, 4])
        texts[place] = " ".join(random.choice([*words, "unknown"], count))
    return texts


def _random_array(sizes, dtype, ids, random):
    if dtype.is_floating:
        return random.normal(size=sizes).astype(dtype.as_numpy_dtype)
    if dtype.is_bool:
        return random.random(sizes) < 0.7
    # Zero is padding in most models, so there is some of it.
    array = random.integers(0, ids, sizes) * (random.random(sizes) < 0.8)
    return array.astype(dtype.as_numpy_dtype)
