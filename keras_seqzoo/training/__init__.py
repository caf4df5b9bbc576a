"""Recipes, the trainer, and the figures that it stores."""

from keras_seqzoo.training.metrics import (
    evaluate,
    representative_words,
    slot_f1,
    slot_scores,
)
from keras_seqzoo.training.recipe import Recipe, parse_overrides, read_recipe
from keras_seqzoo.training.reproduce import reproduce
from keras_seqzoo.training.trainer import train

__all__ = [
    "Recipe",
    "evaluate",
    "parse_overrides",
    "read_recipe",
    "representative_words",
    "reproduce",
    "slot_f1",
    "slot_scores",
    "train",
]
