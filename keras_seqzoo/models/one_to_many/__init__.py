"""Models that make a sequence out of one thing or of nothing."""
