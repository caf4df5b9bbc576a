"""Where the encoder's ImageNet weights come from."""

import hashlib
import pathlib

import pytest

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


def test_it_is_fetched_once(known, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_SEQZOO_HOME", str(tmp_path))
    fetched = []

    def fetch(url, path):
        fetched.append(url)
        path.parent.mkdir(parents=True)
        path.write_bytes(CONTENT)

    monkeypatch.setattr(source, "fetch", fetch)
    assert source.weights_file() == source.weights_file()
    assert fetched == [f"{source.MobileNetV2ImageNet.URL}/{source.WEIGHTS}"]


def test_the_real_files_have_their_sha256(data_dir):
    kind = source.MobileNetV2ImageNet
    files = kind.local_files(pathlib.Path(data_dir) / kind.name)
    assert set(files) == {source.WEIGHTS, source.LABELS}
