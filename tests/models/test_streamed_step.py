"""Models whose arrays come in chunks."""

import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import PianoRollModel


@pytest.fixture(scope="module")
def model():
    return PianoRollModel(**PianoRollModel.tiny())


def test_a_stream_keeps_the_states(model):
    roll = model.example_inputs(1, 7)["roll"]
    whole = np.asarray(model.serve({"roll": roll})["scores"])
    stream = model.stream()
    for _ in range(2):
        parts = [
            stream(roll[:, :3]),
            stream({"roll": roll[:, 3:4]}),
            stream(roll[:, 4:]),
        ]
        scores = np.concatenate([one["scores"] for one in parts], axis=1)
        np.testing.assert_allclose(scores, whole, atol=1e-5)
        stream.reset()


def test_what_is_no_chunk_is_named(model):
    roll = model.example_inputs(2, 3)["roll"]
    shape = r"input 'roll' must be float32 \(1, time, 12\)\. Received: "
    for wrong, message in (
        ({}, "inputs must be roll. Received: none"),
        ({"rolls": roll[:1]}, "inputs must be roll. Received: rolls"),
        (None, f"{shape}a NoneType"),
        (roll[0], rf"{shape}float32 \(3, 12\)"),
        (roll, rf"{shape}float32 \(2, 3, 12\)"),
        (roll[:1, :, :11], rf"{shape}float32 \(1, 3, 11\)"),
        (roll[:1].astype("int32"), rf"{shape}int32"),
    ):
        with pytest.raises(UserError, match=message):
            model.step(wrong)
