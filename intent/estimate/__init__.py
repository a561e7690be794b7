"""Estimate how long a training takes, before it starts."""
