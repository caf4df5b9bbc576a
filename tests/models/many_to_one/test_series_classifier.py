import keras
import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SeriesClassifier

RNG = np.random.default_rng(0)


def made(**more):
    keras.utils.set_random_seed(1)
    return SeriesClassifier(**(SeriesClassifier.tiny() | more))


@pytest.mark.parametrize("length", [1, 2, 7, 8])
def test_padding_changes_nothing_behind_a_convolution(length):
    """Which steps a strided convolution sees must not hang on the padded length."""
    model = made(convolution_filters=5)
    series = RNG.normal(size=(1, length, 2)).astype("float32")
    alone = np.asarray(model({"series": series}))
    for more in (1, 2, 9):
        padded = np.pad(series, [(0, 0), (0, more), (0, 0)])
        np.testing.assert_allclose(model({"series": padded}), alone, atol=1e-6)


def test_channels_are_normalised():
    model = made()
    plain = made(mean=[0.0, 0.0], deviation=[1.0, 1.0])
    plain.set_weights(model.get_weights())
    series = RNG.normal(size=(3, 6, 2)).astype("float32")
    scaled = (series - [0.1, -0.2]) / [1.5, 0.5]
    np.testing.assert_allclose(
        model({"series": series}),
        plain({"series": scaled.astype("float32")}),
        atol=1e-5,
    )


def test_one_direction_says_at_every_step_what_it_holds_by_then():
    model = made(bidirectional=False)
    series = RNG.normal(size=(1, 6, 2)).astype("float32")
    every = np.asarray(model({"series": series}))
    assert every.shape == (1, 6, 2)
    for steps in range(1, 7):
        by_then = model.serve({"series": series[:, :steps]})["scores"]
        np.testing.assert_allclose(by_then, every[:, steps - 1], atol=1e-6)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"mean": [1.0]}, "`mean` must be a number for each of the 2 channels"),
        ({"deviation": ["a", 1]}, "`deviation` must be a number for each"),
        ({"mean": [np.nan, 0.0]}, "`mean` must be a number"),
        (
            {"bidirectional": False, "convolution_filters": 4},
            "`convolution_filters` must be 0 in one direction.*=4",
        ),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises(UserError, match=message):
        made(**arguments)


def test_changes_are_channels_on_a_logarithmic_scale():
    """What the recurrent layer reads, against NumPy; and padding adds no change."""
    model = made(change_scale=0.5)
    series = RNG.normal(size=(1, 5, 2)).astype("float32")
    changes = np.diff(series[0], axis=0, prepend=series[0, :1])
    expected = np.sign(changes) * np.log1p(np.abs(changes) / 0.5)
    read = keras.tree.flatten(model.get_layer("body").input)[0]
    watched = keras.Model(model.inputs, read)
    padded = np.pad(series, [(0, 0), (0, 3), (0, 0)])
    found = np.asarray(watched(padded))
    np.testing.assert_allclose(found[0, :5, 2:], expected, atol=1e-6)
    assert not found[0, 5:].any()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"change_scale": 0}, "`change_scale` must be a number above 0 or None"),
        ({"change_scale": True}, "Received: change_scale=True"),
        (
            {"change_scale": 0.1, "bidirectional": False},
            "`change_scale` must be None in one direction",
        ),
    ],
)
def test_a_scale_that_cannot_be(more, message):
    with pytest.raises(UserError, match=message):
        made(**more)


@pytest.mark.parametrize("cell", ["coupled_lstm", "clockwork_rnn", "gru", "scrn"])
def test_a_stream_says_what_the_whole_series_gives(cell):
    arguments = {"periods": (1, 3)} if cell == "clockwork_rnn" else {}
    model = made(bidirectional=False, cell=cell, cell_arguments=arguments)
    random = np.random.default_rng(2)
    for weight in model.weights:
        weight.assign(random.normal(0, 0.9, weight.shape))
    series = random.normal(size=(12, 2)).astype("float32")
    head = model.get_layer("head")
    head.bias.assign(np.zeros(2))
    # Now one class is likelier, now the other.
    head.bias.assign(-np.mean(model({"series": series[None]}), axis=(0, 1)))
    scores = np.asarray(model({"series": series[None]}))[0]
    shares = np.exp(scores) / np.exp(scores).sum(axis=-1, keepdims=True)
    expected = [(model.labels[p.argmax()], p.max()) for p in shares]
    assert len({label for label, _ in expected}) > 1
    stream = model.stream()
    found = [stream(sample) for sample in series]
    assert_same(found, expected)
    assert_same(found[-1:], model.predict_series([series]))
    stream.reset()
    assert_same([stream(series[:5]), stream(series[5].tolist())], expected[4:6])
    other = model.stream()  # each has its own states
    both = [other(series[:1]), stream(series[6:]), other(series[1:3])]
    assert_same(both, [expected[0], expected[-1], expected[2]])


def assert_same(found, expected):
    assert [label for label, _ in found] == [label for label, _ in expected]
    chances = [chance for _, chance in expected]
    np.testing.assert_allclose([chance for _, chance in found], chances, atol=1e-5)


def test_a_stream_has_the_weights_of_now():
    model = made(bidirectional=False)
    stream, sample = model.stream(), RNG.normal(size=2).astype("float32")
    before = stream(sample)
    model.get_layer("head").bias.assign([0.0, 9.0])
    assert model.stream()(sample) == model.predict_series([sample[None]])[0] != before


def test_both_directions_cannot_stream():
    with pytest.raises(UserError, match="one direction to stream: .*bidirectional"):
        made().stream()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_an_array_alone_is_as_good_as_a_dict(bidirectional, recwarn):
    model = made(bidirectional=bidirectional)
    series = RNG.normal(size=(3, 6, 2)).astype("float32")
    alone, named = (model.predict(x, verbose=0) for x in (series, {"series": series}))
    np.testing.assert_array_equal(alone, named)
    model.compile("sgd", model.example_loss())
    model.fit(series, model.example_targets(3, 6), verbose=0)
    assert not [str(one.message) for one in recwarn if "structure" in str(one.message)]


@pytest.mark.parametrize("shape", [(2,), (6, 2), (1, 6, 3)])
@pytest.mark.parametrize("named", [False, True])
def test_an_array_to_predict_has_batch_time_and_channels(shape, named):
    x = np.ones(shape, "float32")
    with pytest.raises(UserError) as caught:
        made().predict({"series": x} if named else x, verbose=0)
    rule = "x must be an array (batch, time, 2) of x, y"
    assert str(caught.value) == f"{rule}. Received: shape {shape}"


@pytest.mark.parametrize("shape", [(2,), (6, 2), ()])
def test_one_series_is_no_list_of_them(shape):
    with pytest.raises(UserError) as caught:
        made().predict_series(np.ones(shape))
    rule = "`series` must be a list of arrays (time, 2) of x, y, not one of them"
    assert str(caught.value) == f"{rule}. Received: shape {shape}"


def test_a_sample_is_no_series():
    with pytest.raises(UserError) as caught:
        made().predict_series([np.ones(2)])
    rule = "series[0] must be an array (time, 2) of x, y"
    assert str(caught.value) == f"{rule}. Received: shape (2,)"
