"""Piano-roll models that make music."""

from collections.abc import Callable

import numpy as np

from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.note_sampling import checked_primer, generate_roll
from keras_seqzoo.runtime.runner import Runner
from keras_seqzoo.runtime.sampling import checked_sampling


class MusicGenerator:
    """What a piano-roll model in Keras and an exported one have in common.

    Attributes:
        makes: "music".
        num_keys: Keys of its rolls.
        lowest_pitch: MIDI pitch of the first key.
        step_beats: Quarter notes that a step lasts.
    """

    makes = "music"
    num_keys: int
    lowest_pitch: int
    step_beats: float

    def generate(
        self,
        steps: int = 64,
        *,
        seed: int = 0,
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        primer: np.ndarray | None = None,
    ) -> np.ndarray:
        """Makes music.

        Args:
            steps: How many steps to add to the primer.
            seed: Of the draws; the same seed makes the same music.
            temperature: Divides the logits; below 1 the music is safer, and at 0 a key
                sounds if its chance is over one half.
            top_k: Only the k likeliest keys of a step may sound; None for all.
            top_p: Only the likeliest keys that make up this share of the notes to
                expect in a step may sound; None for all.
            primer: A roll `(time, num_keys)` to go on from; None for nothing.

        Returns:
            The roll, uint8 `(time of the primer + steps, num_keys)`.

        Raises:
            UserError: An argument is out of range, the primer has other keys, or an
                exported file has no `step`.
        """
        sampling = checked_sampling(steps, seed, temperature, top_k, top_p)
        primer = checked_primer(primer, self.num_keys)

        def step(roll, states):
            answer, states = self.step({"roll": roll[None]}, states)
            return answer["scores"][0], states

        return generate_roll(step, sampling, primer)


class PianoRollRunner(MusicGenerator, Runner):
    """An exported `PianoRollModel`."""

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        task = file.description["task"]
        self.num_keys = task["num_keys"]
        self.lowest_pitch = task["lowest_pitch"]
        self.step_beats = task["step_beats"]
