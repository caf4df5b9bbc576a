"""What a file says about itself: see `keras_seqzoo.runtime.files` for where."""

import hashlib

import keras
import numpy as np
import tensorflow as tf

from keras_seqzoo import __version__
from keras_seqzoo.export.files import Place
from keras_seqzoo.export.layer_settings import all_layers
from keras_seqzoo.export.serving import Served
from keras_seqzoo.export.step import Step
from keras_seqzoo.runtime.files import CARD, DESCRIPTION, FORMAT, as_json, with_metadata

Outputs = dict[str, tf.Tensor]


def description(
    served: Served,
    step: Step | None,
    outputs: dict[str, Outputs],
    quantize: str | None,
) -> dict:
    """The values of `seqzoo.json`, but for the file's own checksum.

    Args:
        served: the model.
        step: its step, if it has one.
        outputs: for each signature its outputs, symbolic, by name.
        quantize: how weights are kept.
    """
    model = served.model
    task = getattr(model, "runtime_task", None)
    inputs = {"serve": served.inputs}
    found = {
        "format": FORMAT,
        "keras_seqzoo": __version__,
        "model": {
            "name": model.name,
            "architecture": getattr(model, "architecture", None),
            "tag": getattr(model, "tag", None),
            "parameters": model.count_params(),
        },
        "task": task() if task else None,
        "quantize": quantize,
        "normalization": _normalization(model),
        "initial_states": [],
    }
    if step is not None:
        inputs["step"] = step.served.inputs
        found |= {"sequences": step.sequences, "time_axes": step.time_axes}
        found["initial_states"] = [
            {
                "name": state.name,
                "next": state.next_name,
                "layer": state.layer,
                "dtype": state.start.dtype.name,
                "shape": ["batch", *state.start.shape],
                # Nearly always zeros, which need no list.
                "value": state.start.tolist() if state.start.any() else 0,
            }
            for state in step.states
        ]
    found["signatures"] = {
        name: {"inputs": _tensors(inputs[name]), "outputs": _tensors(outputs[name])}
        for name in inputs
    }
    return found


def texts(model: keras.Model) -> dict[str, str]:
    """The other texts: for a zoo model its lists, one entry a line, and its card."""
    config = model.get_config() if hasattr(model, "asset_keys") else {}
    found = {
        f"{key}.txt": "".join(f"{line}\n" for line in config[key])
        for key in getattr(model, "asset_keys", ())
    }
    if getattr(model, "card", None):
        found[CARD] = model.card
    return found


def add(form: str, place: Place, about: dict, more: dict[str, str]) -> None:
    """Puts the metadata into what was written.

    A SavedModel has it in `assets.extra`, its folder for other people's files.
    """
    if form == "saved_model":
        folder = place.new / "assets.extra"
        folder.mkdir()
        for name, text in ({DESCRIPTION: as_json(about)} | more).items():
            (folder / name).write_text(text, encoding="utf-8", newline="")
        return
    content = place.new.read_bytes()
    place.new.write_bytes(with_metadata(content, f".{form}", about, more))
    if place.step.exists():
        # The checksum of its other half, so that no two halves are mixed up.
        about |= {"serve_sha256": hashlib.sha256(content).hexdigest()}
        content = place.step.read_bytes()
        place.step.write_bytes(with_metadata(content, f".{form}", about, more))


def _normalization(model):
    """Constants of the layers that normalise, by name; the graph has them too."""
    constants = {
        keras.layers.Normalization: ("mean", "variance"),
        keras.layers.Rescaling: ("scale", "offset"),
    }
    return {
        layer.name: {k: np.asarray(getattr(layer, k)).tolist() for k in names}
        for layer in all_layers(model)
        for kind, names in constants.items()
        if isinstance(layer, kind)
    }


def _tensors(specs):
    return {
        name: {"dtype": spec.dtype.name, "shape": _sizes(name, spec.shape)}
        for name, spec in specs.items()
    }


def _sizes(name, shape):
    """Sizes; those that are free have names. None if not even the rank is known."""
    if shape.rank is None:
        return None
    free = {0: "batch", 1: "length"}
    return [
        free.get(axis, f"{name}_{axis}") if size is None else size
        for axis, size in enumerate(shape.as_list())
    ]
