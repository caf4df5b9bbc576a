"""Counts how many of the folk tunes that are made music21 parses, into README.md.

    pip install music21                      # needed for --measure alone
    python tools/abc_share.py --measure      # makes the tunes and parses them
    python tools/abc_share.py                # writes README.md
    python tools/abc_share.py --check        # says whether README.md is up to date

The tunes of seeds 1 to 50; docs/bench/abc.json has the figure.
"""

import argparse
import json
import sys

from readme_section import ROOT, put_section
from tqdm import tqdm

RESULTS = ROOT / "docs" / "bench" / "abc.json"
SECTION = "abc share"
TAG = "lstm_character_model.folk_abc"
TUNES = 50
TEMPERATURE = 0.7
STEPS = 2000  # characters at most, as `seqzoo generate` makes


def parses(tune: str) -> bool:
    """Whether music21 reads the tune, and finds notes in it."""
    from music21 import converter

    try:
        score = converter.parse(tune, format="abc")
    except Exception:  # whatever music21 raises of a text that is no ABC
        return False
    return len(score.recurse().notes) > 0


def measure() -> dict:
    """Makes the tunes, and counts those that parse."""
    import music21

    import keras_seqzoo as seqzoo

    model = seqzoo.load(TAG)
    tunes = [
        model.generate(steps=STEPS, seed=seed, temperature=TEMPERATURE)
        for seed in tqdm(range(1, TUNES + 1), disable=None)
    ]
    return {
        "tag": TAG,
        "temperature": TEMPERATURE,
        "tunes": len(tunes),
        "parsed": sum(map(parses, tunes)),
        "music21": music21.__version__,
    }


def sentence(found: dict) -> str:
    """For README.md."""
    return (
        f"Of {found['tunes']} tunes of `{found['tag']}` at temperature "
        f"{found['temperature']}, music21 {found['music21']} parses {found['parsed']} "
        "(`python tools/abc_share.py --measure`)."
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.measure:
        RESULTS.write_text(json.dumps(measure(), indent=1) + "\n", "utf-8")
    content = sentence(json.loads(RESULTS.read_text("utf-8")))
    return put_section(SECTION, content, arguments.check)


if __name__ == "__main__":
    sys.exit(main())
