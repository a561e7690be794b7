"""Load a data set from the Hub, a folder or the bundled sample, and split it."""

import math
import os
import reprlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from intent.audio.clip import Clip, read_clip
from intent.data.files import open_clip
from intent.data.layouts import check_is_data, folder_parts
from intent.data.minds14 import check_reachable, hub_parts
from intent.data.schema import AUDIO_COLUMN, NO_COLUMNS, Columns, listed, unite
from intent.errors import AudioError, DataError, RecipeError
from intent.paths import MINDS14, OWN_WORDS, OWN_WORDS_DATA, SAMPLE, SAMPLE_DATA
from intent.recipes import Recipe

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

MAX_TEST_SHARE = 0.5
# name → its folder, and what a message calls it
BUNDLED_DATA = {
    SAMPLE: (SAMPLE_DATA, "The bundled sample"),
    OWN_WORDS: (OWN_WORDS_DATA, "The bundled exam"),
}


class Sound(TypedDict):
    """The audio of a row: the bytes of an audio file, or its path."""

    bytes: bytes | None
    path: str | None


@dataclass(frozen=True)
class DataSummary:
    """Counts of a data set, made without reading the audio."""

    clips_per_label: dict[str, int]  # in label order, including labels without clips
    clips: int
    locales: tuple[str, ...]


def load_data(
    data: str,
    locales: Sequence[str] = ("en-US",),
    on_skip: Callable[[str, str], None] = lambda name, reason: None,
    columns: Columns = NO_COLUMNS,
) -> "DatasetDict":
    """Load a data set: "minds14" (Hub), "sample" or "own-words" (bundled), or the path of a folder.

    A folder has Parquet files in the layout of the Hub (with subsets or subfolders per locale, or
    without), or what `save_to_disk` wrote, or audio files with metadata.csv or metadata.jsonl, or
    one folder of audio files per label, optionally within split folders. The path may also be
    that of a table of recordings (CSV or JSONL); `columns` names its columns.
    The result has the splits "train" and "test" if the data set has both, else "all".
    Columns: audio (struct of bytes and path, not decoded), label (ClassLabel), transcription
    (str, may be ""), locale (str, "" if unknown), synthetic (bool: the data set has a column of that
    name which says so), name (str, readable).
    Calls `on_skip(name, reason)` for everything that is not used: a file, such as a link to a file
    outside the folder, several files with the same reason, or a split without labels.
    Raises DataError.
    """
    wanted = tuple(dict.fromkeys(locales))
    if data in (MINDS14, *BUNDLED_DATA) and columns != NO_COLUMNS:
        raise DataError(
            f'Column names can be set only for your own data, but the data set is "{data}": leave out '
            "--audio-column and --label-column."
        )
    if data in BUNDLED_DATA:
        folder, title = BUNDLED_DATA[data]
        return unite(folder_parts(folder, wanted)[0], title)
    if not data.strip():
        raise DataError(
            'A data set is needed, but none was given: use "minds14", "sample" or the path of a folder.'
        )
    if not wanted:
        raise DataError(
            "At least one locale is needed, but none was given: add one, such as en-US."
        )
    if data == MINDS14:
        return unite(hub_parts(wanted), "MInDS-14", on_skip)
    folder = Path(os.path.expanduser(data))
    parts, left_out = folder_parts(folder, wanted, columns)
    for name, reason in left_out:
        on_skip(name, reason)
    return unite(parts, f'The data set in "{folder}"', on_skip)


def columns_of(recipe: Recipe) -> Columns:
    """Return the columns that a recipe names."""
    return Columns(recipe.audio_column, recipe.label_column)


def check_reject_label(recipe: Recipe, labels: Sequence[str]) -> None:
    """Raise RecipeError if the recipe's reject label is not one of the data's labels."""
    if not recipe.reject_label or recipe.reject_label in labels:
        return
    raise RecipeError(
        f"reject_label should be one of the data's labels, but is {reprlib.repr(recipe.reject_label)}: "
        f"choose from {listed(labels)}."
    )


def check_available(data: str, locales: Sequence[str]) -> None:
    """Raise DataError if `load_data` would not find the data set; does not read the data."""
    if data == MINDS14:
        check_reachable(locales)
    elif data not in BUNDLED_DATA:
        check_is_data(Path(os.path.expanduser(data)))


