"""The tasks by name: what the trainer has to know of each kind of model."""

import importlib

from keras_seqzoo import registry
from keras_seqzoo.training.tasks.task import Task

# Name, as `ZooModel.task` has it -> class of its module.
_TASKS = {
    "captioning": "Captioning",
    "character_language_modelling": "CharacterLanguageModelling",
    "polyphonic_music": "PolyphonicMusic",
    "sentiment": "Sentiment",
    "series_classification": "SeriesClassification",
    "slot_filling": "SlotFilling",
    "speech_recognition": "SpeechRecognition",
    "translation": "Translation",
    "word_language_modelling": "WordLanguageModelling",
}


def task_named(name: str) -> type[Task]:
    """The task of a name that a model's class has as its `task`."""
    module = importlib.import_module(f"{__name__}.{name}")
    return getattr(module, _TASKS[name])


def all_options() -> frozenset[str]:
    """The keys of a recipe's data section that only some tasks have."""
    return frozenset().union(*(task_named(name).OPTIONS for name in _TASKS))


def task_of(architecture: str) -> type[Task]:
    """The task of an architecture's models."""
    return task_named(registry.architectures()[architecture].model_class.task)
