"""Piano rolls: the next notes' logits."""

import keras
import numpy as np

from keras_seqzoo.models import PianoRollModel


def test_the_logits_are_those_of_the_equations():
    """A tanh layer of chords, one of Elman 1990, and a logit for each key."""
    keras.utils.set_random_seed(2)
    arguments = {**PianoRollModel.tiny(), "cell": "simple_rnn", "num_layers": 1}
    model = PianoRollModel(**{**arguments, "input_units": 3})
    for weight in model.weights:  # no bias is zero
        weight.assign(keras.random.normal(weight.shape, stddev=0.5))
    weights = map(np.asarray, model.named_weights().values())
    chord, chord_bias, kernel, recurrent, bias, out, out_bias = weights
    roll = model.example_inputs(1, 5)["roll"]
    h, expected = np.zeros(len(recurrent)), []
    for notes in roll[0]:
        x = np.tanh(notes @ chord + chord_bias)
        h = np.tanh(x @ kernel + h @ recurrent + bias)
        expected.append(h @ out + out_bias)
    found = model.serve({"roll": roll})
    np.testing.assert_allclose(found["scores"][0], expected, atol=1e-5)
    chances = 1 / (1 + np.exp(-np.array(expected)))
    np.testing.assert_allclose(found["probabilities"][0], chances, atol=1e-5)
