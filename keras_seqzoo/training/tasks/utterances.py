"""The utterances that a speech recogniser learns from, and their frames."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.connected_digits import in_pauses, quiet
from keras_seqzoo.runtime.sound import samples_of

SPEAKERS = ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")  # of FSDD
# Of AN4's 74 speakers of train: for choosing settings, before training on all.
HELD_OUT = ("fbbh", "fejs", "fkdo", "fsrb", "mcen", "mdxs", "mjgk", "mmkw", "msjr")
QUIET = 300  # sounds in which nothing is said
SAMPLES_AT_ONCE = 1 << 21  # that the front end is given, of one length


class Utterance(NamedTuple):
    """Samples (samples,), or frames (time, features) float32, and their text.

    Samples are int16 or floats in [-1, 1], of the model's rate.
    """

    sound: np.ndarray
    text: str
    speaker: str = ""


def further_splits(dataset: str) -> tuple[str, ...]:
    """The splits of a set beside its own.

    Of digits `without_<speaker>` and `of_<speaker>`, all recordings or strings, and
    `quiet`, sounds in which nothing is said; of FSDD also `train_in_pauses`, its train
    recordings with quiet around them; of AN4 `fit` and `validation`, train without and
    of the speakers in HELD_OUT.
    """
    if dataset == "an4_mfcc":
        return "fit", "validation"
    in_quiet = ("train_in_pauses",) if dataset == "fsdd" else ()
    left_out = [f"{part}_{one}" for one in SPEAKERS for part in ("without", "of")]
    return *in_quiet, "quiet", *left_out


def read_utterances(dataset: str, split: str, data_dir: str | None) -> list[Utterance]:
    """The utterances of one of the set's own splits or `further_splits`."""
    if split == "quiet":
        return [Utterance(quiet(seed), "", "nobody") for seed in range(QUIET)]
    part, _, speaker = split.partition("_")
    if speaker in SPEAKERS:
        own = catalogue.facts(dataset).ROWS
        rows = [row for one in own for row in read_utterances(dataset, one, data_dir)]
        return [row for row in rows if (row.speaker == speaker) == (part == "of")]
    files = {"train_in_pauses": "train", "fit": "train"}
    if dataset == "an4_mfcc":
        files["validation"] = "train"
    found = catalogue.rows(dataset, files.get(split, split), data_dir)
    if dataset == "fsdd":
        names = catalogue.builder(dataset, data_dir).info.features["label"].names
        rows = [(row["audio"], names[row["label"]]) for row in found]
    elif dataset == "connected_digits":
        rows = [(row["audio"], row["digits"].decode()) for row in found]
    else:
        rows = [(row["frames"], row["text"].decode()) for row in found]
    speakers = [row["speaker"].decode() for row in found]
    if split == "train_in_pauses":
        rows = [(in_pauses(x, seed), text) for seed, (x, text) in enumerate(rows)]
    rows = [Utterance(*row, one) for row, one in zip(rows, speakers)]
    if dataset == "an4_mfcc" and split in ("fit", "validation"):
        wanted = split == "validation"
        rows = [row for row in rows if (row.speaker in HELD_OUT) == wanted]
    return rows


def frames_of(model: Any, sounds: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The frames of each sound, (time, features) float32, as the model's `serve`."""
    if model.log_mel is None:
        return [np.asarray(sound, np.float32) for sound in sounds]
    found: list = [None] * len(sounds)
    order = np.argsort([len(sound) for sound in sounds], kind="stable")
    while len(order):
        # Of few lengths, so that little is compiled.
        rate = model.log_mel.sample_rate
        width = max(1, -(-len(sounds[order[0]]) // rate)) * rate
        fits = [i for i in order if len(sounds[i]) <= width][: SAMPLES_AT_ONCE // width]
        batch = np.zeros((len(fits), width), np.float32)
        for row, i in enumerate(fits):
            batch[row, : len(sounds[i])] = samples_of(sounds[i])
        frames = np.asarray(model.log_mel(batch))
        for row, i in enumerate(fits):
            found[i] = frames[row, : model.log_mel.frame_count(len(sounds[i]))]
        order = order[len(fits) :]
    return found
