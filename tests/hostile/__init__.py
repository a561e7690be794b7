"""Hostile input, made by a seed: recordings, checkpoints and data folders that must be refused."""
