import numpy as np
import pytest

from keras_seqzoo.runtime import token_sampling
from keras_seqzoo.runtime.sampling import checked_sampling
from keras_seqzoo.runtime.token_sampling import generate_tokens

GREEDY = checked_sampling(6, 0, 0, None, None)


def counting(fed):
    """A step that likes best the token after the last, of five; it notes its calls."""

    def step(ids, states):
        assert (states is None) == (not fed)
        fed.append(ids.tolist())
        return np.eye(5)[(ids + 1) % 5], len(fed)

    return step


def test_each_token_is_read_once_and_a_text_begins_after_a_line():
    fed = []
    tokens = generate_tokens(counting(fed), GREEDY, np.array([3, 1], np.int32))
    assert tokens.tolist() == [2, 3, 4, 0, 1, 2]
    assert fed == [[0, 3, 1], [2], [3], [4], [0], [1]]


def test_a_long_primer_is_read_in_chunks(monkeypatch):
    monkeypatch.setattr(token_sampling, "CHUNK", 2)
    fed = []
    tokens = generate_tokens(counting(fed), GREEDY, np.array([3, 1], np.int32))
    assert tokens.tolist() == [2, 3, 4, 0, 1, 2]
    assert fed[:3] == [[0, 3], [1], [2]]


def test_an_empty_line_is_the_end():
    def ends(ids, states):
        return np.eye(5)[np.zeros(len(ids), int)], 0

    assert generate_tokens(ends, GREEDY, np.array([3], np.int32)).tolist() == [0, 0]
    assert generate_tokens(ends, GREEDY, np.array([], np.int32)).tolist() == [0]


@pytest.mark.parametrize("temperature", [0, 1e-3])
def test_what_is_never_drawn(temperature):
    def likes_two(ids, states):
        return np.tile([0.0, 2.0, 9.0, 8.0, 1.0], (len(ids), 1)), 0

    way = checked_sampling(3, 0, temperature, None, None)
    primer = np.array([2], np.int32)
    assert generate_tokens(likes_two, way, primer).tolist() == [2, 2, 2]
    assert generate_tokens(likes_two, way, primer, [2]).tolist() == [3, 3, 3]
    assert generate_tokens(likes_two, way, primer, [3, 2]).tolist() == [1, 1, 1]
