"""The recordings of a data set, numbered for a table, measured, and handed out to be played."""

import dataclasses
import functools
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from intent.audio.clip import Clip, clip_hash, write_wav
from intent.data import dataset as all_data

if TYPE_CHECKING:
    from datasets import DatasetDict


@dataclass(frozen=True)
class Recording:
    """One row of the table, and where its sound is."""

    number: int  # from 1
    part: str
    row: int  # in its part
    name: str
    label: str
    transcript: str


@dataclass(frozen=True)
class Looked:
    """A data set that a visitor looks at."""

    name: str  # as a recipe names it
    parts: "DatasetDict"
    recordings: tuple[Recording, ...]
    seconds: dict[int, float]  # by number; a recording that cannot be read has none
    left_out: tuple[tuple[str, str], ...] = ()  # files and links that are not read, and why


def open_data(name: str, locales: Sequence[str]) -> Looked:
    """Return a data set with its recordings numbered, none of them read; raises DataError."""
    # datasets looks into transformers as soon as its import has begun; where another thread is at
    # it (the classifier warms up while the first page opens), this waits for its end.
    import transformers  # noqa: F401

    left_out: list[tuple[str, str]] = []
    parts = all_data.load_data(name, locales, lambda *skip: left_out.append(skip))
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
    return Looked(name, parts, tuple(recordings), {}, tuple(left_out))


def measure(looked: Looked) -> tuple[Looked, list[tuple[str, str]]]:
    """Return the data set with its durations, and (name, reason) of what cannot be read."""
    unreadable = list(looked.left_out)
    seconds: dict[int, float] = {}
    first = 1
    for dataset in looked.parts.values():
        clips = all_data.readable_clips(dataset, lambda name, why: unreadable.append((name, why)))
        for index, clip in clips:
            seconds[first + index] = clip.seconds
        first += len(dataset)
    return dataclasses.replace(looked, seconds=seconds), unreadable


def wav_file(clip: Clip) -> str:
    """Return the path of a WAV file of the clip, which lives as long as this process."""
    path = served_folder() / f"{clip_hash(clip)[:16]}.wav"
    write_wav(clip, path)
    return str(path)


def served_folder() -> Path:
    """Return a folder for files that are handed to the page, gone when this process ends."""
    return Path(_clip_folder().name)


@functools.cache
def _clip_folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="intent-studio-")
