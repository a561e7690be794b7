"""The Fine-tune tab: choose data, base model and recipe, start a run, and follow it."""
