import numpy as np
import pytest

from keras_seqzoo.errors import UserError
from keras_seqzoo.runtime.note_sampling import checked_primer, generate_roll
from keras_seqzoo.runtime.sampling import checked_sampling, draw_notes, draw_token

SCORES = np.array([2.0, -1.0, 0.5, -3.0])
CHANCES = 1 / (1 + np.exp(-SCORES))


def sampling(steps=1, seed=0, temperature=1.0, top_k=None, top_p=None):
    return checked_sampling(steps, seed, temperature, top_k, top_p)


def shares(count=4000, **options):
    rng = np.random.default_rng(0)
    one = sampling(**options)
    return np.mean([draw_notes(SCORES, rng, one) for _ in range(count)], axis=0)


def test_each_key_sounds_by_its_chance():
    np.testing.assert_allclose(shares(), CHANCES, atol=0.03)
    half = 1 / (1 + np.exp(-SCORES / 0.5))
    np.testing.assert_allclose(shares(temperature=0.5), half, atol=0.03)


def test_temperature_0_takes_what_is_likelier_than_not():
    assert shares(10, temperature=0.0).tolist() == [1, 0, 1, 0]


def test_a_small_temperature_does_not_overflow():
    with np.errstate(all="raise", under="ignore"):
        assert shares(10, temperature=1e-6).tolist() == [1, 0, 1, 0]


@pytest.mark.parametrize("k, kept", [(1, 1), (2, 2), (9, 4)])
def test_top_k_keeps_the_likeliest(k, kept):
    expected = np.where(np.argsort(np.argsort(-SCORES)) < kept, CHANCES, 0.0)
    np.testing.assert_allclose(shares(top_k=k), expected, atol=0.03)


def test_top_p_keeps_the_share_of_the_notes():
    # 0.88, 0.62, 0.27 and 0.05 of 1.82 notes: 48, 83, 97 and 100 percent.
    for p, kept in [(0.3, 1), (0.5, 2), (0.82, 2), (0.9, 3), (1.0, 4)]:
        found = np.flatnonzero(shares(500, top_p=p))
        assert found.tolist() == sorted(np.argsort(-SCORES)[:kept].tolist())


@pytest.mark.parametrize("temperature", [0.0, 1e-6])
def test_without_warmth_the_likeliest_are_kept_wherever_they_stand(temperature):
    scores, rng = np.array([1.0, 5.0, -3.0, 2.0]), np.random.default_rng(0)
    for options, expected in [
        ({}, [1, 1, 0, 1]),
        ({"top_k": 1}, [0, 1, 0, 0]),
        ({"top_k": 2}, [0, 1, 0, 1]),
        ({"top_p": 0.3}, [0, 1, 0, 0]),
        ({"top_p": 0.6}, [0, 1, 0, 1]),
    ]:
        one = sampling(temperature=temperature, **options)
        assert draw_notes(scores, rng, one).tolist() == expected
        assert draw_token(scores, rng, one) == 1


def test_the_primer_is_fed_and_then_each_step_drawn():
    fed = []

    def step(roll, states):
        fed.append(roll.copy())
        return np.full((len(roll), 4), [9.0, -9.0, 9.0, -9.0]), (states or 0) + 1

    primer = checked_primer([[0, 1, 0, 0], [0, 0, 0, 1]], 4)
    roll = generate_roll(step, sampling(steps=3), primer)
    assert roll.tolist() == [*primer.tolist(), *[[1, 0, 1, 0]] * 3]
    assert fed[0].tolist() == [[0, 0, 0, 0], *primer.tolist()]
    assert [x.tolist() for x in fed[1:]] == [[[1, 0, 1, 0]]] * 2


@pytest.mark.parametrize(
    "options, message",
    [
        ({"temperature": -0.1}, "temperature must be a number from 0 on.*-0.1"),
        ({"temperature": float("nan")}, "temperature must be.*nan"),
        ({"temperature": float("inf")}, "temperature must be.*inf"),
        ({"temperature": "1"}, "temperature must be.*'1'"),
        ({"temperature": True}, "temperature must be.*True"),
        ({"top_p": 0}, "top_p must be above 0 and at most 1.*=0"),
        ({"top_p": 1.01}, "top_p must be.*1.01"),
        ({"top_k": 0}, "`top_k` must be.*top_k=0"),
        ({"steps": 0}, "`steps` must be.*steps=0"),
        ({"seed": -1}, "`seed` must be.*seed=-1"),
    ],
)
def test_what_is_out_of_range_is_named(options, message):
    with pytest.raises(UserError, match=message):
        sampling(**options)


def test_what_is_no_primer():
    assert checked_primer(None, 4).shape == (0, 4)
    with pytest.raises(UserError, match=r"primer must be a roll \(time, 4\).*\(2, 5\)"):
        checked_primer(np.zeros((2, 5)), 4)
    with pytest.raises(UserError, match="primer must be a roll of 0 and 1"):
        checked_primer(np.full((2, 4), 0.5), 4)


def token_shares(count=4000, **options):
    rng = np.random.default_rng(0)
    drawn = [draw_token(SCORES, rng, sampling(**options)) for _ in range(count)]
    return np.bincount(drawn, minlength=4) / count


def test_tokens_are_drawn_by_their_softmax():
    def softmax(scores):
        return np.exp(scores) / np.exp(scores).sum()

    np.testing.assert_allclose(token_shares(), softmax(SCORES), atol=0.03)
    cold = softmax(SCORES / 0.5)
    np.testing.assert_allclose(token_shares(temperature=0.5), cold, atol=0.03)
    assert token_shares(20, temperature=0.0).tolist() == [1, 0, 0, 0]
    assert token_shares(20, temperature=1e-6).tolist() == [1, 0, 0, 0]
    two = np.where(SCORES >= 0.5, softmax(SCORES), 0)
    for options in ({"top_k": 2}, {"top_p": 0.9}):  # 0.78, 0.17, 0.04, 0.01
        shares = token_shares(**options)
        np.testing.assert_allclose(shares, two / two.sum(), atol=0.03)
        assert not shares[[1, 3]].any()
