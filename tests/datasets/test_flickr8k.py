import gzip
import io
import zipfile

import numpy as np
import pytest
from PIL import Image

from keras_seqzoo.datasets import catalogue
from keras_seqzoo.datasets.files import content_sha256
from keras_seqzoo.datasets.flickr8k import captions_by_name, write_texts
from keras_seqzoo.datasets.prepared import read_rows
from keras_seqzoo.errors import UserError


def test_pictures_with_names_and_captions(fake_set):
    builder = catalogue.builder("flickr8k", str(fake_set("flickr8k")))
    rows = list(read_rows(builder, "test"))
    assert [row["name"] for row in rows] == [b"test2.jpg", b"test1.jpg", b"test0.jpg"]
    for row, grey in zip(rows, (40, 20, 0)):
        assert row["image"].dtype == np.uint8
        assert row["image"].shape == (160, 160, 3)
        assert np.abs(row["image"].astype(int) - grey).max() <= 1
        captions = [caption.decode() for caption in row["captions"]]
        assert captions == [f"A picture , {k} ." for k in range(5)]


def test_every_picture_has_five_captions():
    rows = [f"a.jpg#{k}\tone" for k in range(4)]
    with pytest.raises(ValueError, match="a.jpg has 4 captions"):
        captions_by_name(rows)


@pytest.mark.parametrize(
    "file, content",
    [
        ("Flickr8k.token.txt.gz", gzip.compress(b"a.jpg#0 no tab\n")),
        ("Flickr8k.token.txt.gz", gzip.compress(b"a.jpg#0\tonly one\n")),
        ("Flickr_8k.devImages.txt", b"\xff\xfe"),
        ("images_160.zip", b"no zip"),
    ],
    ids=["no tab", "one caption", "no text", "no zip"],  # Bytes of gzip hold the time.
)
def test_a_damaged_file_is_named(fake_set, file, content):
    folder = fake_set("flickr8k", **{file: content})
    with pytest.raises(UserError, match=f"{file}: damaged, or not laid out"):
        catalogue.builder("flickr8k", str(folder))


@pytest.mark.parametrize("file", ["images_160.zip", "Flickr8k.token.txt.gz"])
def test_a_picture_that_is_not_there(fake_set, file):
    folder = fake_set("flickr8k", **{"Flickr_8k.testImages.txt": b"none.jpg\n"})
    with pytest.raises(UserError, match="damaged, or not laid out.*none.jpg"):
        catalogue.builder("flickr8k", str(folder))


def test_public_pictures_of_another_colour(fake_originals, monkeypatch):
    fake_originals("flickr8k")
    flickr8k = catalogue.builder_class("flickr8k")
    red, green, blue = flickr8k.MEAN_COLOUR
    monkeypatch.setattr(flickr8k, "MEAN_COLOUR", (red, green, blue + 4))
    with pytest.raises(UserError, match="images_160.zip, made .* other mean colour"):
        catalogue.builder("flickr8k")


@pytest.mark.parametrize("content", [None, b"no picture"])
def test_a_public_picture_that_is_missing_or_damaged(fake_originals, content):
    _, folder = fake_originals("flickr8k")
    path = folder / "Flickr8k_Dataset.zip"
    archive = zipfile.ZipFile(io.BytesIO(path.read_bytes()))
    with zipfile.ZipFile(path, "w") as changed:
        for name in archive.namelist():
            if name != "Flicker8k_Dataset/dev1.jpg":
                changed.writestr(name, archive.read(name))
            elif content:
                changed.writestr(name, content)
    with pytest.raises(UserError, match="Flickr8k_Dataset.zip: damaged, or not laid"):
        catalogue.builder("flickr8k")


def test_real_texts_are_made_again(real_folder, tmp_path):
    """From themselves and captions of no split, in another order."""
    real, flickr8k = real_folder("flickr8k"), catalogue.builder_class("flickr8k")
    captions = gzip.decompress((real / "Flickr8k.token.txt.gz").read_bytes())
    lines = [*captions.decode().splitlines(), "other.jpg#0\tA picture ."]
    with zipfile.ZipFile(tmp_path / "texts.zip", "w") as archive:
        archive.writestr("Flickr8k.token.txt", "\n".join(reversed(lines)))
        for part in ("train", "dev"):
            archive.write(real / (name := f"Flickr_8k.{part}Images.txt"), name)
    names = write_texts(tmp_path / "texts.zip", flickr8k.TEST_LIST, tmp_path)
    made = {file: content_sha256(tmp_path / file) for file in flickr8k.CONTENT}
    assert made == flickr8k.CONTENT
    assert len(names) == 7800


def test_real_pictures_have_the_mean_colour(real_folder):
    with zipfile.ZipFile(real_folder("flickr8k") / "images_160.zip") as archive:
        colours = [
            np.asarray(Image.open(archive.open(name))).mean((0, 1))
            for name in archive.namelist()[::13]
        ]
    expected = catalogue.builder_class("flickr8k").MEAN_COLOUR
    np.testing.assert_allclose(np.mean(colours, axis=0), expected, atol=3)


def test_real_set(real_set):
    builder = real_set("flickr8k")
    names = {}
    for split, rows in (("train", 6000), ("validation", 1000), ("test", 800)):
        assert builder.info.splits[split].num_examples == rows
        found = builder.as_dataset(split=split, decoders={"image": skip_decoding()})
        batches = found.map(lambda row: row["name"]).batch(1000)
        names[split] = {name for batch in batches for name in batch.numpy()}
        assert len(names[split]) == rows
    assert len(set.union(*names.values())) == 7800
    row = next(read_rows(builder, "test"))
    assert row["image"].shape == (160, 160, 3)
    assert len(row["captions"]) == 5 and row["image"].std() > 10


def skip_decoding():
    import tensorflow_datasets as tfds

    return tfds.decode.SkipDecoding()
