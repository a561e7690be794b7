"""Data sets: load and split labelled clips."""
