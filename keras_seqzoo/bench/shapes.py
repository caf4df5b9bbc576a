"""The sizes that are timed."""

import re
from typing import NamedTuple

from keras_seqzoo.errors import UserError


class Shape(NamedTuple):
    """The size of a recurrent layer's work; as text "64,100,128,256"."""

    batch: int
    steps: int
    inputs: int
    units: int

    def __str__(self) -> str:
        return ",".join(map(str, self))

    @property
    def bytes(self) -> int:
        """The least memory that it takes: inputs, outputs and a gate's weights."""
        features = self.inputs + self.units
        return 4 * features * (self.batch * self.steps + self.units)

    @classmethod
    def parse(cls, text: str) -> "Shape":
        """Read the text form.

        Raises:
            UserError: if it is not four positive integers.
        """
        parts = text.split(",")
        if len(parts) != 4 or not all(
            re.fullmatch("[0-9]{1,9}", part) and int(part) for part in parts
        ):
            raise UserError(
                "A shape must be four positive integers of at most nine digits, "
                "batch,steps,inputs,units, such as 64,100,128,256. "
                f"Received: {text[:80]!r}"
            )
        return cls(*map(int, parts))


TRAIN = (
    Shape(64, 100, 128, 256),
    Shape(32, 50, 64, 128),
    Shape(16, 1000, 64, 128),
    Shape(1, 100, 128, 256),
)
INFER = (Shape(1, 100, 128, 256), Shape(1, 50, 64, 128), Shape(1, 1000, 64, 128))
LONG = Shape(16, 4000, 64, 128)
MEMORY = Shape(16, 1000, 64, 128)
GPU = Shape(256, 200, 512, 512)

# What --sweep varies -> the shapes; when inferring, at batch 1.
SWEEPS = {
    "length": tuple(
        Shape(16, steps, 64, 128) for steps in (50, 100, 200, 500, 1000, 2000, 4000)
    ),
    "units": tuple(Shape(32, 100, 128, units) for units in (32, 64, 128, 256, 512)),
}
