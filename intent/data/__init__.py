"""Data sets: load and split labeled clips."""
