"""A recurrent decoder that knows of the source what the encoder's last states hold."""

from typing import Any, ClassVar

import keras

from keras_seqzoo.layers.recurrent_decoder import RecurrentDecoder


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class PlainDecoder(RecurrentDecoder):
    """Cells that go on from the encoder's last states.

        h_t = cells(y_{t-1}, h_{t-1})
        output = W h_t + b

    Args:
        *args: Those of `RecurrentDecoder`.
        **kwargs: Those of `RecurrentDecoder`.

    Call: as of `RecurrentDecoder`; of the source steps it reads nothing.

    Source: Sutskever et al. 2014, Sequence to Sequence Learning with Neural Networks,
    arXiv 1409.3215, section 2.
    """

    attends: ClassVar[bool] = False

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.combine = keras.layers.Dense(
            self.size, name="combine", dtype=self.dtype_policy
        )

    def read_size(self, word_size: int, source_size: int) -> int:
        return word_size

    def build_step(self, word_size: int, source_size: int) -> None:
        self.combine.build((None, self.output_size))

    def begin_step(self, source: Any, mask: Any) -> tuple[list, list]:
        return [], []

    def step(
        self, word: Any, states: list, own: list, fixed: list, masks: list
    ) -> tuple:
        h, states = self.through_cells(word, states, masks)
        return h, states, own, None

    def finished(self, outputs: Any, words: Any) -> Any:
        return self.combine(outputs)
