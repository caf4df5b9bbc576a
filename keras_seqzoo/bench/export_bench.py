"""Our exports against every other way to bring a Keras model to a phone or a server."""

import sys
from collections.abc import Callable, Sequence

import keras
from tqdm import tqdm

from keras_seqzoo.bench.export_models import MODELS, SIZES, Sizes
from keras_seqzoo.bench.export_rows import export_rows
from keras_seqzoo.bench.export_targets import target_rows
from keras_seqzoo.bench.machine import facts, set_threads
from keras_seqzoo.errors import UserError


def bench_export(
    models: Sequence[str] = (),
    seconds: float = 20.0,
    save: Callable[[dict], None] | None = None,
    sizes: Sizes = SIZES,
) -> dict:
    """Export models in every way, and compare the files: on one thread, at batch 1.

    Args:
        models: Names in `export_models.MODELS`; empty for all.
        seconds: To time each model's files.
        save: Called with the result so far after each model, so that a run that is cut
            off loses one model at most.
        sizes: How large the models are, and the lengths they run at.

    Returns:
        "rows" (see `export_rows.export_rows`), "targets" (`export_targets.target_rows`)
        and how they came about: "command", "sweep" (None), "seconds", "threads",
        "sizes", "machine".

    Raises:
        UserError: for an unknown model, or another backend than TensorFlow.
    """
    backend = keras.config.backend()
    if backend != "tensorflow":
        raise UserError(
            "bench export needs the TensorFlow backend: set KERAS_BACKEND=tensorflow. "
            f"Received: KERAS_BACKEND={backend}"
        )
    for name in models:
        if name not in MODELS:
            raise UserError(
                f"A model must be one of {', '.join(MODELS)}. Received: {name!r}"
            )
    set_threads(1)
    result = {
        "command": "export",
        "sweep": None,
        "seconds": seconds,
        "threads": 1,
        "sizes": sizes._asdict(),
        "machine": facts(),
        "rows": [],
        "targets": [],
    }
    names = list(dict.fromkeys(models)) or list(MODELS)
    with tqdm(total=len(names), unit="", disable=not sys.stderr.isatty()) as bar:
        for name in names:
            result["rows"] += export_rows(
                name, MODELS[name], sizes, seconds, bar.set_description
            )
            result["targets"] = target_rows(result["rows"])
            bar.update()
            if save:
                save(result)
    return result
