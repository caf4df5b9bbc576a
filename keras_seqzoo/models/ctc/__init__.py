"""Models that make labels out of a sequence whose places in time are not known."""
