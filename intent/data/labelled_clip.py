"""One recording of a data set with what is known of it, its sound read when it is wanted."""

from collections.abc import Callable
from dataclasses import dataclass

from intent.audio.clip import Clip


@dataclass(frozen=True)
class LabelledClip:
    """A clip of the data set, by the hash of its sound, and how to read it."""

    name: str
    label_id: int
    locale: str
    transcription: str
    hash: str
    read: Callable[[], Clip]
    flaw: str = ""  # what makes it hard to hear, as `intent.audio.quality.flaw` says
