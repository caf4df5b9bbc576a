"""Show and Tell: the picture is the word before the first."""

import keras
import numpy as np

from keras_seqzoo.models import ShowAndTell


def test_the_logits_are_those_of_the_equations():
    """One tanh layer after Elman 1990, which the mean of the encoder's grid starts."""
    keras.utils.set_random_seed(2)
    model = ShowAndTell(**{**ShowAndTell.tiny(), "cell": "simple_rnn"})

    def weights(name):
        return [np.asarray(weight) for weight in model.parts[name].weights]

    for name in ("projection", "words", "decoder", "head"):
        for weight in model.parts[name].weights:  # no bias is zero
            weight.assign(keras.random.normal(weight.shape, stddev=0.5))
    kernel, recurrent, bias = weights("decoder")
    (embeddings,) = weights("words")
    projection, projection_bias = weights("projection")
    head, head_bias = weights("head")

    inputs = model.example_inputs(1, 4)
    inputs["tokens"] = np.array([[0, 3, 1, 5]], "int32")
    grid = np.asarray(model.parts["network"](inputs["images"]))
    picture = grid.mean(axis=(1, 2))[0] @ projection + projection_bias
    h, expected = np.tanh(picture @ kernel + bias), []
    for token in inputs["tokens"][0]:
        word = embeddings[token]
        h = np.tanh(word @ kernel + h @ recurrent + bias)
        output = np.tanh(np.concatenate([h, word]) @ head + head_bias)
        expected.append((embeddings @ output)[:-1])  # an unknown word is never said
    np.testing.assert_allclose(model(inputs)[0], expected, atol=1e-5)
