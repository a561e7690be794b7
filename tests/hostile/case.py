"""One piece of hostile input: what it is called, and what the app does with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """`act` hands input in an empty folder of its own to the app's code, and makes it where that is
    cheap; else `make` has made it there before, by itself, so that it is not measured.

    It may return, or raise an IntentError; anything else is a fault of the app.
    """

    name: str
    act: Callable[[Path], object]
    make: Callable[[Path], object] | None = None
