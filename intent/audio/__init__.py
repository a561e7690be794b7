"""Sound: clips, from anything that a person can hand over."""
