"""A labeled clip of a data set, whose audio is read on demand."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from intent.audio.clip import Clip
from intent.audio.speech_part import SpeechPart, choose_part
from intent.audio.voice_activity import Spans


@dataclass(frozen=True)
class LabelledClip:
    """A clip of a data set: its label, and a function that reads its audio."""

    name: str
    label_id: int
    locale: str
    transcription: str
    hash: str  # of its whole recording
    read: Callable[[], Clip]  # the whole recording
    flaw: str = ""  # as returned by `intent.audio.quality.flaw`
    seconds: float = 0.0  # of the whole recording; not needed without speech
    speech: Spans = ()  # where it has speech; (): nowhere, and all of it is used
    synthetic: bool = False  # its speech is synthetic, as its data set says

    def part(self, window_seconds: float = math.inf) -> SpeechPart:
        """Return the part that a model with this window uses."""
        return choose_part(self.speech, self.seconds, window_seconds)

    def read_part(self, window_seconds: float = math.inf) -> Clip:
        """Read the part that a model with this window uses."""
        return self.part(window_seconds).cut(self.read())

    def part_hash(self, window_seconds: float) -> str:
        """Return a name for the part: the hash of the recording, and where the part is in it."""
        part = self.part(window_seconds)
        return self.hash if part.is_whole else f"{self.hash}@{part.start:.3f}-{part.end:.3f}"
