import numpy as np
import pytest

from keras_seqzoo import registry
from keras_seqzoo.errors import UserError
from keras_seqzoo.models import SeriesClassifier, SlotTagger
from keras_seqzoo.training import evaluate, task_of
from keras_seqzoo.training.evaluate import measured_split
from keras_seqzoo.training.tasks.series_classification import Series


def test_a_batch_to_evaluate_has_a_sentence_or_more():
    with pytest.raises(UserError, match="`batch_size` must be.*batch_size=0"):
        evaluate("bi_gru_tagger.atis", batch_size=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset": "uci_har"}, "dataset must be one of atis, .*Received: 'uci_har'"),
        ({"dataset": ""}, "dataset must be one of atis, .*Received: ''"),
        ({"split": "phrases"}, "split must be one of train, .*Received: 'phrases'"),
        (
            {"dataset": "train_tickets"},
            "must have labels of the model's: .*aircraft_code.*Received: B-",
        ),
    ],
)
def test_data_that_the_model_is_not_for(arguments, message):
    with pytest.raises(UserError, match=message) as error:
        evaluate("gru_tagger.atis", **arguments)
    assert "\n" not in str(error.value)


def test_a_series_of_other_channels():
    task = task_of("bi_gru_series")
    model = registry.create("bi_gru_series", **SeriesClassifier.tiny())
    rows = [Series(np.zeros((5, 12), "float32"), model.labels[0])]
    with pytest.raises(UserError, match=r"series\[0\] must be an array \(time, "):
        task.metric(model, rows)


def test_a_split_that_uci_har_does_not_have():
    with pytest.raises(UserError, match="split must be one of .*fit, .*: 'validate'"):
        task_of("bi_gru_series").read("uci_har", "validate", None)


def test_a_figure_is_measured_again_on_its_own_part():
    metadata = {"dataset": "uci_har", "split": "test_64"}
    assert measured_split(metadata, "uci_har") == "test_64"
    assert measured_split(metadata, "japanese_vowels") == "test"
    assert measured_split({"dataset": "train_tickets"}, "train_tickets") == "test"


@pytest.mark.parametrize(
    ("tag", "plot", "message"),
    [
        ("gru_tagger.atis", "x.png", "--plot is for classifiers"),
        ("bi_peephole_sentiment.sst2", "x.jpg", "--plot must end in .png"),
        ("bi_peephole_sentiment.sst2", "none/x.png", "--plot must be in a folder"),
    ],
)
def test_a_picture_that_cannot_be_is_refused_at_once(tag, plot, message, tmp_path):
    with pytest.raises(UserError, match=message):
        evaluate(tag, plot=tmp_path / plot, data_dir="/no/such/folder")


@pytest.mark.parametrize("kind", ["preset", "preset.zip"])
def test_by_default_the_part_is_that_of_the_metadata(kind, tmp_path):
    labels = ["O", "B-to_station"]
    model = registry.create("gru_tagger", **SlotTagger.tiny() | {"labels": labels})
    metadata = {"dataset": "train_tickets", "split": "validation"}
    model.save_to_preset(tmp_path / kind, metadata=metadata)
    assert evaluate(tmp_path / kind)["split"] == "validation"
    assert evaluate(tmp_path / kind, split="test")["split"] == "test"


def test_a_classifier_is_drawn(data_dir, tmp_path):
    plot = tmp_path / "who.png"
    tag = "bi_gru_series.japanese_vowels"
    result = evaluate(tag, data_dir=data_dir, plot=plot)
    assert result["value"] > 90 and plot.read_bytes().startswith(b"\x89PNG")
