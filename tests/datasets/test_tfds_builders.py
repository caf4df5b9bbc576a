import inspect
import subprocess
import sys

import pytest
import tensorflow_datasets as tfds

from keras_seqzoo.datasets import catalogue, tfds_builders
from keras_seqzoo.errors import UserError

NAMES = [name for name in catalogue.NAMES if name != catalogue.SHIPPED]


@pytest.mark.parametrize("name", NAMES)
def test_tfds_load_reads_a_local_copy(fake_set, name, tmp_path):
    folder = fake_set(name)
    config = tfds.download.DownloadConfig(manual_dir=folder)
    dataset, info = tfds.load(
        name,
        split="test",
        data_dir=tmp_path / "tfds",
        with_info=True,
        download_and_prepare_kwargs={"download_config": config},
    )
    builder = catalogue.builder_class(name)
    assert len(dataset) == builder.ROWS["test"]
    assert dataset.element_spec.keys() == info.features.keys()
    assert info.citation == builder.CITATION
    assert info.redistribution_info.license == builder.LICENCE


def test_tfds_load_without_a_copy_says_where_to_get_one(
    fake_set, tmp_path, monkeypatch
):
    fake_set("uci_har")
    monkeypatch.setattr(catalogue.builder_class("uci_har"), "ORIGINALS", {})
    with pytest.raises(UserError, match="UCI HAR cannot be .* by manual_dir of tfds"):
        tfds.load("uci_har", data_dir=tmp_path / "tfds")


@pytest.mark.parametrize("name", ["uci_har", "atis"])
@pytest.mark.parametrize("is_there", [False, True])
def test_a_manual_dir_without_the_set_is_named(fake_set, tmp_path, name, is_there):
    fake_set(name)
    wrong = tmp_path / "wrong"
    if is_there:
        wrong.mkdir()
    config = tfds.download.DownloadConfig(manual_dir=wrong)
    with pytest.raises(UserError, match=f"manual_dir must be .*Received: {wrong}$"):
        tfds.load(
            name,
            data_dir=tmp_path / "tfds",
            download_and_prepare_kwargs={"download_config": config},
        )


def test_every_set_is_registered_and_named_in_the_docstring():
    documented = inspect.getdoc(tfds_builders)
    for name in NAMES:
        assert tfds.builder_cls(name) is catalogue.builder_class(name)
        assert name in documented
    assert len(tfds_builders.__all__) == len(NAMES)


def test_names_are_free_in_tfds():
    """In a process of its own: here they are registered already."""
    code = (
        "import tensorflow_datasets as tfds; print(*tfds.list_builders("
        "with_community_datasets=False))"
    )
    listed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert len(listed) > 100
    assert not set(NAMES) & set(listed)


def test_the_catalogue_does_not_load_tfds():
    code = (
        "import sys, keras_seqzoo, keras_seqzoo.datasets.catalogue, keras_seqzoo.cli\n"
        "import keras_seqzoo.datasets.show, keras_seqzoo.datasets.card\n"
        "print({'tensorflow', 'tensorflow_datasets', 'matplotlib'} & set(sys.modules))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.strip() == "set()"


def test_unknown_names():
    with pytest.raises(UserError, match=r"dataset must be one of .*'fsdd'.*'fsd'"):
        catalogue.builder("fsd")
    with pytest.raises(UserError, match=r"dataset must be one of .*'train_tickets'\]"):
        catalogue.read("sst2", "test")
    with pytest.raises(UserError, match="dataset must be one of"):
        catalogue.builder("train_tickets")


def test_prepared_or_not(fake_set):
    folder = fake_set("jsb_chorales")
    assert not catalogue.is_prepared("jsb_chorales")
    catalogue.builder("jsb_chorales", str(folder))
    assert catalogue.is_prepared("jsb_chorales")
    assert catalogue.is_prepared("train_tickets")