def split(data: "DatasetDict", seed: int, test_share: float = 0.2) -> "DatasetDict":
    """Return the splits "train" and "test", stratified by label; each locale is split separately.

    The test set of a locale does not depend on the other locales. If the data set has its own test
    split, that is used. Raises DataError if a locale has too few clips.
    """
    from datasets import DatasetDict

    if "test" in data:
        return DatasetDict({"train": data["train"], "test": data["test"]})
    dataset = data["all"]
    rows_of: dict[str, list[int]] = {}
    for row, locale in enumerate(dataset["locale"]):
        rows_of.setdefault(locale, []).append(row)
    trains, tests = [], []
    for locale, rows in rows_of.items():
        train, test = _split_rows(dataset, locale, rows, seed, test_share)
        trains.extend(train)
        tests.extend(test)
    return DatasetDict(
        {
            "train": dataset.select(trains, keep_in_memory=True),
            "test": dataset.select(tests, keep_in_memory=True),
        }
    )


def _split_rows(
    dataset: "Dataset", locale: str, rows: list[int], seed: int, test_share: float
) -> tuple[list[int], list[int]]:
    """Split the rows of one locale, stratified by label; writes nothing to the cache."""
    from datasets import Dataset, Features, Value

    feature = dataset.features["label"]
    every_label = dataset["label"][:]
    columns = {"row": rows, "label": [every_label[row] for row in rows]}
    part = Dataset.from_dict(columns, features=Features(row=Value("int64"), label=feature))
    _check_splittable(part, locale, test_share)
    halves = part.train_test_split(test_size=test_share, seed=seed, stratify_by_column="label")
    return halves["train"]["row"][:], halves["test"]["row"][:]


def label_names(dataset: "Dataset | DatasetDict") -> tuple[str, ...]:
    """Return the labels in the order of their ids."""
    return tuple(_parts(dataset)[0].features["label"].names)


def summary(dataset: "Dataset | DatasetDict") -> DataSummary:
    """Count the clips per label; of a DatasetDict, over all splits."""
    parts = _parts(dataset)
    names = label_names(dataset)
    counts = Counter(label for part in parts for label in part["label"])
    locales = dict.fromkeys(locale for part in parts for locale in part["locale"])
    return DataSummary(
        clips_per_label={name: counts[index] for index, name in enumerate(names)},
        clips=sum(len(part) for part in parts),
        locales=tuple(locales),
    )


def clip_at(dataset: "Dataset", index: int) -> Clip:
    """Return the clip of a row at its original sample rate; raises AudioError if it is unreadable."""
    return _read(dataset[index][AUDIO_COLUMN])


def readable_clips(
    dataset: "Dataset", on_skip: Callable[[str, str], None]
) -> Iterator[tuple[int, Clip]]:
    """Yield the index and clip of each row, one at a time.

    Skips unreadable clips and calls `on_skip(name, reason)` for each.
    """
    rows = dataset.select_columns([AUDIO_COLUMN, "name"])
    for index, row in enumerate(rows):
        try:
            clip = _read(row[AUDIO_COLUMN])
        except AudioError as error:
            on_skip(row["name"], str(error))
            continue
        yield index, clip


def _read(sound: Sound | None) -> Clip:
    stored, path = (sound["bytes"], sound["path"]) if sound else (None, None)
    if stored is not None or not path:
        return read_clip("" if stored is None else stored)
    with open_clip(path) as file:  # checks again that the path is not a link
        return read_clip(file)


def _parts(dataset: "Dataset | DatasetDict") -> list["Dataset"]:
    return list(dataset.values()) if isinstance(dataset, dict) else [dataset]


def _check_splittable(part: "Dataset", locale: str, test_share: float) -> None:
    where = f" in {locale}" if locale else ""
    names = label_names(part)
    counts = Counter(part["label"])
    single = [names[label] for label, count in sorted(counts.items()) if count == 1]
    if single:
        raise DataError(
            f"Each label{where} needs at least 2 recordings, one to train on and one to test on, "
            f"but {', '.join(single)} {'has' if len(single) == 1 else 'have'} 1: "
            "add recordings or remove the label."
        )
    tested = math.ceil(len(part) * test_share)
    if tested >= len(counts) and len(part) - tested >= len(counts):
        return
    least = math.ceil(100 * len(counts) / len(part)) / 100
    share = f" or set test_share to at least {least:g}" if least <= MAX_TEST_SHARE else ""
    raise DataError(
        f"The test set{where} needs a recording for each of {len(counts)} labels, but "
        f"{test_share:g} of {len(part)} recordings is {tested}: add recordings{share}."
    )
