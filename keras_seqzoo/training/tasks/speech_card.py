"""What the card of a speech recogniser says, by its data set and arguments."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from keras_seqzoo.models.ctc.speech_recogniser import hears_on

BEAMS = 16  # of the search that a card shows
SEARCH_USAGE = f"""\
searching = seqzoo.load("{{name}}", beams={BEAMS})  # with its language model
"""
SEARCH_FIGURE = "| WER with beam {beams} and the language model | {beam_value} |\n"
NGRAM_IS = """\
Its language model, for the search with beams, is an n-gram of {ngram} labels, learned
from the texts of the training part."""


class Spoken(NamedTuple):
    """What a card says of a set."""

    said: str
    speakers: str
    others: str  # Who is not understood as well.
    example: str  # A text.


_DIGITS = Spoken(
    said="spoken digits, one after the other",
    speakers="six men, three of them with accents",
    others="Other accents, women, children",
    example="four two",
)
SPOKEN = {
    "fsdd": _DIGITS._replace(
        said="one spoken digit at a time",
        others="Several digits in a row, other accents, women, children",
        example="four",
    ),
    "connected_digits": _DIGITS,
    "an4_mfcc": Spoken(
        said="spelled names, numbers and dates",
        speakers="74 Americans of around 1990",
        others="Other accents, children",
        example="YES",
    ),
}


def calls(config: Mapping[str, Any]) -> str:
    """Lines of Python that a recogniser of these arguments answers."""
    rate, features = config["sample_rate"], config["features"]
    if rate is None:
        return f"""\
frames = np.random.normal(size=(200, {features}))  # (time, features)
print(model.predict_frames([frames]))  # their texts
"""
    calls = f"""\
samples = np.random.uniform(-0.1, 0.1, {rate})  # a second; 1 is the loudest
print(model.predict_audio(samples, sample_rate={rate}))  # its text
"""
    if hears_on(config):
        calls += """\
stream = model.stream()
print(stream(samples) + stream.end())  # each call gives the text that is new
"""
    return calls
