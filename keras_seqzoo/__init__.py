"""Small pretrained recurrent models for Keras, and the road to a phone.

The public names are imported when they are first used, so that `import keras_seqzoo`
alone loads neither TensorFlow nor Keras.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

# `export` is used as a function, but `import keras_seqzoo.export` binds the name to
# the subpackage whatever we put there; so the subpackage can be called.
_SUBPACKAGES = (
    "cells",
    "datasets",
    "diagnose",
    "export",
    "layers",
    "models",
    "preprocessing",
    "runtime",
)

# Public name -> the module that defines it.
_NAMES = {
    "ExportError": "export",
    "ExportReport": "export",
    "ModelInfo": "registry",
    "PresetError": "errors",
    "UserError": "errors",
    "create": "registry",
    "evaluate": "training",
    "info": "registry",
    "list_models": "registry",
    "load": "registry",
    "loss_for": "training",
    "own_dataset": "training",
    "register": "registry",
    "train": "training",
}

__all__ = sorted([*_SUBPACKAGES, *_NAMES])


def __getattr__(name: str) -> Any:
    if name in _SUBPACKAGES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"{__name__}.{_NAMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
