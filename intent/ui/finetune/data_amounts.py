"""Count the recordings of the chosen data and their mean duration, without a download."""

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
from intent.ui.shared.recordings import DataPreview
from intent.ui.shared.requests import FOLDER

ASSUMED_CLIPS = 100  # if the number of recordings is unknown


@dataclass(frozen=True)
class Amount:
    """The number of recordings and their mean duration in seconds.

    `test` is None if the test set will be split off; `is_known` is False for an assumed number.
    """

    clips: int
    seconds: float
    test: int | None = None
    is_known: bool = True

    def split(self, test_share: float) -> Clips:
        """Return the sizes of the training set and the test set."""
        test = math.ceil(self.clips * test_share) if self.test is None else self.test
        return Clips(self.clips - test, test, round(self.seconds, 1))


def amount_of(
    source: str | None, locales: Sequence[str], folder: str, preview: DataPreview | None
) -> Amount:
    """Return the amount of the chosen data, counted in its preview if there is one."""
    if preview and _is_chosen(preview, source, locales, folder):
        return counted(preview)
    if source == SAMPLE:
        return sample()
    if source == MINDS14 and locales and all(locale in CLIPS for locale in locales):
        return Amount(sum(CLIPS[locale] for locale in locales), MEAN_SECONDS)
    return Amount(ASSUMED_CLIPS, MEAN_SECONDS, is_known=False)


def counted(preview: DataPreview) -> Amount:
    """Count the recordings of a preview, whose durations may not be measured yet."""
    seconds = statistics.mean(preview.seconds.values()) if preview.seconds else MEAN_SECONDS
    test = preview.parts.get("test")
    return Amount(len(preview.recordings), seconds, None if test is None else len(test))


@functools.cache
def sample() -> Amount:
    """Count the recordings of the bundled sample; durations come from the headers of its files."""
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


def _is_chosen(
    preview: DataPreview, source: str | None, locales: Sequence[str], folder: str
) -> bool:
    if preview.name != (folder.strip() if source == FOLDER else source):
        return False
    found = {locale for part in preview.parts.values() for locale in part.unique("locale")}
    return source != MINDS14 or found == set(locales)
