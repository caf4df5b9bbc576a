"""AN4: spelled names, numbers and dates as CMU's cepstra (948 / 130 utterances)."""

import csv
import pathlib
import re
import zipfile
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import reading

RATE = 100  # frames a second
INDEX, ARRAYS = "index.csv", "an4_mfcc.npz"
COEFFICIENTS = 13
COLUMNS = ("utterance", "speaker", "split", "frames", "text")
COMMIT = "e8c14aa78ab36043a9b846f9a1144676aa8e693c"
# A line of a transcription: `<s> TEXT </s> (utterance)`, in some files without marks.
TRANSCRIPT = re.compile(r"(?:<s> )?(.+?)(?: </s>)? \((\S+)\)\s*")
TEST_FOLDER = "an4test_clstk"


class An4Mfcc(SequenceBuilder):
    """The tfds builder of AN4 (CMU Census), which starts at CMU's own features."""

    name = "an4_mfcc"
    TITLE = "AN4"
    TASK = "cepstra"
    EXAMPLE = (
        "`frames`, (69 to 639, 13) mel cepstra at 100 a second, `text` (A to Z and "
        "spaces), `speaker` and `utterance`"
    )
    METRIC = "WER over the 773 words of test and CER over its 2,565 characters, pooled"
    TRAPS = (
        "The audio is not here: these are the cepstra that CMU gives beside it (16 "
        "kHz, 25.6 ms windows, 40 mel filters from 130 to 6,800 Hz, 13 cepstra).",
        "They are not normalised, and the scale of another front end may differ: "
        "subtract each utterance's mean and divide by its deviation.",
        "Digits and letters are words: RUBOUT G M E F THREE NINE.",
        "Test has two words that train lacks, NOVEMBER and THIRTEEN.",
        "There is no validation part: take whole speakers out of train. No speaker of "
        "train is in test.",
    )
    SOURCE = (
        "GitHub cphazen/Machine-Learning-Project-ASR (an4/, CMU's feature package), "
        "its 1,078 files in one array"
    )
    HOMEPAGE = "http://www.speech.cs.cmu.edu/databases/an4/"
    LICENCE = "CMU's BSD-like AN4 terms, free for any purpose"
    CITATION = (
        "Acero, Acoustical and Environmental Robustness in Automatic Speech "
        "Recognition, Kluwer 1993"
    )
    ROWS = {"train": 948, "test": 130}
    SHA256 = {
        ARRAYS: "650b3e43fb53036ab2248f3b17e20494aebf362eeee40736272b1a5036a24524",
        INDEX: "780ef4a2c093a9bc2c64b51457413cd7ab169ad5771922b48dac98a9d4978d3a",
    }
    ORIGINALS = {
        "Machine-Learning-Project-ASR.zip": (
            "https://github.com/cphazen/Machine-Learning-Project-ASR/archive/"
            f"{COMMIT}.zip"
        )
    }
    CONTENT = {
        ARRAYS: "e08233875cae732bc695bd8b6a88f4d27d07a31144c77544426d0a2e6270a3b2",
        INDEX: SHA256[INDEX],
    }
    DISK_SPACE = 150_000_000

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Joins the feature files in the order of CMU's lists, train before test."""
        (path,) = originals.values()
        rows, frames = [], []
        with reading(path), zipfile.ZipFile(path) as repository:
            members = {name.rpartition("/")[2]: name for name in repository.namelist()}
            for utterance, text in _texts(repository, members).items():
                member = members[f"{utterance}.mfc"]
                frames.append(cepstra(repository.read(member)))
                split = "test" if f"/{TEST_FOLDER}/" in member else "train"
                speaker = utterance.split("-")[1]
                rows.append((utterance, speaker, split, len(frames[-1]), text))
            features = np.concatenate(frames)
        offsets = np.cumsum([0, *map(len, frames)], dtype=np.int32)
        np.savez_compressed(folder / ARRAYS, features=features, offsets=offsets)
        with (folder / INDEX).open("w", newline="", encoding="utf-8") as lines:
            csv.writer(lines).writerows([COLUMNS, *rows])

    def features(self) -> tfds.features.FeaturesDict:
        """`frames` (time, 13) float32; `text`, `speaker` and `utterance` strings."""
        return tfds.features.FeaturesDict(
            {
                "frames": tfds.features.Tensor(
                    shape=(None, COEFFICIENTS), dtype=np.float32
                ),
                "text": tfds.features.Text(),
                "speaker": tfds.features.Text(),
                "utterance": tfds.features.Text(),
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The utterances of a split in the order of the index."""
        with reading(files[INDEX]), files[INDEX].open(encoding="utf-8") as lines:
            rows = [
                (row["split"], row["text"], row["speaker"], row["utterance"])
                for row in csv.DictReader(lines)
            ]
        with reading(files[ARRAYS]), np.load(files[ARRAYS]) as arrays:
            frames, offsets = arrays["features"], arrays["offsets"]
            for (of_split, *texts), start, end in zip(
                rows, offsets[:-1], offsets[1:], strict=True
            ):
                if of_split == split:
                    yield {
                        "frames": frames[start:end].astype(np.float32),
                        **dict(zip(("text", "speaker", "utterance"), texts)),
                    }


def _texts(repository: zipfile.ZipFile, members: Mapping[str, str]) -> dict[str, str]:
    """Utterance -> its text, from those of the three lists that are there."""
    texts = {}
    for part in ("train", "test", "combined"):
        member = members.get(f"an4_{part}.transcription")
        lines = repository.read(member).decode().splitlines() if member else []
        for text, utterance in map(_parted, lines):
            texts[utterance] = text
    return texts


def _parted(line: str) -> tuple[str, str]:
    match = TRANSCRIPT.fullmatch(line)
    if not match:
        raise ValueError(f"no transcript: {line[:40]!r}")
    return match[1], match[2]


def cepstra(content: bytes) -> np.ndarray:
    """The frames of a Sphinx feature file, (time, 13), rounded to float16.

    It has big-endian numbers: an int32, how many values follow, and float32 values.

    Raises:
        ValueError: There are more or fewer values, or no whole number of frames.
    """
    count, values = (
        int.from_bytes(content[:4], "big"),
        np.frombuffer(content[4:], ">f4"),
    )
    if len(values) != count:
        raise ValueError(f"a feature file has {len(values)} values, not {count}")
    return values.reshape(-1, COEFFICIENTS).astype(np.float16)
