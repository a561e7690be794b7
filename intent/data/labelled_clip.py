"""A labeled clip of a data set, whose audio is read on demand."""

from collections.abc import Callable
from dataclasses import dataclass

from intent.audio.clip import Clip


@dataclass(frozen=True)
class LabelledClip:
    """A clip of a data set: its label, and a function that reads its audio."""

    name: str
    label_id: int
    locale: str
    transcription: str
    hash: str
    read: Callable[[], Clip]
    flaw: str = ""  # as returned by `intent.audio.quality.flaw`
