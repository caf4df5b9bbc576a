"""UCI HAR: six activities from a phone's accelerometer (7,352 / 2,947 windows)."""

import hashlib
import io
import pathlib
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import has_changed, reading

FILE = "uci_har_acc.npz"
INNER_ARCHIVE, FOLDER = "UCI HAR Dataset.zip", "UCI HAR Dataset"
STEPS, AXES = 64, 3
SAMPLE_RATE = 50  # Hz.
LAST_DIGIT = 1e-5  # g: two halves that are the same may differ by this.
TOLERANCES = {"mean": 1e-4, "deviation": 1e-4, "share of joined": 0.05}  # In g; of 1.
ACTIVITIES = (
    "walking",
    "walking upstairs",
    "walking downstairs",
    "sitting",
    "standing",
    "laying",
)


class UciHar(SequenceBuilder):
    """The tfds builder of UCI HAR's total acceleration, in the official order."""

    name = "uci_har"
    TITLE = "UCI HAR"
    TASK = "activity"
    EXAMPLE = (
        "`acceleration`, (64, 3) in g at 50 Hz with gravity, `label` (six activities), "
        "`subject` (1 to 30) and `joined`"
    )
    METRIC = (
        "accuracy over the test windows, macro F1 beside it; say of which task: A, 64 "
        "samples, all 2,947 (a recipe's `train_64` and `test_64`), or B, 128 samples, "
        "the 2,772 of the local copy that can be joined (`train` and `test`)"
    )
    TRAPS = (
        "3 of the 9 usual channels: the gyroscope and the body acceleration are not "
        "here, so published figures of nine channels are an upper mark only.",
        "A window is the first 64 samples of an official one of 128. Where `joined` is "
        "true the next example carries straight on, and the two are the official "
        "window: the order of the examples is part of the data.",
        "`joined` is exact where the set is made from the official windows, whose "
        "halves overlap. In the local copy, which has their first halves only, it was "
        "found from the signal: about 1 % of the joined windows may hide a seam.",
        "The split is by person, 21 and 9. There is no validation split: take whole "
        "persons out of train, for neighbouring windows are nearly the same.",
        "Labels count from 0 here and from 1 in the official files.",
    )
    SOURCE = (
        "UCI repository, dataset 240; the local copy: GitHub "
        "ayushmodi12/human-activity-recognition-on-uci-har-dataset (signals) and "
        "lpbarto/HAR_Perceptron (labels and persons), put back into official order"
    )
    HOMEPAGE = "https://archive.ics.uci.edu/dataset/240"
    LICENCE = (
        "the data's own README: free with citation, no commercial use; the UCI "
        "repository lists it as CC BY 4.0"
    )
    CITATION = (
        "Anguita, Ghio, Oneto, Parra, Reyes-Ortiz, A Public Domain Dataset for Human "
        "Activity Recognition Using Smartphones, ESANN 2013"
    )
    ROWS = {"train": 7352, "test": 2947}
    SHA256 = {FILE: "fa67a5d490f66a05e9aa14bf1b2d876c29235e3f605c2688053ea0c61b2fb621"}
    ORIGINALS = {
        "human_activity_recognition.zip": (
            "https://archive.ics.uci.edu/static/public/240/"
            "human+activity+recognition+using+smartphones.zip"
        )
    }
    # `facts` of the local copy. What is made need not be the same to the bit: there the
    # signal may have lost its last digit, and `joined` was found in another way.
    FACTS = {
        "train": {
            "labels": (
                "d5a9f4b97adeb07a9f71f6bc47c98ecdc5554cf670f98b8ab722e19cfcc4aae8"
            ),
            "subjects": (
                "2c395e93c9183f14405c7fbca8167fa4cff788d038a352d3d5e426ed1aa58459"
            ),
            "mean": (0.804559, 0.028825, 0.086141),
            "deviation": (0.414361, 0.391015, 0.358056),
            "share of joined": 0.9436,
        },
        "test": {
            "labels": (
                "d70e696bffe8cb255e002f1cdd5125f63dff9c510609a9bb8f9c03a4a624aaa0"
            ),
            "subjects": (
                "f6aca869c2a54b67d93c6bdb2e12b7e3bceaab643d231a52b0ade48423f05dfb"
            ),
            "mean": (0.816783, 0.004399, 0.080511),
            "deviation": (0.406722, 0.412023, 0.308271),
            "share of joined": 0.9406,
        },
    }
    DISK_SPACE = 150_000_000

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Takes the first half of each official window, with its label and person.

        Raises:
            UserError: Also if labels, persons or the signal are not those of FACTS.
        """
        (path,) = originals.values()
        made = {}
        with reading(path), zipfile.ZipFile(path) as outer:
            inner = io.BytesIO(outer.read(INNER_ARCHIVE))
            with zipfile.ZipFile(inner) as archive:
                for split in cls.FACTS:
                    made[split] = _official(archive, split)
        for split, arrays in made.items():
            _check(cls, split, facts(*arrays))
        names = ("x", "y", "subject", "joined")
        np.savez_compressed(
            folder / FILE,
            **{f"{s}_{n}": a for s in made for n, a in zip(names, made[s])},
        )

    def features(self) -> tfds.features.FeaturesDict:
        """`acceleration` (64, 3) float32; `label`, `subject` int; `joined` bool."""
        return tfds.features.FeaturesDict(
            {
                "acceleration": tfds.features.Tensor(
                    shape=(STEPS, AXES), dtype=np.float32
                ),
                "label": tfds.features.ClassLabel(names=ACTIVITIES),
                "subject": np.int32,
                "joined": np.bool_,
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The windows of a split in the official order."""
        path = files[FILE]
        with reading(path), np.load(path) as arrays:
            columns = [arrays[f"{split}_{key}"] for key in ("x", "y", "subject")]
            for x, y, subject, joined in zip(
                *columns, arrays[f"{split}_joined"], strict=True
            ):
                yield {
                    "acceleration": x,
                    "label": int(y) - 1,
                    "subject": int(subject),
                    "joined": bool(joined),
                }


