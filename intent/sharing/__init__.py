"""Share a run: model card, zip, push to the Hub."""

from collections.abc import Callable

OnProgress = Callable[[str, float | None], None]
"""Report the phase in words, and how much of it is done, 0..1, or None if unknown."""


def no_progress(phase: str, share: float | None) -> None:
    """Report nothing."""
