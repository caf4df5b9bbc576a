"""Recipes, the trainer, and the figures that it stores."""

from keras_seqzoo.training.evaluate import evaluate
from keras_seqzoo.training.metrics import slot_scores
from keras_seqzoo.training.own_dataset import loss_for, own_dataset
from keras_seqzoo.training.recipe import Recipe, parse_overrides, read_recipe
from keras_seqzoo.training.reproduce import reproduce
from keras_seqzoo.training.tasks import task_of
from keras_seqzoo.training.trainer import train

__all__ = [
    "Recipe",
    "evaluate",
    "loss_for",
    "own_dataset",
    "parse_overrides",
    "read_recipe",
    "reproduce",
    "slot_scores",
    "task_of",
    "train",
]
