"""TensorBoard's files of a training that goes on have each epoch once."""

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from keras_seqzoo.training.event_files import keep_epochs


def write(folder, epochs):
    writer = tf.summary.create_file_writer(str(folder))
    for epoch in epochs:
        with writer.as_default(epoch):
            tf.summary.scalar("loss", 10.0 * epoch)
            tf.summary.histogram("weights", [float(epoch), 1.0])
    writer.close()


def steps(folder):
    """As TensorBoard reads a folder: the steps of each of its names."""
    found = EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    tags = found.Tags()["tensors"]
    return {tag: [event.step for event in found.Tensors(tag)] for tag in tags}


def test_later_epochs_are_dropped(tmp_path):
    write(tmp_path / "train", range(4))
    write(tmp_path / "other", range(2))
    (other,) = (tmp_path / "other").iterdir()
    before = other.read_bytes()
    keep_epochs(tmp_path, 2)
    assert steps(tmp_path / "train") == {"loss": [0, 1], "weights": [0, 1]}
    assert other.read_bytes() == before
    write(tmp_path / "train", range(2, 4))
    assert steps(tmp_path / "train")["loss"] == [0, 1, 2, 3]
    keep_epochs(tmp_path, 0)
    assert steps(tmp_path / "train") == {}


@pytest.mark.parametrize("cut", [1, 30])
def test_a_file_that_was_cut_short_keeps_its_beginning(tmp_path, cut):
    write(tmp_path, range(4))
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-cut])
    keep_epochs(tmp_path, 2)
    assert steps(tmp_path) == {"loss": [0, 1], "weights": [0, 1]}
    assert [one.name for one in tmp_path.iterdir()] == [file.name]


def test_no_folder(tmp_path):
    keep_epochs(tmp_path / "none", 3)
    assert not list(tmp_path.iterdir())
