"""Open a data set for preview: number, measure and play its recordings."""

import dataclasses
import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import soundfile

from intent.audio.clip import Clip, as_int16, clip_hash, read_clip, write_wav
from intent.data import dataset as all_data

if TYPE_CHECKING:
    from datasets import DatasetDict

PLAYABLE = {  # formats and encodings, as libsndfile calls them, that every browser plays
    "WAV": ("PCM_U8", "PCM_16", "PCM_24", "FLOAT"),
    "MP3": ("MPEG_LAYER_III",),
    "FLAC": ("PCM_16", "PCM_24"),
}


@dataclass(frozen=True)
class Recording:
    """One row of the table, and where its audio is."""

    number: int  # from 1
    part: str
    row: int  # within its part
    name: str
    label: str
    transcript: str


@dataclass(frozen=True)
class DataPreview:
    """A data set that a visitor previews."""

    name: str  # as in a recipe
    parts: "DatasetDict"
    recordings: tuple[Recording, ...]
    seconds: dict[int, float]  # by number; without the recordings that cannot be read
    skipped: tuple[tuple[str, str], ...] = ()  # (name, reason) of files that are not read


def open_data(name: str, locales: Sequence[str]) -> DataPreview:
    """Return a data set with numbered recordings, without reading audio; raises DataError."""
    skipped: list[tuple[str, str]] = []
    parts = all_data.load_data(name, locales, lambda *skip: skipped.append(skip))
    labels = all_data.label_names(parts)
    recordings: list[Recording] = []
    for part, dataset in parts.items():
        columns = zip(
            dataset["name"][:], dataset["label"][:], dataset["transcription"][:], strict=True
        )
        for row, (title, label, words) in enumerate(columns):
            recordings.append(
                Recording(len(recordings) + 1, part, row, title, labels[label], words)
            )
    return DataPreview(name, parts, tuple(recordings), {}, tuple(skipped))


def measure(preview: DataPreview) -> tuple[DataPreview, list[tuple[str, str]]]:
    """Return the data set with its durations, and (name, reason) of each unreadable file."""
    unreadable = list(preview.skipped)
    seconds: dict[int, float] = {}
    first = 1
    for dataset in preview.parts.values():
        clips = all_data.readable_clips(dataset, lambda name, why: unreadable.append((name, why)))
        for index, clip in clips:
            seconds[first + index] = clip.seconds
        first += len(dataset)
    return dataclasses.replace(preview, seconds=seconds), unreadable


def wav_file(clip: Clip) -> str:
    """Write a clip to a WAV file that exists as long as this process; return its path."""
    path = served_folder() / f"{clip_hash(clip)[:16]}.wav"
    write_wav(clip, path)
    return str(path)


def sound_for_player(path: str) -> tuple[int, np.ndarray] | None:
    """Return the audio of a file that some browsers cannot play: its rate and int16 samples (n,).

    Returns None for a file that every browser plays. Raises AudioError.
    """
    try:
        found = soundfile.info(path)
        if found.subtype in PLAYABLE.get(found.format, ()):
            return None
    except (soundfile.SoundFileError, OSError):
        pass  # libsndfile cannot read it: read_clip does, or raises an error
    clip = read_clip(path)
    return clip.sample_rate, as_int16(clip)


def served_folder() -> Path:
    """Return the folder of files served to the page; it is deleted when this process ends."""
    return Path(_clip_folder().name)


@functools.cache
def _clip_folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="intent-studio-")
