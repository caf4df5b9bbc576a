"""A pretrained tag's figure, once more from nothing."""

import os
import pathlib
from typing import Any

from keras_seqzoo.errors import UserError
from keras_seqzoo.training.recipe import read_recipe
from keras_seqzoo.training.trainer import reaches, train

RECIPES = "zoo_configs"


def reproduce(
    tag: str,
    *,
    data_dir: str | None = None,
    run_dir: str | os.PathLike | None = None,
    recipes: str | os.PathLike = RECIPES,
    seed: int | None = None,
    verbose: int | str = "auto",
) -> dict[str, Any]:
    """Trains a tag's recipe from nothing and compares the figure with what it states.

    A call that was interrupted goes on; one that ended well is not repeated.

    Args:
        tag: Such as "gru_tagger.atis".
        data_dir: Folder of a local copy of the data.
        run_dir: Of the training; by default `runs/reproduce/<tag>`, and
            `.seed<n>` with a seed of your own.
        recipes: Folder of the recipes, `<folder>/<pattern>/<tag>.yaml`.
        seed: In place of the recipe's.
        verbose: Keras' progress.

    Returns:
        tag, dataset, split, metric, value, expected, tolerance, passed, minutes, and
        the preset's folder. It passes unless it is worse by more than the
        tolerance.

    Raises:
        UserError: There is no such recipe, or it states no figure; or as `train`.
    """
    path = find_recipe(tag, recipes)
    recipe = read_recipe(path)
    if recipe.expected is None:
        raise UserError(f"{path}: expected: is missing: there is nothing to compare")
    name = tag if seed is None else f"{tag}.seed{seed}"
    run = pathlib.Path(run_dir or pathlib.Path("runs") / "reproduce" / name)
    overrides = {"expected": None}  # Whether it is reached is said here.
    if seed is not None:
        overrides["training.seed"] = seed
    result = train(
        path,
        data_dir=data_dir,
        run_dir=run,
        overrides=overrides,
        verbose=verbose,
    )
    expected = recipe.expected
    return {
        **{key: result[key] for key in ("tag", "dataset", "split", "metric", "value")},
        "expected": expected.value,
        "tolerance": expected.tolerance,
        "passed": reaches(recipe, result["value"]),
        "minutes": round(result["train_seconds"] / 60, 1),
        "preset": str(run / tag),
    }


def find_recipe(tag: str, recipes: str | os.PathLike = RECIPES) -> pathlib.Path:
    """The recipe file of a tag.

    Raises:
        UserError: There is none, or no folder of recipes.
    """
    folder = pathlib.Path(recipes)
    if not folder.is_dir():
        raise UserError(
            f"recipes must be the folder {RECIPES}/ of the project. Received: {folder}"
        )
    known = {path.stem: path for path in sorted(folder.glob("*/*.*.yaml"))}
    if not known:
        raise UserError(
            f"recipes must be a folder of <pattern>/<tag>.yaml. {folder} has none"
        )
    if tag not in known:
        raise UserError(f"tag must be one of {', '.join(known)}. Received: {tag!r}")
    return known[tag]
