"""Where the encoder's ImageNet weights come from."""

import hashlib
import io
import pathlib

import pytest

from keras_seqzoo.datasets import files
from keras_seqzoo.datasets import mobilenet_v2_imagenet as source
from keras_seqzoo.errors import UserError

CONTENT = b"weights"


@pytest.fixture
def known(monkeypatch):
    """The sha256 of CONTENT in place of the real file's."""
    digest = hashlib.sha256(CONTENT).hexdigest()
    monkeypatch.setitem(source.MobileNetV2ImageNet.SHA256, source.WEIGHTS, digest)


def test_a_local_copy_is_found_in_its_folder_or_is_it(known, tmp_path):
    folder = tmp_path / "mobilenet_v2_imagenet"
    folder.mkdir()
    (folder / source.WEIGHTS).write_bytes(CONTENT)
    for data_dir in (tmp_path, folder):
        assert source.weights_file(str(data_dir)) == folder / source.WEIGHTS


def test_another_file_is_refused(tmp_path):
    (tmp_path / source.WEIGHTS).write_bytes(CONTENT)
    with pytest.raises(UserError, match=f"{source.WEIGHTS}: not the expected file"):
        source.weights_file(str(tmp_path))
    (tmp_path / "other").mkdir()
    with pytest.raises(UserError, match="no MobileNetV2's ImageNet weights in it"):
        source.weights_file(str(tmp_path / "other"))


@pytest.fixture
def public_file(known, tmp_path, monkeypatch):
    """The file at the public source, and an empty cache folder."""
    public = tmp_path / "public"
    public.mkdir()
    monkeypatch.setattr(source.MobileNetV2ImageNet, "URL", public.as_uri())
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path / "home"))
    (public / source.WEIGHTS).write_bytes(CONTENT)
    return public / source.WEIGHTS


def test_it_is_fetched_once(public_file):
    path = source.weights_file()
    public_file.unlink()
    assert source.weights_file() == path and path.read_bytes() == CONTENT


def test_what_was_fetched_wrongly_is_fetched_again(public_file, monkeypatch):
    class Cut(io.BytesIO):
        headers = {"Content-Length": str(len(CONTENT))}

    with monkeypatch.context() as patch:
        patch.setattr(
            files.urllib.request, "urlopen", lambda *_, **__: Cut(CONTENT[:-1])
        )
        with pytest.raises(UserError, match="IncompleteRead.*try again"):
            source.weights_file()
    public_file.write_bytes(b"other")
    with pytest.raises(UserError, match="not the expected file.*try again"):
        source.weights_file()
    public_file.write_bytes(CONTENT)
    assert source.weights_file().read_bytes() == CONTENT


def test_a_cache_folder_that_cannot_be_written(public_file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pathlib.Path, "replace", full)
    with pytest.raises(UserError, match="No space left.*KERAS_SEQZOO_HOME"):
        source.weights_file()


def test_the_real_files_have_their_sha256(data_dir):
    kind = source.MobileNetV2ImageNet
    files = kind.local_files(pathlib.Path(data_dir) / kind.name)
    assert set(files) == {source.WEIGHTS, source.LABELS}
