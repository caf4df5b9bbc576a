"""Flickr8k: pictures with five captions each (6,000 / 1,000 / 800 at 160x160)."""

import collections
import io
import pathlib
import zipfile
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import tensorflow_datasets as tfds
from PIL import Image
from tqdm import tqdm

from keras_seqzoo.datasets.builder import SequenceBuilder
from keras_seqzoo.datasets.files import has_changed, read_lines, reading, write_gzip

CAPTIONS, ARCHIVE = "Flickr8k.token.txt.gz", "images_160.zip"
NAME_FILES = {
    "train": "Flickr_8k.trainImages.txt",
    "validation": "Flickr_8k.devImages.txt",
    "test": "Flickr_8k.testImages.txt",
}
PUBLIC_TEXTS, PUBLIC_PICTURES = "Flickr8k_text.zip", "Flickr8k_Dataset.zip"
PUBLIC_FOLDER = "Flicker8k_Dataset"  # Spelled so in the archive.
ADDRESS = "https://github.com/jbrownlee/Datasets/releases/download/Flickr8k"
PIXELS, JPEG_QUALITY = 160, 75
COLOUR_TOLERANCE = 3.0  # Grey levels, of the mean over all pictures.
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
        "The pictures are squeezed to a square at JPEG quality 75: aspect ratios are "
        "not the camera's. In the local copy, on which the presets were trained, they "
        "were squeezed to 224x224 and then 160x160, and from the public files at once: "
        "the two differ slightly, and so may a figure.",
        "Published figures use encoders trained on ImageNet and full-size pictures: "
        "training on these pictures alone stays well below.",
        "The 91 pictures that are in no split are left out.",
    )
    SOURCE = (
        "GitHub jbrownlee/Datasets, release Flickr8k; the local copy: captions and "
        "splits of GitHub edwardcruzcruz/Describiendo_imagenes_keras, Flickr8k_text, "
        "and pictures of GitHub RlNZLER/Image-Text-Matching, data/images, made smaller"
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
    ORIGINALS = {
        PUBLIC_TEXTS: f"{ADDRESS}/{PUBLIC_TEXTS}",
        PUBLIC_PICTURES: f"{ADDRESS}/{PUBLIC_PICTURES}",
    }
    CONTENT = {  # Not of the pictures: the local ones were squeezed twice.
        CAPTIONS: "3f3936741d98833a63badc9b0b06afd00d294284d86417b1c927bd86241bf657",
        NAME_FILES["train"]: SHA256[NAME_FILES["train"]],
        NAME_FILES["validation"]: SHA256[NAME_FILES["validation"]],
        NAME_FILES["test"]: SHA256[NAME_FILES["test"]],
    }
    TEST_LIST = pathlib.Path(__file__).with_name("flickr8k_test_800.txt")
    MEAN_COLOUR = (116.8, 113.8, 103.2)  # Red, green, blue of the local pictures.
    DISK_SPACE = 200_000_000
    PUBLIC_SPACE = 1_200_000_000

    @classmethod
    def convert(
        cls, originals: Mapping[str, pathlib.Path], folder: pathlib.Path
    ) -> None:
        """Picks the captions of the splits and makes their pictures small.

        Raises:
            UserError: Also if a picture is missing, or their mean colour is another.
        """
        names = write_texts(originals[PUBLIC_TEXTS], cls.TEST_LIST, folder)
        colours = []
        with zipfile.ZipFile(folder / ARCHIVE, "w") as archive:
            pictures = _small_pictures(originals[PUBLIC_PICTURES], sorted(names))
            for name, picture in tqdm(
                pictures,
                f"{cls.TITLE}, pictures made small",
                len(names),
                leave=False,
                disable=None,  # Shown on a terminal only.
            ):
                content = io.BytesIO()
                picture.save(content, "JPEG", quality=JPEG_QUALITY)
                archive.writestr(f"images/{name}", content.getvalue())
                colours.append(np.asarray(picture).mean((0, 1)))
        colour = np.mean(colours, axis=0)
        if np.abs(colour - cls.MEAN_COLOUR).max() > COLOUR_TOLERANCE:
            raise has_changed(
                ARCHIVE, cls.SOURCE, f"other mean colour {colour.round()}"
            )

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


def write_texts(
    path: pathlib.Path, test_list: pathlib.Path, folder: pathlib.Path
) -> set[str]:
    """Writes the lists of names and the captions of these; gives the names.

    Args:
        path: The public archive of texts.
        test_list: The names of test, which are fewer than the public ones.
        folder: Where the files are written to.

    Raises:
        UserError: The archive is damaged or not laid out as expected.
    """
    with reading(path), zipfile.ZipFile(path) as archive:
        captions = _lines(archive, "Flickr8k.token.txt")
        splits = {
            split: _lines(archive, NAME_FILES[split])
            for split in ("train", "validation")
        }
    splits["test"] = read_lines(test_list)
    names = {name for listed in splits.values() for name in listed}
    captions = [line for line in captions if line.partition("#")[0] in names]
    write_gzip(folder / CAPTIONS, _text(sorted(captions)))
    for split, listed in splits.items():
        (folder / NAME_FILES[split]).write_bytes(_text(listed))
    return names


def _lines(archive: zipfile.ZipFile, file: str) -> list[str]:
    """The lines of a text, in whichever folder, without white space at their ends."""
    (member,) = (
        name
        for name in archive.namelist()
        if name.rpartition("/")[2] == file and not name.startswith("__MACOSX")
    )
    return [line.strip() for line in archive.read(member).decode().strip().split("\n")]


def _text(lines: Iterable[str]) -> bytes:
    return "".join(f"{line}\n" for line in lines).encode()


def _small_pictures(
    path: pathlib.Path, names: Iterable[str]
) -> Iterator[tuple[str, Image.Image]]:
    """The pictures of these names in the public archive, squeezed to a square."""
    with reading(path), zipfile.ZipFile(path) as archive:
        for name in names:
            content = io.BytesIO(archive.read(f"{PUBLIC_FOLDER}/{name}"))
            with Image.open(content) as picture:
                size = PIXELS, PIXELS
                yield (
                    name,
                    picture.convert("RGB").resize(size, Image.Resampling.LANCZOS),
                )


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
