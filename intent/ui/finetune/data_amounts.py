"""How many recordings the chosen data holds and how long they are, as far as that is at hand."""

import functools
import io
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow.parquet
import soundfile

from intent.data.minds14 import CLIPS, MEAN_SECONDS
from intent.data.schema import AUDIO_COLUMN
from intent.estimate.flops import Clips
from intent.paths import MINDS14, SAMPLE, SAMPLE_DATA
from intent.ui.shared.recordings import Looked
from intent.ui.shared.requests import FOLDER

RECKONED = 100  # recordings, where nobody knows how many there are


@dataclass(frozen=True)
class Amount:
    """Recordings, and their mean duration in seconds; `test` is None where a part is split off.

    Not `is_known`: nobody has counted them, and a round number stands for them.
    """

    clips: int
    seconds: float
    test: int | None = None
    is_known: bool = True

    def divided(self, test_share: float) -> Clips:
        """Return how many to learn from and to test with."""
        test = math.ceil(self.clips * test_share) if self.test is None else self.test
        return Clips(self.clips - test, test, round(self.seconds, 1))


def amount_of(
    source: str | None, locales: Sequence[str], folder: str, looked: Looked | None
) -> Amount:
    """Return the amount of the data chosen: counted if it was looked at, else as it is known."""
    if looked and _is_chosen(looked, source, locales, folder):
        return counted(looked)
    if source == SAMPLE:
        return sample()
    if source == MINDS14 and locales and all(locale in CLIPS for locale in locales):
        return Amount(sum(CLIPS[locale] for locale in locales), MEAN_SECONDS)
    return Amount(RECKONED, MEAN_SECONDS, is_known=False)


def counted(looked: Looked) -> Amount:
    """Return the amount of a data set that was opened, its durations perhaps not yet measured."""
    seconds = statistics.mean(looked.seconds.values()) if looked.seconds else MEAN_SECONDS
    test = looked.parts.get("test")
    return Amount(len(looked.recordings), seconds, None if test is None else len(test))


@functools.cache
def sample() -> Amount:
    """Return the amount of the bundled sample, by the lengths that its sound files tell."""
    parts: dict[str, list[float]] = {}
    for file in sorted(SAMPLE_DATA.rglob("*.parquet")):
        sounds = pyarrow.parquet.read_table(file, columns=[AUDIO_COLUMN])[AUDIO_COLUMN]
        files = (io.BytesIO(sound["bytes"]) for sound in sounds.to_pylist())
        parts[file.name.split("-")[0]] = [soundfile.info(file).duration for file in files]
    return Amount(
        sum(map(len, parts.values())),
        statistics.mean(length for part in parts.values() for length in part),
        len(parts["test"]),
    )


def _is_chosen(looked: Looked, source: str | None, locales: Sequence[str], folder: str) -> bool:
    if looked.name != (folder.strip() if source == FOLDER else source):
        return False
    found = {locale for part in looked.parts.values() for locale in part.unique("locale")}
    return source != MINDS14 or found == set(locales)
