"""Checkpoints: find, download and check them before they are loaded."""
