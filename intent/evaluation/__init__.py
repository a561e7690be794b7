"""Metrics, and how well a checkpoint does on a data set."""
