"""Drawings made of characters: piano rolls, curves and spectrograms in a terminal."""

import numpy as np

_NOTES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_HEIGHTS = "▁▂▃▄▅▆▇█"
_SHADES = " ░▒▓█"


def piano_roll(roll: np.ndarray, lowest_pitch: int, width: int) -> str:
    """Time across, pitch down, from the highest key that sounds to the lowest.

    Args:
        roll: (time, keys), not 0 where a key sounds.
        lowest_pitch: MIDI pitch of the first key.
        width: Columns of the terminal; steps that do not fit are left out.

    Returns:
        A line for each key of the used range: its note and `#` or `.` for each step.
        If not all steps fit, a last line says so.
    """
    shown = roll[: max(1, width - 5)]  # Five columns are for the note.
    used = np.flatnonzero(shown.any(axis=0))
    if not len(used):
        return "(silence)"
    lines = []
    for key in range(used[-1], used[0] - 1, -1):
        marks = "".join("#" if sounds else "." for sounds in shown[:, key])
        lines.append(f"{note_name(lowest_pitch + key):<4} {marks}")
    return "\n".join(lines + _cut_note("steps", len(shown), len(roll)))


def note_name(pitch: int) -> str:
    """The note of a MIDI pitch: 60 -> C4."""
    return f"{_NOTES[pitch % 12]}{pitch // 12 - 1}"


def sparkline(values: np.ndarray, low: float, high: float) -> str:
    """A curve in one line.

    Args:
        values: (time,).
        low, high: The values of the lowest and the highest block.

    Returns:
        A block for each value; those beyond low and high count as these.
    """
    return "".join(_HEIGHTS[level] for level in _levels(values, low, high, 8))


def spectrogram(decibels: np.ndarray, width: int, floor: float = 45.0) -> str:
    """Time across, frequency down from high to low; the louder, the darker.

    Args:
        decibels: (time, bands).
        width: Columns of the terminal; frames that do not fit are left out.
        floor: Decibels under the loudest cell, from which on a cell is empty.

    Returns:
        A line for each band. If not all frames fit, a last line says so.
    """
    shown, loudest = decibels[: max(1, width)], decibels.max()
    levels = _levels(shown, loudest - floor, loudest, len(_SHADES))
    lines = ["".join(_SHADES[level] for level in band) for band in levels.T[::-1]]
    lines = [line.rstrip() for line in lines]
    return "\n".join(lines + _cut_note("frames", len(shown), len(decibels)))


def _cut_note(unit: str, shown: int, all_of_them: int) -> list[str]:
    return [f"(the first {shown} of {all_of_them} {unit})"] * (shown < all_of_them)


def _levels(values: np.ndarray, low: float, high: float, count: int) -> np.ndarray:
    """Each value as one of `count` equal steps from low to high."""
    scaled = (values - low) / max(high - low, 1e-9) * count
    return np.clip(scaled, 0, count - 1).astype(int)
