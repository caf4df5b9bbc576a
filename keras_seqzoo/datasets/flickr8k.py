"""Flickr8k: pictures with five captions each (6,000 / 1,000 / 800 at 160x160)."""

import collections
import io
import pathlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping

import tensorflow_datasets as tfds

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import read_lines, reading

CAPTIONS, ARCHIVE = "Flickr8k.token.txt.gz", "images_160.zip"
NAME_FILES = {
    "train": "Flickr_8k.trainImages.txt",
    "validation": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
PIXELS = 160
CAPTIONS_EACH = 5


class Flickr8k(SequenceBuilder):
    """The tfds builder of Flickr8k with small pictures; its test is "test (800)"."""

    name = "flickr8k"
    TITLE = "Flickr8k"
    TASK = "captioning"
    EXAMPLE = "`image` (160, 160, 3), `name` of its file, and five `captions`"
    METRIC = (
        "corpus BLEU-1 to BLEU-4 of one caption a picture against its five references "
        "(lower-cased, no punctuation, no smoothing), on test (800)"
    )
    TRAPS = (
        "Test has 800 of the standard 1,000 pictures; the other 200 are held back and "
        'not in these files. Say "test (800)" with a figure; published ones are of '
        "all 1,000.",
        "The pictures were squeezed to a square, 224x224 and then 160x160 at JPEG "
        "quality 75: aspect ratios are not the camera's.",
        "Published figures use encoders trained on ImageNet and full-size pictures: "
        "training on these pictures alone stays well below.",
        "The 91 pictures that are in no split are left out.",
    )
    SOURCE = (
        "captions and splits: GitHub edwardcruzcruz/Describiendo_imagenes_keras, "
        "Flickr8k_text; pictures: GitHub RlNZLER/Image-Text-Matching, data/images, "
        "made smaller"
    )
    HOMEPAGE = "https://github.com/RlNZLER/Image-Text-Matching"
    LICENCE = (
        "non-commercial research and education, by its authors; the pictures belong to "
        "their Flickr owners"
    )
    CITATION = (
        "Hodosh, Young, Hockenmaier, Framing Image Description as a Ranking Task, "
        "JAIR 47, 2013"
    )
    ROWS = {"train": 6000, "validation": 1000, "test": 800}
    SHA256 = {
        ARCHIVE: "444d53ed447e255b76f11445f3e774a3e7cac298882e0dfa5fbaa24d3d9002a5",
        CAPTIONS: "1f17880de22c5f4bd3b05d75f1ce4eaec31f252acd4d9dd88a4943f76b3eeb60",
        "Flickr_8k.trainImages.txt": (
            "e330ddd5156a4c2d2e2b67bc587e70e588f2d132bd8a10dc54dcb71e58115d8e"
        ),
        "Flickr_8k.devImages.txt": (
            "18ba829f47f6df1cb830bf7f0506e2ddf333818925299babbd1bbcaf50fdc504"
        ),
        "Flickr_8k.testImages.txt": (
            "df208f3a3ce8dc62adb67ee90753b5760f27bfff5be0b22f2ade782103e1222e"
        ),
    }
    DISK_SPACE = 200_000_000

    def features(self) -> tfds.features.FeaturesDict:
        """`image` (160, 160, 3) uint8, `name` string, `captions` (5,) strings."""
        return tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(
                    shape=(PIXELS, PIXELS, 3), encoding_format="jpeg"
                ),
                "name": tfds.features.Text(),
                "captions": tfds.features.Sequence(
                    tfds.features.Text(), length=CAPTIONS_EACH
                ),
            }
        )

    def examples(
        self, split: str, files: Mapping[str, pathlib.Path]
    ) -> Iterator[dict[str, object]]:
        """The pictures of a split in the order of its list of names."""
        names = read_lines(files[NAME_FILES[split]])
        with reading(files[CAPTIONS]):
            captions = captions_by_name(read_lines(files[CAPTIONS]))
        with reading(files[ARCHIVE]), zipfile.ZipFile(files[ARCHIVE]) as archive:
            for name in names:
                yield {
                    "image": io.BytesIO(archive.read(f"images/{name}")),
                    "name": name,
                    "captions": captions[name],
                }


def captions_by_name(rows: Iterable[str]) -> dict[str, list[str]]:
    """Picture name -> its captions, from rows `name.jpg#k<TAB>caption`.

    Raises:
        ValueError: A picture has not five captions.
    """
    captions = collections.defaultdict(list)
    for row in rows:
        key, caption = row.split("\t")
        captions[key.partition("#")[0]].append(caption)
    for name, found in captions.items():
        if len(found) != CAPTIONS_EACH:
            raise ValueError(f"{name} has {len(found)} captions")
    return captions
