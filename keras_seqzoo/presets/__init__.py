"""Trained weights by tag: a folder each, how it is read, and where it comes from."""
