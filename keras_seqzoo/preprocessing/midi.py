"""MIDI files as piano rolls and back."""

import io
import os
import pathlib

import mido
import numpy as np

from keras_seqzoo.errors import UserError, first_line

TICKS = 480  # of a quarter note, in the files that are written
DRUMS = 9  # MIDI's channel of drums, whose notes are no pitches
MOST_STEPS = 100_000
HEADER = b"MThd"


def read_midi(
    path: str | os.PathLike,
    num_keys: int = 88,
    lowest_pitch: int = 21,
    step_beats: float = 1.0,
) -> np.ndarray:
    """A MIDI file's notes on a grid of steps, all tracks together but for drums.

    A note's begin and end go to the nearest line of the grid, and it sounds for a step
    at least.

    Args:
        path: The file.
        num_keys: Keys of the roll.
        lowest_pitch: MIDI pitch of the first key.
        step_beats: Quarter notes that a step lasts.

    Returns:
        The roll, uint8 `(time, num_keys)`, 1 where a key sounds.

    Raises:
        UserError: The file cannot be read, is empty, no MIDI file or damaged, has no
            note, or has a pitch outside the keys.
    """
    path = pathlib.Path(path)
    content = _content(path)
    try:
        file = mido.MidiFile(file=io.BytesIO(content))
        notes = _notes(file)
    except EOFError as error:
        raise UserError(f"{path}: a damaged MIDI file: it ends too early") from error
    except Exception as error:  # mido has no error of its own for damage
        raise UserError(f"{path}: a damaged MIDI file: {first_line(error)}") from error
    if file.ticks_per_beat <= 0:
        raise UserError(
            f"{path}: a quarter note must have 1 tick or more (negative is time in "
            f"frames of film). Received: {file.ticks_per_beat}"
        )
    step = file.ticks_per_beat * step_beats  # in ticks
    if not notes:
        raise UserError(
            f"{path}: must have a note or more, besides drums. Received: none"
        )
    spans = [(round(on / step), round(off / step), pitch) for on, off, pitch in notes]
    length = max(max(off, on + 1) for on, off, _ in spans)
    if length > MOST_STEPS:
        raise UserError(
            f"{path}: must be at most {MOST_STEPS} steps. Received: {length}"
        )
    highest = lowest_pitch + num_keys - 1
    outside = {pitch for *_, pitch in spans if not lowest_pitch <= pitch <= highest}
    if outside:
        raise UserError(
            f"{path}: pitches must be from {lowest_pitch} to {highest}. "
            f"Received: {', '.join(map(str, sorted(outside)))}"
        )
    roll = np.zeros((length, num_keys), np.uint8)
    for on, off, pitch in spans:
        roll[on : max(off, on + 1), pitch - lowest_pitch] = 1
    return roll


def _content(path: pathlib.Path) -> bytes:
    """The bytes of a file that begins as a MIDI file does."""
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from error
    if not content:
        raise UserError(f"{path}: not a MIDI file: it is empty")
    if not content.startswith(HEADER):
        raise UserError(f"{path}: not a MIDI file: it has no {HEADER.decode()} header")
    return content


def _notes(file: mido.MidiFile) -> list[tuple[int, int, int]]:
    """(begin, end, pitch) of all notes, in ticks."""
    notes = []
    for track in file.tracks:
        now, begun = 0, {}
        for message in track:
            now += message.time
            if message.type not in ("note_on", "note_off") or message.channel == DRUMS:
                continue
            key = message.channel, message.note
            if key in begun:
                notes.append((begun.pop(key), now, message.note))
            if message.type == "note_on" and message.velocity:
                begun[key] = now
        notes += [(on, now, pitch) for (_, pitch), on in begun.items()]
    return notes


def write_midi(
    path: str | os.PathLike,
    roll: np.ndarray,
    lowest_pitch: int = 21,
    step_beats: float = 1.0,
    beats_a_minute: float = 100.0,
) -> None:
    """Writes a roll as a MIDI file for piano; steps in a row of one key are one note.

    Args:
        path: The file, which is replaced if it is there.
        roll: `(time, keys)`, not zero where a key sounds.
        lowest_pitch: MIDI pitch of the first key.
        step_beats: Quarter notes that a step lasts.
        beats_a_minute: The tempo, in quarter notes.
    """
    edges = np.diff(
        np.pad(np.asarray(roll, np.int8) != 0, ((1, 1), (0, 0))).astype(int), axis=0
    )
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(beats_a_minute)))
    now = 0
    for step, edge in enumerate(edges):
        # Ends before begins: a key may be struck again.
        for kind, value in (("note_off", -1), ("note_on", 1)):
            for key in np.flatnonzero(edge == value):
                tick = round(step * step_beats * TICKS)
                note = int(key) + lowest_pitch
                track.append(mido.Message(kind, note=note, time=tick - now))
                now = tick
    file = mido.MidiFile(ticks_per_beat=TICKS)
    file.tracks.append(track)
    file.save(path)
