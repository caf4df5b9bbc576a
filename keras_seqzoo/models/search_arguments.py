"""What a user says of a search, checked."""

import os
from typing import Any

from keras_seqzoo import registry
from keras_seqzoo.arguments import beam_count, number_from_0
from keras_seqzoo.errors import UserError

# The architectures that search, as `seqzoo list` takes them.
SEARCHING = ("*_speech", "*_seq2seq", "*_translator", "transformer", "*_show_*")


def search_overrides(tag: str | os.PathLike, beams: int | None) -> dict[str, Any]:
    """What the option `--beams` adds to the arguments of `seqzoo.load`.

    Args:
        tag: A pretrained model's name, a preset, or an exported file.
        beams: None where the option is not given.

    Raises:
        UserError: They are given for a file, or for a model that does not search.
    """
    if beams is None:
        return {}
    if os.fspath(tag).endswith((".tflite", ".onnx")):
        raise UserError(
            f"--beams must be left out: a file has its search in it. Received: {beams}"
        )
    found = registry.info(tag)
    if found.pretrained and "beams" not in found.config:
        raise UserError(
            f"--beams must be left out of {tag}: only {', '.join(SEARCHING)} search. "
            f"Received: {beams}"
        )
    return {"beams": beams}


def search_arguments(
    beams: int | None, length_penalty: float | None, own_beams: int
) -> tuple[int | None, float | None]:
    """Both as they are kept; None is the model's own.

    Args:
        beams: Beams of the search, 256 at most; 1 is greedy search.
        length_penalty: As of `decoding.beam_search`.
        own_beams: The model's.

    Raises:
        UserError: One is out of range, or there is a penalty without beams.
    """
    if beams is not None:
        beams = beam_count(beams)
    if length_penalty is not None:
        length_penalty = number_from_0("length_penalty", length_penalty)
        if (beams or own_beams) == 1:
            raise UserError(
                "`length_penalty` must be left out of greedy search: it needs beams=2 "
                f"or more. Received: beams=1, length_penalty={length_penalty}"
            )
    return beams, length_penalty
