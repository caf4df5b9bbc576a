"""Models too large for the machine are refused before their memory is taken."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

import keras_seqzoo as seqzoo
from keras_seqzoo import model_size
from keras_seqzoo.errors import UserError
from keras_seqzoo.registry import architectures
from keras_seqzoo.training.recipe import read_recipe

# One architecture of each task, and each way to build a recurrent stack.
UNITS = (
    "bi_lstm_tagger",
    "gru_tagger",
    "bi_peephole_sentiment",
    "bi_gru_series",
    "lstm_character_model",
    "scrn_word_model",
    "lstm_piano_roll",
    "lstm_show_and_tell",
    "bi_peephole_speech",
    "lstm_seq2seq",
    "gru_bahdanau_translator",
)


@pytest.fixture(autouse=True)
def little_memory(monkeypatch):
    """So that a model that is not refused takes none to speak of."""
    monkeypatch.setattr(model_size, "memory_bytes", lambda: 50e6)


def tiny(name, **changes):
    return {**architectures()[name].model_class.tiny(), **changes}


@pytest.mark.parametrize("name", UNITS)
def test_the_units_are_named(name):
    arguments = tiny(name, units=100_000_000)
    with pytest.raises(
        UserError, match=r"`units` must be lower: .*parameters"
    ) as error:
        seqzoo.create(name, **arguments)
    message = str(error.value)
    assert message.endswith("Received: units=100000000") and "\n" not in message
    (count,) = [
        int(word.replace(",", ""))
        for word in message.split()
        if word.replace(",", "").isdecimal() and len(word) > 8
    ]
    assert count >= 100_000_000


@pytest.mark.parametrize(
    ("name", "change", "setting"),
    [
        ("transformer", {"embedding_size": 10**8}, "embedding_size"),
        ("transformer", {"hidden_size": 10**8}, "hidden_size"),
        ("bi_lstm_tagger", {"character_filters": 10**8}, "character_filters"),
        ("bi_gru_series", {"convolution_filters": 10**8}, "convolution_filters"),
        ("lstm_tagger", {"num_layers": 3, "units": 1000}, "units"),
        (
            "scrn_tagger",
            {"cell_arguments": {"context_units": 10**8}},
            "cell_arguments.context_units",
        ),
    ],
)
def test_the_setting_to_lower_is_named(name, change, setting):
    with pytest.raises(UserError, match=f"`{setting}` must be lower"):
        seqzoo.create(name, **tiny(name, **change))


def test_a_head_that_is_too_large_for_a_loaded_model():
    with pytest.raises(UserError, match=r"`num_classes` must be lower"):
        seqzoo.load("simple_rnn_tagger.atis", num_classes=10**6)


def test_a_recipe_says_which_of_its_settings(tmp_path):
    from keras_seqzoo import training

    recipe = pathlib.Path(__file__).parents[1] / "tools" / "train_tickets.yaml"
    assert "units" in read_recipe(recipe).model.overrides
    with pytest.raises(UserError, match=r"yaml: model\.overrides\.units: .*must be lo"):
        training.train(
            recipe,
            run_dir=tmp_path / "run",
            overrides={"model.overrides.units": 100_000_000},
        )


def test_the_limit_is_of_a_training(monkeypatch):
    arguments = tiny("lstm_word_model", units=200)
    model = seqzoo.create("lstm_word_model", **arguments)
    values = sum(int(np.prod(v.shape)) for v in model.variables)
    enough = 4 * model_size.TRAINING_COPIES * values
    monkeypatch.setattr(model_size, "memory_bytes", lambda: enough)
    seqzoo.create("lstm_word_model", **arguments)
    monkeypatch.setattr(model_size, "memory_bytes", lambda: enough - 1)
    with pytest.raises(UserError, match=f"would have {values:,} parameters"):
        seqzoo.create("lstm_word_model", **arguments)


@pytest.mark.parametrize("kind", [MemoryError, tf.errors.ResourceExhaustedError])
def test_memory_that_is_taken_by_others(kind):
    error = kind() if kind is MemoryError else kind(None, None, "OOM on a GPU")
    with (
        pytest.raises(UserError, match="`units` must be lower.*would have 12 param"),
        model_size.that_can_be_trained({"units": 6, "num_layers": 1}),
    ):
        tf.Variable(tf.zeros((2, 6)))
        raise error


def test_a_group_of_processes_may_have_less(tmp_path, monkeypatch):
    monkeypatch.undo()
    machine = model_size.memory_bytes()
    assert 2**28 < machine < 2**50
    for text, expected in [("max\n", machine), ("1000000\n", 1e6)]:
        (tmp_path / "memory.max").write_text(text)
        monkeypatch.setattr(model_size, "_LIMITS", (str(tmp_path / "memory.max"),))
        assert model_size.memory_bytes() == expected


@pytest.mark.parametrize("layers", [101, 10**6])
def test_too_many_layers_are_refused_before_one_is_made(layers):
    message = f"`num_layers` must be .* at most 100. Received: num_layers={layers}"
    with pytest.raises(UserError, match=message):
        seqzoo.create(
            "bi_gru_tagger", vocabulary=["a"], labels=["O"], num_layers=layers
        )
