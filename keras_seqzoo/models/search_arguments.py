"""What a user says of a search, checked."""

from keras_seqzoo.arguments import number_from_0, positive_integer
from keras_seqzoo.errors import UserError


def search_arguments(
    beams: int | None, length_penalty: float | None, own_beams: int
) -> tuple[int | None, float | None]:
    """Both as they are kept; None is the model's own.

    Args:
        beams: Beams of the search; 1 is greedy search.
        length_penalty: As of `decoding.beam_search`.
        own_beams: The model's.

    Raises:
        UserError: One is out of range, or there is a penalty without beams.
    """
    if beams is not None:
        beams = positive_integer("beams", beams)
    if length_penalty is not None:
        length_penalty = number_from_0("length_penalty", length_penalty)
        if (beams or own_beams) == 1:
            raise UserError(
                "`length_penalty` must be left out of greedy search: it needs beams=2 "
                f"or more. Received: beams=1, length_penalty={length_penalty}"
            )
    return beams, length_penalty
