"""A run is a directory: its files, events, state and report, and who may do what to it."""
