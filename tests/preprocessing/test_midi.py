import re

import mido
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from keras_seqzoo.errors import UserError
from keras_seqzoo.preprocessing.midi import read_midi, write_midi

# One track, 96 ticks a quarter note.
HEADER = b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\x00\x60"


def midi(path, *tracks, ticks=96):
    """A file of tracks of (type, channel, pitch, velocity, ticks since the last)."""
    file = mido.MidiFile(ticks_per_beat=ticks)
    for notes in tracks:
        track = mido.MidiTrack()
        for kind, channel, note, velocity, time in notes:
            track.append(
                mido.Message(
                    kind, channel=channel, note=note, velocity=velocity, time=time
                )
            )
        file.tracks.append(track)
    file.save(path)
    return path


@settings(max_examples=30, deadline=None)
@given(
    roll=arrays.arrays(np.uint8, (9, 88), elements=st.integers(0, 1)),
    step_beats=st.sampled_from([0.25, 0.5, 1.0, 2.0]),
)
def test_a_roll_comes_back(roll, step_beats, tmp_path_factory):
    path = tmp_path_factory.mktemp("midi") / "x.mid"
    roll[-1, 40] = 1  # a file does not tell silence at its end
    write_midi(path, roll, step_beats=step_beats)
    np.testing.assert_array_equal(read_midi(path, step_beats=step_beats), roll)


def test_the_notes_and_seconds_that_are_written(tmp_path):
    roll = np.zeros((4, 88), np.uint8)
    roll[0:2, 60 - 21] = roll[1:4, 64 - 21] = 1
    write_midi(tmp_path / "x.mid", roll, step_beats=0.5, beats_a_minute=120)
    now, found = 0.0, []
    for message in mido.MidiFile(tmp_path / "x.mid"):  # in seconds
        now += message.time
        if not message.is_meta:
            found.append((message.type, message.note, round(now, 6)))
    assert found == [
        ("note_on", 60, 0.0),
        ("note_on", 64, 0.25),
        ("note_off", 60, 0.5),
        ("note_off", 64, 1.0),
    ]


def test_tracks_go_together_and_drums_stay_out(tmp_path):
    path = midi(
        tmp_path / "x.mid",
        [("note_on", 0, 60, 64, 0), ("note_on", 0, 60, 0, 192)],  # off by velocity 0
        [("note_on", 1, 67, 64, 100), ("note_off", 1, 67, 0, 10)],  # off the grid
        [("note_on", 9, 36, 64, 0), ("note_off", 9, 36, 0, 960)],
    )
    roll = read_midi(path)
    assert np.argwhere(roll).tolist() == [[0, 39], [1, 39], [1, 46]]


def test_a_note_that_nobody_ends_ends_with_its_track(tmp_path):
    path = midi(
        tmp_path / "x.mid",
        [("note_on", 0, 60, 64, 0), ("note_on", 0, 62, 64, 192)],
    )
    assert np.argwhere(read_midi(path)).tolist() == [[0, 39], [1, 39], [2, 41]]


def test_all_pitches_outside_the_keys_are_named(tmp_path):
    notes = [("note_on", 0, pitch, 64, 0) for pitch in (109, 60, 5, 20, 21, 108)]
    path = midi(tmp_path / "x.mid", notes)
    with pytest.raises(UserError, match="from 21 to 108. Received: 5, 20, 109$"):
        read_midi(path)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "not a MIDI file: it is empty"),
        (b"hello\n", "not a MIDI file: it has no MThd header"),
        (b"X: 1\nT: a tune\nK: C\nCDEF\n", "not a MIDI file: it has no MThd header"),
        (bytes(range(256)), "not a MIDI file: it has no MThd header"),
        (b"MThd\x00", "a damaged MIDI file: it ends too early"),
        (
            HEADER + b"MTrk\x00\x00\x00\x09\x00",
            "a damaged MIDI file: it ends too early",
        ),
        (
            HEADER + b"MTrx\x00\x00\x00\x00",
            "a damaged MIDI file: no MTrk header at start of track",
        ),
        (
            HEADER + b"MTrk\x00\x00\x00\x04\x00\x90\x3c\xff",
            r"a damaged MIDI file: data byte must be in range 0\.\.127",
        ),
        (
            HEADER[:-2] + b"\xe7\x28MTrk\x00\x00\x00\x00",
            "a quarter note must have 1 tick or more .*Received: -6360",
        ),
        (None, "there is no such file"),
    ],
)
def test_what_is_no_midi_file(tmp_path, content, message):
    path = tmp_path / "x.mid"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError) as caught:
        read_midi(path)
    assert re.fullmatch(f"{re.escape(str(path))}: {message}", str(caught.value))


def test_a_folder_is_no_midi_file(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}: cannot be read: Is a directory"):
        read_midi(tmp_path)


def test_a_cut_file_is_refused_or_read_and_never_crashes(tmp_path):
    roll = np.zeros((4, 88), np.uint8)
    roll[:, 30:33] = 1
    write_midi(tmp_path / "x.mid", roll)
    content = (tmp_path / "x.mid").read_bytes()
    for size in range(len(content)):
        (tmp_path / "cut.mid").write_bytes(content[:size])
        try:
            read_midi(tmp_path / "cut.mid")
        except UserError as error:
            assert "cut.mid" in str(error)


def test_a_file_of_drums_alone_says_that_they_are_left_out(tmp_path):
    path = midi(tmp_path / "x.mid", [("note_on", 9, 36, 64, 0)])
    with pytest.raises(UserError, match="a note or more, besides drums. Received"):
        read_midi(path)


def test_a_file_without_notes(tmp_path):
    with pytest.raises(UserError, match="must have a note"):
        read_midi(midi(tmp_path / "x.mid", []))