def facts(
    x: np.ndarray, y: np.ndarray, subject: np.ndarray, joined: np.ndarray
) -> dict[str, Any]:
    """What is known of a split's windows, as in FACTS.

    Args:
        x: (windows, 64, 3) float32, in g.
        y: (windows,) uint8, as is `subject`.
        subject: As `y`.
        joined: (windows,) bool.
    """
    return {
        "labels": hashlib.sha256(y.tobytes()).hexdigest(),
        "subjects": hashlib.sha256(subject.tobytes()).hexdigest(),
        "mean": x.mean((0, 1), np.float64),
        "deviation": x.std((0, 1), np.float64),
        "share of joined": joined.mean(),
    }


def _official(archive: zipfile.ZipFile, split: str) -> tuple[np.ndarray, ...]:
    """A split's first halves, labels, persons, and which rows are joined."""

    def table(name: str, dtype: type) -> np.ndarray:
        with archive.open(f"{FOLDER}/{split}/{name}_{split}.txt") as lines:
            return np.loadtxt(lines, dtype)

    axes = [table(f"Inertial Signals/total_acc_{a}", np.float32) for a in "xyz"]
    y, subject = table("y", np.uint8), table("subject", np.uint8)
    windows = np.stack(axes, axis=-1).reshape(len(y), 2, STEPS, AXES)
    joined, jumps = np.zeros(len(y), bool), np.abs(windows[:-1, 1] - windows[1:, 0])
    joined[:-1] = (
        (jumps.max((1, 2)) <= LAST_DIGIT)
        & (y[:-1] == y[1:])
        & (subject[:-1] == subject[1:])
    )
    return windows[:, 0], y, subject, joined


def _check(cls: type[UciHar], split: str, found: Mapping[str, Any]) -> None:
    for name, expected in cls.FACTS[split].items():
        if name in TOLERANCES:
            tolerance = TOLERANCES[name]
            agrees = np.allclose(found[name], expected, rtol=0, atol=tolerance)
        else:
            agrees = found[name] == expected
        if not agrees:
            raise has_changed(FILE, cls.SOURCE, f"other {name} in {split}")
