"""The errors a user can cause; the command line turns them into one line."""


class UserError(ValueError):
    """The user's input was wrong. The message is one line and says what is allowed."""


class PresetError(UserError):
    """A preset's file is damaged, missing or not a preset's. The message names it."""
