"""Whatever setup.cfg asks for, constraints.txt has the exact version of."""

import configparser
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[1]


def names(text):
    return {
        re.match(r"[\w.-]+", line).group().lower().replace("_", "-")
        for line in text.splitlines()
        if line.strip() and not line.startswith("#")
    }


def test_every_requirement_is_pinned():
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    required = names(setup["options"]["install_requires"])
    for extra in setup["options.extras_require"].values():
        required |= names(extra)
    pinned = (ROOT / "constraints.txt").read_text("utf-8")
    assert required - names(pinned) == set()
    lines = [line for line in pinned.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[\w.-]+==[\w.]+", line) for line in lines)
