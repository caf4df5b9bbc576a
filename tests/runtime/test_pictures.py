"""Pictures of all kinds, against what their pixels must be."""

import io

import numpy as np
import pytest
from PIL import Image

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.pictures import pictures_of

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (5, 7, 3)).astype("uint8")
GREY = RNG.integers(0, 256, (5, 7)).astype("uint8")


def one(value, most=None):
    (found,) = pictures_of([value], most)
    assert found.dtype == np.uint8 and found.ndim == 3 and found.shape[2] == 3
    return found


def test_rgb_stays_as_it_is(tmp_path):
    np.testing.assert_array_equal(one(RGB), RGB)
    np.testing.assert_array_equal(one(Image.fromarray(RGB)), RGB)
    Image.fromarray(RGB).save(tmp_path / "x.png")
    np.testing.assert_array_equal(one(tmp_path / "x.png"), RGB)
    np.testing.assert_array_equal(one(str(tmp_path / "x.png")), RGB)
    assert len(pictures_of(np.stack([RGB, RGB]))) == 2


@pytest.mark.parametrize("grey", [GREY, GREY[..., None], Image.fromarray(GREY)])
def test_grey_is_spread_over_the_colours(grey):
    np.testing.assert_array_equal(one(grey), np.stack([GREY] * 3, axis=-1))


def test_sixteen_bits_become_eight():
    deep = Image.fromarray(GREY.astype("uint16") * 257)
    np.testing.assert_array_equal(one(deep)[..., 0], GREY)


def test_what_is_transparent_lies_on_white():
    rgba = np.concatenate([RGB, np.full((5, 7, 1), 255, np.uint8)], axis=-1)
    rgba[0, :, 3] = 0
    expected = RGB.copy()
    expected[0] = 255
    np.testing.assert_array_equal(one(rgba), expected)
    palette = Image.fromarray(rgba).convert("P")
    palette.info["transparency"] = 0
    assert one(palette).shape == (5, 7, 3)


def test_a_turned_photograph_is_set_upright():
    file = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees
    Image.fromarray(RGB).save(file, "png", exif=exif)
    path = Image.open(file)
    assert one(path).shape == (5, 7, 3)  # a picture that is open is the user's own


def test_a_turned_file_is_set_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(RGB).save(tmp_path / "x.png", exif=exif)
    np.testing.assert_array_equal(one(tmp_path / "x.png"), np.rot90(RGB, -1))


def test_large_pictures_are_made_smaller_and_small_ones_kept():
    wide = np.zeros((3, 10_000, 3), np.uint8)
    wide[:, 5_000:] = 200
    found = one(wide, most=64)
    assert found.shape == (3, 64, 3)
    assert (found[:, :31] == 0).all() and (found[:, 33:] == 200).all()
    assert one(wide).shape == wide.shape
    assert one(np.zeros((1, 1), np.uint8), most=64).shape == (1, 1, 3)
    assert one(RGB, most=7).shape == RGB.shape


@pytest.mark.parametrize(
    ("images", "message"),
    [
        ("x.png", "`images` must be a list"),
        (RGB, "`images` must be a list"),
        (7, "`images` must be a list"),
        ([RGB.astype("float32")], r"images\[0\] must be .* float32 \(5, 7, 3\)"),
        ([RGB, RGB[..., :2]], r"images\[1\] must be .* uint8 \(5, 7, 2\)"),
        ([RGB[:0]], r"Received: uint8 \(0, 7, 3\)"),
        ([None], r"images\[0\] must be .* Received: a NoneType"),
        (["no/such.png"], "must be a file that is there. Received: no/such.png"),
    ],
)
def test_what_is_no_picture(images, message):
    with pytest.raises(UserError, match=message) as caught:
        pictures_of(images)
    assert "\n" not in str(caught.value)


def test_files_that_are_no_picture(tmp_path):
    with pytest.raises(UserError, match="Received: the folder"):
        pictures_of([tmp_path])
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "whole.jpg")
    content = (tmp_path / "whole.jpg").read_bytes()
    for name, data in (
        ("text.jpg", b"no picture"),
        ("empty.png", b""),
        ("cut.jpg", content[: len(content) // 2]),
    ):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(UserError, match=f"{name}: must be a JPEG, PNG") as caught:
            pictures_of([tmp_path / name])
        assert "\n" not in str(caught.value)
