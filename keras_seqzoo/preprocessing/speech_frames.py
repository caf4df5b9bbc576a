"""The frames of a sound, whole or as it comes."""

from typing import Any

import keras
from keras import ops

from keras_seqzoo.preprocessing.log_mel import LogMel


@keras.saving.register_keras_serializable(package="keras_seqzoo")
class SpeechFrames(LogMel):
    """`LogMel` of padded sounds and, if asked for, of streams.

    A sound ends with its last sample that is not 0: the frames behind it are padding,
    and 0; and so is the only one of a sound that is shorter than a window.

    With `causal` so many zeros go before the sound that a frame ends with the samples
    that are new in it, and each `hop` of samples gives one frame. Of a chunk of a
    stream, for which `initial_state` is given, they are the samples before it, and no
    frame is padding.

    Args:
        sample_rate: Samples a second, in Hz.
        causal: Whether it is for streams too.
        **kwargs: Further arguments of `LogMel`.

    Attributes:
        lead: Zeros that go before a sound.

    Call: samples `(batch, samples)`, floats in [-1, 1]; `initial_state`, a list of the
    `lead` samples `(batch, lead)` before them. Returns `(batch, frames, bands)`,
    float32, and the next state too if `return_state` is set, as of a recurrent layer.
    """

    def __init__(self, sample_rate: int, causal: bool = False, **kwargs: Any) -> None:
        super().__init__(sample_rate, **kwargs)
        self.causal = causal
        self.lead = self.window - self.hop if causal else 0
        self.carries_state = causal
        self.return_state = False

    def get_initial_state(self, batch_size: Any) -> list:
        """Silence."""
        return [ops.zeros((batch_size, self.lead), self.compute_dtype)]

    def call(self, samples: Any, initial_state: list | None = None) -> Any:
        samples = self._floats(samples)
        if initial_state is None:
            before = ops.zeros_like(samples[:, :1])
            before = ops.tile(before, (1, self.lead))
        else:
            (before,) = initial_state
        heard = ops.concatenate([before, samples], axis=1) if self.lead else samples
        frames = super().call(heard)
        if initial_state is None:
            frames = frames * self._there(samples, frames)
        if self.return_state:
            return frames, heard[:, ops.shape(heard)[1] - self.lead :]
        return frames

    def frame_count(self, samples: Any) -> Any:
        """The number of frames that so many samples give, 1 at least."""
        return super().frame_count(samples + self.lead)

    def _there(self, samples: Any, frames: Any) -> Any:
        """1 for the frames up to a row's last sample that is not 0, else 0."""
        place = ops.arange(1, ops.shape(samples)[1] + 1, dtype="int32")
        last = ops.max(ops.where(samples != 0.0, place[None, :], 0), axis=1)  # (batch,)
        heard = ops.logical_and(last > 0, last + self.lead >= self.window)
        count = ops.where(heard, self.frame_count(last), 0)
        place = ops.arange(ops.shape(frames)[1], dtype="int32")
        there = place[None, :] < count[:, None]
        return ops.cast(there, frames.dtype)[..., None]

    def get_config(self) -> dict:
        return {**super().get_config(), "causal": self.causal}
