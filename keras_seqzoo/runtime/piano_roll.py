"""Piano-roll models that make music."""

from collections.abc import Callable

import numpy as np

from keras_seqzoo.runtime.files import ModelFile
from keras_seqzoo.runtime.note_sampling import checked_primer, generate_roll
from keras_seqzoo.runtime.runner import Runner
from keras_seqzoo.runtime.sampling import checked_sampling


class PianoRollRunner(Runner):
    """An exported `PianoRollModel`.

    Attributes:
        makes: "music".
        num_keys: keys of its rolls.
        lowest_pitch: MIDI pitch of the first key.
        step_beats: quarter notes that a step lasts.
    """

    makes = "music"

    def __init__(self, file: ModelFile, signatures: dict[str, Callable]) -> None:
        super().__init__(file, signatures)
        task = file.description["task"]
        self.num_keys = task["num_keys"]
        self.lowest_pitch = task["lowest_pitch"]
        self.step_beats = task["step_beats"]

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
        """Makes music, as `PianoRollModel.generate` does.

        Returns:
            The roll, uint8 `(time of the primer + steps, num_keys)`.

        Raises:
            UserError: an argument is out of range, or the file has no `step`.
        """
        self._check_streams()
        sampling = checked_sampling(steps, seed, temperature, top_k, top_p)
        primer = checked_primer(primer, self.num_keys)

        def step(roll, states):
            answer, states = self.step({"roll": roll[None]}, states)
            return answer["scores"][0], states

        return generate_roll(step, sampling, primer)
