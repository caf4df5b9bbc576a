"""The table of the speech recognisers."""

import types

import numpy as np
import pytest
import speech_table
from whistles import recogniser

from keras_seqzoo.training.tasks.speech_recognition import SpeechRecognition
from keras_seqzoo.training.tasks.utterances import Utterance

GREEDY = {"accuracy": 98.5, "wer": 1.6, "cer": 1.2}
FOUND = {
    "tags": {
        "bi_peephole_speech.x": {
            "dataset": "an4_mfcc",
            "streams": False,
            "parameters": 1234,
            "minutes": "12.3",
            "utterances": 130,
            "greedy": GREEDY,
            "beam": {"accuracy": 99.0, "wer": 1.0, "cer": 0.5},
            "int8": {"wer": 1.7, "bytes": 1000},
        },
        "coupled_lstm_speech.y": {
            "dataset": "connected_digits",
            "streams": True,
            "parameters": 123,
            "minutes": "0.5",
            "utterances": 600,
            "greedy": GREEDY,
            "int8": {"wer": 1.65, "bytes": 1000},
            "real_time_factor": {"8000": 0.0123, "44100": 0.0144},
            "left_out": {
                "theo": {"accuracy": 90.0, "wer": 8.0, "cer": 7.0, "epochs": 6},
                "lucas": {"accuracy": 80.0, "wer": 16.0, "cer": 9.0, "epochs": 6},
            },
        },
        "coupled_lstm_speech.z": {"left_out": {"theo": GREEDY}},
    }
}


def test_a_row_for_each_tag_and_each_published_model():
    lines = speech_table.table(FOUND).splitlines()
    *lines, blank, verdict = lines
    assert len(lines) == 2 + 2 + len(speech_table.PUBLISHED) and blank == ""
    assert verdict == "Largest loss allowed: in int8, WER 0.5: reached by all."
    x = FOUND["tags"]["bi_peephole_speech.x"]
    rates = {"at_limit": 2.1, "poor": 2.11}
    tags = {name: {**x, "int8": {"wer": wer}} for name, wer in rates.items()}
    text = speech_table.table({"tags": tags})
    assert text.endswith("in int8, WER 0.5: **missed** by poor.")
    assert lines[2] == (
        "| bi_peephole_speech.x | AN4, 130 | 98.50 | 1.60 | 1.20 | 1.00, 0.50 | - "
        "| 1.70 | - | 1,234 | 12.3 |"
    )
    assert lines[3] == (
        "| coupled_lstm_speech.y | connected digits, 600 | 98.50 | 1.60 | 1.20 | - "
        "| 85.00, 12.00 (2 of 6, 6 epochs) | 1.65 "
        "| 0.012; 0.014 of 44.1 kHz sound | 123 | 0.5 |"
    )
    assert len({line.count("|") for line in lines}) == 1


def test_a_pretrained_tag_without_a_row_is_named(monkeypatch):
    monkeypatch.setattr(
        speech_table,
        "pretrained",
        {"wer": [*FOUND["tags"], "bi_peephole_speech.new"]}.get,
    )
    # One was measured with a speaker left out alone.
    missing = ["coupled_lstm_speech.z", "bi_peephole_speech.new"]
    assert speech_table.without_row(FOUND) == missing
    assert SpeechRecognition.METRIC == speech_table.METRIC


def test_the_real_time_factor_is_work_by_sound(monkeypatch):
    clock = iter([10.0, 10.5, 20.0, 21.5])
    monkeypatch.setattr(
        speech_table, "time", types.SimpleNamespace(process_time=lambda: next(clock))
    )
    rows = [Utterance(np.zeros(1500, "int16"), "", "x")] * 2  # 3 s at 1000 Hz
    heard = []

    class Runner:
        """Hears nothing; keeps the rates and the sizes of what comes."""

        sample_rate = 1000

        def predict_audio(self, samples, rate):
            heard.clear()

        def transcribe(self, blocks, rate):
            heard.append((rate, [len(block) for block in blocks]))
            yield ""

    runner = Runner()
    found = speech_table.real_time_factors(runner, rows)
    assert found == {"1000": pytest.approx(1 / 6, abs=1e-4), "44100": 0.5}
    assert heard == [(44_100, [4410] * 15)] * 2
    monkeypatch.undo()
    assert 0 < speech_table.real_time_factor(recogniser(), rows, 4410) < 100


def test_rates_are_in_percent():
    model = recogniser()
    rows = [
        Utterance(np.ones(500 + i, "int16"), text, "x")
        for i, text in enumerate(("low mid", "high"))
    ]

    def run(inputs):
        return {"labels": np.array([[-1, 0, 1], [0, -1, -1]])}

    assert speech_table.rates(model, rows, run) == {
        "accuracy": 50.0,
        "wer": pytest.approx(100 / 3, abs=0.01),
        "cer": pytest.approx(100 * 4 / 11, abs=0.01),
    }
