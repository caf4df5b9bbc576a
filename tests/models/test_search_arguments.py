import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.models.search_arguments import search_arguments


def test_none_is_the_models_own_and_a_penalty_needs_beams():
    assert search_arguments(None, None, 1) == (None, None)
    assert search_arguments(None, 2, 4) == (None, 2.0)
    assert search_arguments(3, 0.5, 1) == (3, 0.5)
    for beams, own in ((1, 4), (None, 1)):
        with pytest.raises(UserError, match="left out of greedy search.*beams=1"):
            search_arguments(beams, 2, own)
    with pytest.raises(UserError, match="`beams` must be a positive integer"):
        search_arguments(0, None, 4)
