import numpy as np
import pytest

from keras_seqzoo.datasets import text_drawing


def test_piano_roll_shows_the_used_range_from_high_to_low():
    roll = np.zeros((4, 88), np.uint8)
    roll[0, 39] = roll[2, 42] = 1
    assert text_drawing.piano_roll(roll, 21, 80).splitlines() == [
        "D#4  ..#.",
        "D4   ....",
        "C#4  ....",
        "C4   #...",
    ]


def test_piano_roll_says_when_steps_do_not_fit():
    roll = np.ones((30, 1), np.uint8)
    assert text_drawing.piano_roll(roll, 60, 15).splitlines() == [
        "C4   ##########",
        "(the first 10 of 30 steps)",
    ]
    assert "#" in text_drawing.piano_roll(roll, 60, 1)


def test_silence():
    assert text_drawing.piano_roll(np.zeros((3, 88), np.uint8), 21, 80) == "(silence)"
    assert text_drawing.piano_roll(np.zeros((0, 88), np.uint8), 21, 80) == "(silence)"


@pytest.mark.parametrize("pitch, note", [(21, "A0"), (60, "C4"), (108, "C8")])
def test_note_names(pitch, note):
    assert text_drawing.note_name(pitch) == note


def test_sparkline():
    values = np.array([-9.0, 0.0, 0.5, 1.0, 9.0])
    assert text_drawing.sparkline(values, 0.0, 1.0) == "▁▁▅██"
    assert text_drawing.sparkline(np.zeros(2), 0.0, 0.0) == "▁▁"


def test_spectrogram_has_the_highest_band_on_top():
    decibels = np.array([[0.0, -100.0], [-100.0, -20.0]])
    assert text_drawing.spectrogram(decibels, 80).splitlines() == [" ▒", "█"]
    assert text_drawing.spectrogram(decibels, 1).splitlines() == [
        "",
        "█",
        "(the first 1 of 2 frames)",
    ]
