"""Models that make one thing out of a sequence."""
