import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.frame_files import read_frames

FRAMES = np.random.default_rng(0).normal(size=(5, 13)).astype("float32")


@pytest.mark.parametrize("order", [">", "<"])
def test_sphinx_files_of_either_byte_order(tmp_path, order):
    count = np.array(FRAMES.size, f"{order}i4").tobytes()
    (tmp_path / "a.mfc").write_bytes(count + FRAMES.astype(f"{order}f4").tobytes())
    found = read_frames(tmp_path / "a.mfc", 13)
    np.testing.assert_array_equal(found, FRAMES)
    assert found.dtype == np.float32


def test_numpys_files(tmp_path):
    np.save(tmp_path / "a.npy", FRAMES.astype("float64"))
    np.testing.assert_array_equal(read_frames(tmp_path / "a.npy", 13), FRAMES)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.mfc", b"", "must be frames of 13 features.*Received: 0 bytes"),
        ("a.mfc", b"RIFF and sound", "must be frames of 13 features.*14 bytes"),
        ("a.mfc", b"\0\0\0\x01\0\0\0\0", r"must be frames.*Received: shape \(1,\)"),
        ("a.mfc", b"\0\0\0\0", r"must be frames.*Received: shape \(0, 13\)"),
        ("a.npy", b"no array", "must be a .npy file of numbers"),
    ],
)
def test_what_is_no_such_file_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=f"{name}: {message}") as error:
        read_frames(tmp_path / name, 13)
    assert "\n" not in str(error.value)


def test_arrays_of_another_shape_or_kind(tmp_path):
    for array in (FRAMES[:, :12], FRAMES[0], FRAMES > 0):
        np.save(tmp_path / "a.npy", array)
        with pytest.raises(UserError, match="must be frames of 13 features"):
            read_frames(tmp_path / "a.npy", 13)
    with pytest.raises(UserError, match="cannot be read: No such file"):
        read_frames(tmp_path / "b.npy", 13)
