"""Connected digits: strings of FSDD's recordings (6,000 / 300 / 600 strings)."""

import pathlib
from collections.abc import Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds

from keras_seqzoo.datasets.fsdd import DIGITS, SAMPLE_RATE, Fsdd
from keras_seqzoo.errors import UserError

LONGEST = 8  # digits
SEEDS = {"train": 1, "validation": 2, "test": 3}


class ConnectedDigits(Fsdd):
    """The tfds builder of strings of digits, made of FSDD's files.

    The files are FSDD's own, so a local copy is its folder.
    """

    name = "connected_digits"
    TITLE = "connected digits of FSDD"
    EXAMPLE = (
        "`audio`, int16 samples at 8 kHz, `digits`, 1 to 8 words parted by spaces, and "
        "`speaker`, one a string"
    )
    METRIC = "WER: word errors by words of the reference, all test strings pooled"
    TRAPS = (
        "Made, not spoken: there is no coarticulation but where two digits overlap.",
        "Pauses of up to 0.5 s and overlaps of up to 60 ms are drawn by a fixed seed, "
        "as are the digits, the loudness and the noise between them.",
        "Each split has recordings of its own (takes 0 to 4 are test, as in FSDD), but "
        "all six speakers. The honest companion leaves a speaker out: a string is of "
        "one speaker only.",
    )
    ROWS = {"train": 6000, "validation": 300, "test": 600}
    DISK_SPACE = 600_000_000

    @classmethod
    def local_folder(cls, data_dir: str) -> pathlib.Path:
        try:
            return super().local_folder(data_dir)
        except UserError:
            return Fsdd.local_folder(data_dir)

    def features(self) -> tfds.features.FeaturesDict:
        """`audio` (samples,) int16; `digits` and `speaker` strings."""
        return tfds.features.FeaturesDict(
            {
                # (tfds' Audio keeps a sample as a number of up to ten bytes.)
                "audio": tfds.features.Tensor(
                    shape=(None,),
                    dtype=np.int16,
                    encoding=tfds.features.Encoding.BYTES,
                ),
                "digits": tfds.features.Text(),
                "speaker": tfds.features.Text(),
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The strings of a split; the speakers take turns."""
        of_speaker: dict[str, list] = {}
        for row in super().examples(split, files):
            of_speaker.setdefault(row["speaker"], []).append(row)
        rng, speakers = np.random.default_rng(SEEDS[split]), sorted(of_speaker)
        for number in range(self.ROWS[split]):
            speaker = speakers[number % len(speakers)]
            recordings = of_speaker[speaker]
            count = rng.integers(1, LONGEST + 1)
            some = [recordings[i] for i in rng.integers(0, len(recordings), count)]
            yield {
                "audio": joined([row["audio"] for row in some], rng),
                "digits": " ".join(DIGITS[row["label"]] for row in some),
                "speaker": speaker,
            }


def joined(recordings: list[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    """Recordings one after the other, (samples,) int16.

    Between two there is a pause of 20 to 500 ms or, of three in ten, an overlap of up
    to 60 ms; before the first are 0 to 400 ms and behind the last 100 to 400 ms. All
    are of one loudness, and on noise that is at most as loud as a quiet room.
    """

    def samples(lowest_ms, highest_ms):
        return int(rng.uniform(lowest_ms, highest_ms) * SAMPLE_RATE / 1000)

    starts, end = [], samples(0, 400)
    for i, recording in enumerate(recordings):
        if i:
            overlaps = rng.random() < 0.3
            end += -samples(0, 60) if overlaps else samples(20, 500)
        starts.append(end)
        end += len(recording)
    deviation = rng.uniform(0.0, 24.0) * (rng.random() < 0.8)
    mixed = rng.normal(0.0, 1.0, end + samples(100, 400)) * deviation
    for start, recording in zip(starts, recordings):
        mixed[start : start + len(recording)] += recording
    return np.clip(np.round(mixed), -32768, 32767).astype(np.int16)


def quiet(seed: int) -> np.ndarray:
    """A sound of 0.1 to 3 s in which nothing is said, (samples,) int16."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(
        0.0, rng.uniform(0.0, 24.0), int(rng.uniform(0.1, 3) * SAMPLE_RATE)
    )
    return np.round(noise).astype(np.int16)


def in_pauses(recording: np.ndarray, seed: int) -> np.ndarray:
    """One recording as a string of one digit, (samples,) int16."""
    return joined([recording], np.random.default_rng(seed))
