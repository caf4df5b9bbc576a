"""Multi30k: captions in English, German and French (29,000 / 1,014 / 1,000)."""

import pathlib
from collections.abc import Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_parallel_lines

LANGUAGES = ("en", "de", "fr")
FILE_STEMS = {"train": "train", "validation": "val", "test": "test_2016_flickr"}


class Multi30k(SequenceBuilder):
    """The tfds builder of Multi30k, true-cased and untokenised."""

    name = "multi30k"
    TITLE = "Multi30k"
    TASK = "translation"
    EXAMPLE = "`en`, `de` and `fr`: one caption in three languages, cased, untokenised"
    METRIC = (
        "corpus BLEU with one reference on test_2016_flickr: (a) WMT's, on lower-cased "
        "and normalised, Moses-tokenised text, or (b) sacreBLEU's 13a on this raw text"
    )
    TRAPS = (
        "The two conventions of BLEU differ by some points: state which, with "
        "sacreBLEU's signature for (b).",
        "Lines are parted by line feeds only. In the files 40 German and 27 French "
        "train lines end in a space, 44 German ones hold a no-break space and one a "
        "tab; here each line is stripped and every run of white space is one space.",
        "Train has 9 English sentences twice, and one validation sentence occurs in "
        "train; no test sentence does.",
        "`test` is the Flickr test of 2016: the test sets of 2017 and 2018 are not "
        "here.",
        "French is far the easier of the two: published BLEU is 59 to 62, for German "
        "34 to 41.",
    )
    SOURCE = "GitHub multi30k/dataset, data/task1/raw"
    HOMEPAGE = "https://github.com/multi30k/dataset"
    URL = "https://raw.githubusercontent.com/multi30k/dataset/master/data/task1"
    LICENCE = (
        "not stated for the texts; the pictures they describe are for non-commercial "
        "research and education"
    )
    CITATION = (
        "Elliott, Frank, Sima'an, Specia, Multi30K: Multilingual English-German Image "
        "Descriptions, 2016; French: Elliott et al., WMT 2017"
    )
    ROWS = {"train": 29000, "validation": 1014, "test": 1000}
    SHA256 = {
        "raw/train.en.gz": (
            "d79cfa999dd4c51d2cb42499b6796d5a882c3a8a961923c25a898c90f8bbd56f"
        ),
        "raw/train.de.gz": (
            "726e39b2fa9eb9ffb6dc763fb35a179f80fae06ffc5d28b6ace5faa883de28a6"
        ),
        "raw/train.fr.gz": (
            "622e75069e9f4c577425c4f277116ce66e63a2401c0a2312d90073cb12379a3c"
        ),
        "raw/val.en.gz": (
            "14f7d25ddd868909a9213e361768460edcacdd6ab9d1e77b92560dc10c10dc28"
        ),
        "raw/val.de.gz": (
            "f0cba2f995189cf5770f29a8a9a537a3ad3f51657ad873405082ff6863a5e75a"
        ),
        "raw/val.fr.gz": (
            "ca3106f1a72390591d25f6c45cb4cd39dec4cd3f123e099748a3ce5256c160e9"
        ),
        "raw/test_2016_flickr.en.gz": (
            "611d361c6334bc7246101d48097c13cf5c4413c5befc793cc629934359d532d9"
        ),
        "raw/test_2016_flickr.de.gz": (
            "9204244e408ccb38d2a55cfcd344df15005fc42a07a6e55ca6c52b6ababb8cc8"
        ),
        "raw/test_2016_flickr.fr.gz": (
            "6d326e188d259fb1d04ac19eae3af956559b3a0b93d7635e56c90987c40c8b90"
        ),
    }

    def features(self) -> tfds.features.FeaturesDict:
        """`en`, `de` and `fr`, strings."""
        return tfds.features.FeaturesDict(
            {language: tfds.features.Text() for language in LANGUAGES}
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The sentences of a split: line n of its three files."""
        paths = [files[f"raw/{FILE_STEMS[split]}.{code}.gz"] for code in LANGUAGES]
        for row in read_parallel_lines(paths):
            # No-break spaces and tabs become spaces, and no space is doubled.
            yield {code: " ".join(line.split()) for code, line in zip(LANGUAGES, row)}
