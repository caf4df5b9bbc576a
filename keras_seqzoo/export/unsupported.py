"""What to say of an operator that a format lacks: whose it is, and what will do."""

import re

import keras

from keras_seqzoo.export.layer_settings import all_layers

# Patterns of TensorFlow's operators, and what to use instead of them.
_INSTEAD = {
    "String|Regex|Lookup|HashTable|AsString": (
        "give the model ids, and keep what reads text in front of it (a SavedModel "
        "takes text)"
    ),
    "FFT|Complex|Real$|Imag$|Angle$": (
        "compute spectra before the model, or as real matrix products"
    ),
    "Random|Stateless|Multinomial": "leave out what is random, or make it an input",
    "PyFunc": "write its function with keras.ops",
    "TensorList|TensorArray|Map": (
        "write its loop as the cell of a keras.layers.RNN, or over whole tensors"
    ),
    "Cholesky|Matrix|Qr$|Svd$|Eig|Lu$": "compute it once, and keep it as a weight",
}
_OTHERWISE = (
    "use operators of keras.ops that are sums, products, comparisons, exp, log, tanh "
    "or sigmoid, or export a SavedModel"
)


def unsupported(operator: str, place: str, model: keras.Model, form: str) -> str:
    """A line that names the layer, the operator, and what to use instead.

    Args:
        operator: its type in TensorFlow.
        place: its name in the graph, which is a path of the layers it is in.
        model: the model.
        form: the format's name.
    """
    layer = _layer_at(place, model)
    whose = f"layer {layer!r} uses" if layer else f"the model uses, at {place},"
    found = (text for pattern, text in _INSTEAD.items() if re.search(pattern, operator))
    return (
        f"{whose} {operator}, which {form} has no operator for: "
        f"{next(found, _OTHERWISE)}"
    )


def _layer_at(place, model):
    """The innermost layer or operation in a path; None if it has none of the model."""
    operations = [*all_layers(model), *getattr(model, "operations", [])]
    names = {one.name for one in operations if one is not model}
    for part in reversed(place.split("/")):
        # A layer that is traced again has a number behind its name.
        for name in (part, re.sub(r"_\d+$", "", part), part.lower()):
            if name in names:
                return name
    return None
