"""Checkpoints by name: found, checked, fetched, and what they say of themselves."""
