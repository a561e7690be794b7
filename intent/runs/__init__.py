"""Runs: their files, events, states and reports, and the permissions on them."""
