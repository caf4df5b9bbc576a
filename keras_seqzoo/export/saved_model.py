"""SavedModels that load in a process that knows nothing of this package."""

import collections
import dataclasses
import pathlib

import keras
import tensorflow as tf

from keras_seqzoo.errors import first_line
from keras_seqzoo.export.layer_settings import all_layers
from keras_seqzoo.export.report import ExportError
from keras_seqzoo.export.serving import Served
from keras_seqzoo.export.step import Step
from keras_seqzoo.export.tracing import concrete_function


def write_saved_model(
    served: Served, step: Step | None, path: pathlib.Path
) -> dict[str, dict[str, tf.Tensor]]:
    """Writes a folder with the signatures `serve`, from ids to the answer, and `step`.

    Of a zoo model that reads text, or writes it, there are `serve_text` and `step_text`
    too, with strings for the ids; `serve_text` is then the default signature.

    Returns:
        For each signature its outputs, symbolic.

    Raises:
        ExportError: where TensorFlow cannot save the model.
    """
    functions = {"serve": served}
    if step is not None:
        functions["step"] = step.served
    serve_text = getattr(served.model, "serve_text", None)
    if serve_text is not None:
        given = served.model.text_input()
        text = {given.name: tf.TensorSpec(given.shape, given.dtype, given.name)}

        def call(tensors):
            return serve_text(tensors[given.name])

        functions["serve_text"] = dataclasses.replace(served, call=call, inputs=text)
        if step is not None:
            states = {s.name: step.served.inputs[s.name] for s in step.states}
            functions["step_text"] = dataclasses.replace(
                step.served, call=step.carrying(call), inputs=text | states
            )
    try:
        signatures = {name: concrete_function(f) for name, f in functions.items()}
        default = "serve" if serve_text is None else "serve_text"
        root = tf.Module()
        root.kept_variables = [v.value for v in served.model.variables]
        root.kept_resources = _resources(served.model)
        tf.saved_model.save(
            root,
            str(path),
            signatures=signatures | {"serving_default": signatures[default]},
        )
    except Exception as error:
        raise ExportError(f"SavedModel export failed: {first_line(error)}") from error
    return {name: f.structured_outputs for name, f in signatures.items()}


def operators(path: pathlib.Path) -> dict[str, int]:
    """Counts the operators in a SavedModel's functions."""
    from tensorflow.core.protobuf import saved_model_pb2

    saved = saved_model_pb2.SavedModel()
    saved.ParseFromString((path / "saved_model.pb").read_bytes())
    functions = saved.meta_graphs[0].graph_def.library.function
    return dict(collections.Counter(node.op for f in functions for node in f.node_def))


def _resources(model: keras.Model) -> list:
    """The look-up tables in the model's layers; TensorFlow saves what it is shown."""
    kind = tf.saved_model.experimental.TrackableResource
    return [
        value
        for layer in all_layers(model)
        for value in vars(layer).values()
        if isinstance(value, kind)
    ]
