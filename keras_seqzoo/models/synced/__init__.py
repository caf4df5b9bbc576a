"""Models with one output for each input."""
