"""The Fine-tune tab: choose data, base and recipe, start a run, and follow it."""
