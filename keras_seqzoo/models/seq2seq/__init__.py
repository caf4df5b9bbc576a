"""Models that make a sequence out of another of another length."""
