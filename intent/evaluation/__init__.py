"""Evaluate a checkpoint on a data set: metrics, learning curve, stored results."""
