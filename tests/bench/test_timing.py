import pytest

from keras_seqzoo.bench.timing import (
    MIN_ROUNDS,
    Timing,
    geometric_mean,
    median_ratio,
    take_turns,
)


class FakeClock:
    """A clock that only functions of known length move."""

    def __init__(self):
        self.now = 0.0
        self.calls = []

    def __call__(self):
        return self.now

    def function(self, name, seconds, first=None):
        lengths = iter([first or seconds])

        def run():
            self.calls.append(name)
            self.now += next(lengths, seconds)

        return run


def test_first_call_and_rounds_are_kept_apart():
    clock = FakeClock()
    functions = {
        "a": clock.function("a", 0.1, first=3.0),
        "b": clock.function("b", 0.2, first=1.0),
    }
    timings = take_turns(functions, seconds=0, clock=clock)
    assert [timings[name].first_call_s for name in "ab"] == [3.0, 1.0]
    for name, seconds in (("a", 0.1), ("b", 0.2)):
        assert timings[name].rounds_s == pytest.approx([seconds] * MIN_ROUNDS)
        assert timings[name].median_ms == pytest.approx(1e3 * seconds)


def test_each_turn_begins_untimed_and_the_order_turns_round():
    clock = FakeClock()
    functions = {name: clock.function(name, 0.5) for name in "abc"}
    take_turns(functions, seconds=0, clock=clock)
    first_calls, rounds = clock.calls[:3], clock.calls[3:]
    assert first_calls == list("abc")
    assert "".join(rounds) == "aabbcc" + "ccbbaa" + "aabbcc"


def test_goes_on_for_the_seconds():
    clock = FakeClock()
    timings = take_turns({"a": clock.function("a", 1.0)}, seconds=19.5, clock=clock)
    assert len(timings["a"].rounds_s) == 10  # two calls a round


def test_a_short_function_is_called_often_and_an_outlier_does_not_count():
    clock = FakeClock()
    lengths = iter([0.001] + ([0.001] * 2 + [0.015] + [0.001] * 5) * MIN_ROUNDS)

    def run():
        clock.now += next(lengths)

    timings = take_turns({"a": run}, seconds=0, clock=clock)
    assert timings["a"].rounds_s == pytest.approx([0.001] * MIN_ROUNDS)
    assert next(lengths, None) is None  # 2 ms untimed, 20 ms timed


def test_a_ratio_survives_a_machine_that_slows_down():
    theirs = [1.0, 2.0, 4.0, 8.0]
    assert median_ratio([0.5 * t for t in theirs], theirs) == 0.5
    assert median_ratio([1.0, 1.0, 9.0], [2.0, 2.0, 2.0]) == 0.5
    with pytest.raises(ValueError, match="longer"):
        median_ratio([1.0], theirs)


def test_geometric_mean():
    assert geometric_mean([0.5, 2.0, 8.0]) == pytest.approx(2.0)


def test_median_of_rounds():
    assert Timing(1.0, [0.001, 0.009, 0.002]).median_ms == 2.0
