"""One piece of hostile input: what it is called, and what the app does with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """`act` makes the input in an empty folder of its own and hands it to the app's code.

    It may return, or raise an IntentError; anything else is a fault of the app.
    """

    name: str
    act: Callable[[Path], object]
