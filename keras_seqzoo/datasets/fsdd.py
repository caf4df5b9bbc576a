"""FSDD: spoken digits of six speakers at 8 kHz (2,400 / 300 / 300 recordings)."""

import csv
import io
import pathlib
import re
import wave
import zipfile
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import reading

INDEX, ARCHIVE = "index.csv", "fsdd_wav.zip"
COLUMNS = ("file", "digit", "speaker", "take", "split", "samples", "sample_rate")
COMMIT = "d6938f9bf1545aa66d8489fc9f1385a7abd64282"  # Its tag is v1.0.10.
RECORDING = re.compile(r"[^/]+/recordings/(\d)_([a-z]+)_(\d+)\.wav")
SAMPLE_RATE = 8000
DIGITS = (
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
)
# Of the 50 takes of each digit by each speaker; those of test are the official ones.
TAKES = {"train": range(10, 50), "validation": range(5, 10), "test": range(5)}


class Fsdd(SequenceBuilder):
    """The tfds builder of the Free Spoken Digit Dataset."""

    name = "fsdd"
    TITLE = "Free Spoken Digit Dataset"
    TASK = "speech"
    EXAMPLE = (
        "`audio`, int16 samples at 8 kHz, `label` (zero to nine), `speaker` and `take`"
    )
    METRIC = "accuracy: the share of test recordings named rightly, 10 equal classes"
    TRAPS = (
        "All six speakers are in every split, so the official test is easy. The honest "
        "companion leaves a speaker out: test on the 500 recordings of one never "
        "trained on, mean over the six. Report both.",
        "Official are takes 0 to 4 for test and 5 to 49 for training. Takes 5 to 9 are "
        "the validation split here, so train has 2,400 recordings, not 2,700.",
        "Older figures are of 1,500 recordings of three speakers and a random split.",
        "Lengths differ by a factor of 16 (0.14 to 2.28 s), and silence was trimmed.",
        "All six speakers are men.",
    )
    SOURCE = (
        "GitHub Jakobovski/free-spoken-digit-dataset (v1.0.10), its recordings in one "
        "zip with an index"
    )
    HOMEPAGE = "https://github.com/Jakobovski/free-spoken-digit-dataset"
    LICENCE = "CC BY-SA 4.0"
    CITATION = "Zohar Jackson and contributors, Free Spoken Digit Dataset, GitHub"
    ROWS = {"train": 2400, "validation": 300, "test": 300}
    SHA256 = {
        ARCHIVE: "cc5ade71ec8f0f2366137c82102d9afafa1fd0a68d203438b323ffe9a50d50cc",
        INDEX: "28c68566f3824b9b1959a13e7389774ab05ec6cf5947c6a42cc2c486a705f3f1",
    }
    ORIGINALS = {
        "free-spoken-digit-dataset.zip": (
            "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/"
            f"{COMMIT}.zip"
        )
    }
    CONTENT = {
        ARCHIVE: "3bec3e2f926459b52761103b0e1c92753cbc63180a3c2f2f19cc4c620e72f91c",
        INDEX: SHA256[INDEX],
    }

    DISK_SPACE = 200_000_000
    RATE = SAMPLE_RATE  # of `audio`, in Hz

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Takes the recordings out of the repository's archive and lists them."""
        (path,) = originals.values()
        rows, recordings = [], {}
        with reading(path), zipfile.ZipFile(path) as repository:
            for digit, speaker, take, name in _recordings(repository.namelist()):
                content, file = repository.read(name), name.rpartition("/")[2]
                split = "test" if take in TAKES["test"] else "train"
                count = len(samples(content))
                rows.append((file, digit, speaker, take, split, count, SAMPLE_RATE))
                recordings[f"recordings/{file}"] = content
        with zipfile.ZipFile(folder / ARCHIVE, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in recordings.items():
                archive.writestr(name, content)
        with (folder / INDEX).open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([COLUMNS, *rows])

    def features(self) -> tfds.features.FeaturesDict:
        """`audio` (samples,) int16; `label`, `take` int; `speaker` string."""
        return tfds.features.FeaturesDict(
            {
                "audio": tfds.features.Audio(dtype=np.int16, sample_rate=SAMPLE_RATE),
                "label": tfds.features.ClassLabel(names=DIGITS),
                "speaker": tfds.features.Text(),
                "take": np.int32,
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The recordings of a split in the order of the index."""
        with reading(files[INDEX]), files[INDEX].open(encoding="utf-8") as lines:
            rows = [
                row for row in csv.DictReader(lines) if int(row["take"]) in TAKES[split]
            ]
            rows = [
                (row["file"], int(row["digit"]), row["speaker"], int(row["take"]))
                for row in rows
            ]
        with reading(files[ARCHIVE]), zipfile.ZipFile(files[ARCHIVE]) as archive:
            for file, digit, speaker, take in rows:
                yield {
                    "audio": samples(archive.read(f"recordings/{file}")),
                    "label": digit,
                    "speaker": speaker,
                    "take": take,
                }


def _recordings(names: Iterable[str]) -> list[tuple[int, str, int, str]]:
    """Digit, speaker, take and name of the recordings among the names, in order."""
    found = [(RECORDING.fullmatch(name), name) for name in names]
    return sorted((int(m[1]), m[2], int(m[3]), name) for m, name in found if m)


def samples(content: bytes) -> np.ndarray:
    """The samples of a WAV file, (samples,) int16.

    Raises:
        ValueError: It is not mono, 16 bit, 8 kHz.
    """
    with wave.open(io.BytesIO(content)) as recording:
        kind = recording.getnchannels(), recording.getsampwidth()
        if (*kind, recording.getframerate()) != (1, 2, SAMPLE_RATE):
            raise ValueError("a recording is not mono, 16 bit, 8 kHz")
        return np.frombuffer(recording.readframes(recording.getnframes()), "<i2")
