"""Start, queue, stop and resume runs, each in its own process."""
