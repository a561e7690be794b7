"""How long a training takes, before it begins."""
