"""The command line, `python -m intent`."""
