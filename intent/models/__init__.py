"""Encoders and classifiers: load, split, and what is special to Whisper."""
