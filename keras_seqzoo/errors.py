"""The errors a user can cause; the command line turns them into one line."""

import re


class UserError(ValueError):
    """The user's input was wrong. The message is one line and says what is allowed."""


class PresetError(UserError):
    """A preset's file is damaged, missing or not a preset's. The message names it."""


def first_line(error: Exception, limit: int = 300) -> str:
    """An error in one line, without TensorFlow's names of its own nodes."""
    text = re.sub(r"\{\{.*?\}\} *| \[Op:.*", "", str(error))
    # Keras says first which layer's call failed, and then, in colours, why.
    text = re.sub(r"\x1b\[\d+m", "", text)
    text = re.sub(r"^\s*Exception encountered when calling .*\n", "", text).strip()
    return (text.splitlines() or [type(error).__name__])[0][:limit]
