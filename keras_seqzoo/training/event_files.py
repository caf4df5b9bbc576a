"""TensorBoard's files of a training that goes on."""

import os
import pathlib
from collections.abc import Iterator

import tensorflow as tf


def keep_epochs(folder: pathlib.Path, epochs: int) -> None:
    """Drops what stands there of later epochs, for they are trained again.

    TensorBoard would show their points twice: it drops none from TensorFlow's files.

    Args:
        folder: Of the files, at any depth. Steps are epochs, from 0.
        epochs: How many the training goes on from.
    """
    for file in sorted(folder.rglob("events.out.tfevents.*")):
        events = list(_events(file))
        kept = [e for e in events if e.step < epochs or not e.HasField("summary")]
        if len(kept) == len(events):
            continue
        temporary = file.with_name("kept.tmp")
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for event in kept:
                writer.write(event.SerializeToString())
        os.replace(temporary, file)


def _events(file: pathlib.Path) -> Iterator[tf.compat.v1.Event]:
    """All that can be read: the last one of a killed process may be cut short."""
    records = tf.data.TFRecordDataset(str(file)).as_numpy_iterator()
    try:
        for record in records:
            yield tf.compat.v1.Event.FromString(record)
    except tf.errors.DataLossError:
        return
