"""Start, queue, stop and resume runs, each in a process of its own."""
