"""What a training does after each epoch: score, remember the best, save, stop."""

import contextlib
import csv
import dataclasses
import errno
import math
import os
import pathlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
import pydantic
import tensorflow as tf

from keras_seqzoo.errors import UserError
from keras_seqzoo.training import checkpoint


@dataclasses.dataclass
class Progress:
    """How far a training has come; what a checkpoint keeps beside the weights.

    `device` names what it ran on if that is not a CPU of here.
    """

    epochs: int = 0
    best_value: float | None = None
    best_epoch: int = 0
    seconds: float = 0.0
    stopped: bool = False
    device: str | None = None
    history: list[dict[str, int | float]] = dataclasses.field(default_factory=list)


def _progress(state: dict[str, Any]) -> Progress:
    """From a checkpoint's state; raises TypeError or ValueError if it is none."""
    Progress(**state)  # Unknown keys, which pydantic would leave out.
    return pydantic.TypeAdapter(Progress).validate_python(state)


@contextlib.contextmanager
def full_disk_as_error(folder: pathlib.Path) -> Iterator[None]:
    """Makes it a UserError that says how to go on if a run's file cannot be written."""
    try:
        yield
    except (OSError, tf.errors.OpError) as error:
        reason = getattr(error, "strerror", None)  # not TensorFlow's, which has errno's
        if reason is None and os.strerror(errno.ENOSPC) in str(error):
            reason = os.strerror(errno.ENOSPC)
        if reason is None:
            raise
        kept = "no checkpoint is written yet"
        if checkpoint.is_there(folder / "checkpoints"):
            kept = "the last checkpoint is kept"
        raise UserError(
            f"{folder}: cannot be written ({reason}); {kept}: make room and give the "
            "same command again"
        ) from error


class EpochKeeper(keras.callbacks.Callback):
    """Scores each epoch, keeps the best weights, checkpoints, and stops early.

    With an averaging optimizer the averaged weights are the ones that are scored and
    kept. A checkpoint holds all variables of model and optimizer, dropout's random
    states among them, so that a training goes on from it as if never interrupted.

    Args:
        folder: Of the run; takes `checkpoints/` and `history.csv`.
        score: Gives the model's dev figure. Without it the newest weights count as the
            best.
        name: The figure's column in `history.csv`.
        higher_is_better: Of the figure.
        patience: Epochs without a better figure before stopping; None for never.
        writes: Whether to write files: of several workers one does.
        save_best: Writes the model, which has its best weights, as a preset if the loss
            becomes infinite; returns the preset's folder.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        score: Callable[[], float] | None,
        name: str = "dev",
        higher_is_better: bool = True,
        patience: int | None = None,
        writes: bool = True,
        save_best: Callable[[], pathlib.Path] | None = None,
    ) -> None:
        super().__init__()
        self.folder = folder
        self.score = score
        self.name = name
        self.higher_is_better = higher_is_better
        self.patience = patience
        self.writes = writes
        self.save_best = save_best
        self.progress = Progress()
        self.best_weights = None

    def restore(self) -> bool:
        """Goes back to the newest checkpoint, if there is one."""
        found = checkpoint.latest(self.folder / "checkpoints", self._check)
        if found is None:
            return False
        state, arrays = found
        self.progress = _progress(state)
        for name, variable in self.variables().items():
            variable.assign(arrays[name])
        count = len(self.model.weights)
        self.best_weights = [arrays[f"best/{i}"] for i in range(count)]
        return True

    def _check(self, state: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Raises one of the errors of damage unless these fit this training."""
        _progress(state)
        shapes = {name: v.shape for name, v in self.variables().items()}
        weights = self.model.weights
        shapes |= {f"best/{i}": v.shape for i, v in enumerate(weights)}
        for name, shape in shapes.items():
            if arrays[name].shape != tuple(shape):
                raise ValueError(
                    f"{name} is of shape {arrays[name].shape}, not {tuple(shape)}"
                )

    def use_best_weights(self) -> None:
        """Puts the best epoch's weights into the model."""
        self.model.set_weights(self.best_weights)

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        self._began = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            kept, where = "no checkpoint is written yet", "again"
            if self.best_weights is not None:
                kept = f"the weights of epoch {self.progress.best_epoch} are kept"
                where = "in another run folder"
                if self.save_best is not None:
                    self.use_best_weights()
                    kept += f" as the preset {self.save_best()}"
            raise FloatingPointError(
                f"the loss is {loss} in epoch {self.progress.epochs + 1}, batch "
                f"{batch + 1}: {kept}; lower training.learning_rate or "
                f"training.clip_norm and train {where}"
            )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        progress = self.progress
        progress.epochs = epoch + 1
        self._score_and_keep(logs)
        waited = progress.epochs - progress.best_epoch
        progress.stopped = self.patience is not None and waited >= self.patience
        progress.seconds += time.monotonic() - self._began
        progress.history.append(
            {"epoch": epoch + 1} | {name: float(value) for name, value in logs.items()}
        )
        if self.writes:
            self._save()
        if progress.stopped:
            self.model.stop_training = True

    def _score_and_keep(self, logs: dict[str, Any]) -> None:
        progress, optimizer = self.progress, self.model.optimizer
        optimizer = getattr(optimizer, "inner_optimizer", optimizer)  # scaled losses
        live = None
        if optimizer.use_ema:
            live = self.model.get_weights()
            optimizer.finalize_variable_values(self.model.trainable_variables)
        if self.score is not None:
            logs[self.name] = self.score()
        value, best = logs.get(self.name), progress.best_value
        if None in (value, best) or (
            value > best if self.higher_is_better else value < best
        ):
            progress.best_value, progress.best_epoch = value, progress.epochs
            self.best_weights = self.model.get_weights()
        if live is not None:
            self.model.set_weights(live)

    def _save(self) -> None:
        arrays = {
            name: keras.ops.convert_to_numpy(variable)
            for name, variable in self.variables().items()
        }
        arrays |= {f"best/{i}": value for i, value in enumerate(self.best_weights)}
        state = dataclasses.asdict(self.progress)
        with full_disk_as_error(self.folder):
            folder = self.folder / "checkpoints"
            checkpoint.save(folder, self.progress.epochs, state, arrays)
            self._write_history()

    def variables(self) -> dict[str, keras.Variable]:
        """All of the model and its optimizer, by their names in a checkpoint."""
        groups = {
            "model": self.model.variables,
            "optimizer": self.model.optimizer.variables,
        }
        return {
            f"{group}/{i}": variable
            for group, variables in groups.items()
            for i, variable in enumerate(variables)
        }

    def _write_history(self) -> None:
        # Whole each time: an appended file would repeat rows after a resume.
        temporary = self.folder / "history.csv.tmp"
        rows = self.progress.history
        with open(temporary, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        os.replace(temporary, self.folder / "history.csv")
