"""UCI HAR: six activities from a phone's accelerometer (7,352 / 2,947 windows)."""

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import reading

FILE = "uci_har_acc.npz"
STEPS, AXES = 64, 3
SAMPLE_RATE = 50  # Hz.
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
        "accuracy over the test windows, macro F1 beside it: of 64 samples (all 2,947) "
        "or of 128 (the 2,772 that can be joined); say which"
    )
    TRAPS = (
        "3 of the 9 usual channels: the gyroscope and the body acceleration are not "
        "here, so published figures of nine channels are an upper mark only.",
        "A window is the first 64 samples of an official one of 128. Where `joined` is "
        "true the next example carries straight on, and the two are the official "
        "window: the order of the examples is part of the data.",
        "`joined` was found from the signal, not given by the authors: about 1 % of "
        "the joined windows may hide a seam.",
        "The split is by person, 21 and 9. There is no validation split: take whole "
        "persons out of train, for neighbouring windows are nearly the same.",
        "Labels count from 0 here and from 1 in the official files.",
    )
    SOURCE = (
        "GitHub ayushmodi12/human-activity-recognition-on-uci-har-dataset (signals), "
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
