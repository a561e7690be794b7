"""Load a data set from a local folder: Parquet in the layout of the Hub, or a folder per label."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from intent.audio.suffixes import KINDS, is_audio
from intent.data.files import LeftOut, Listing, is_utf8, list_files, open_file, shown
from intent.data.parquet import read_parquet
from intent.data.parquet_rows import Budget
from intent.data.readme import Card, Subset, read_card
from intent.data.schema import Part, audio_paths
from intent.data.splits import files_by_split, path_inside, split_by_name
from intent.data.stray_tables import without_stray_tables
from intent.data.unused import unused_files, unused_recordings
from intent.errors import DataError
from intent.library_output import lock_bars
from intent.storage import storage_problem

if TYPE_CHECKING:
    from datasets import Dataset

LOCALE_NAME = re.compile(r"[a-z]{2,3}-[A-Z]{2}")
MAX_PARQUET_FILES = 10_000  # of one data set: 50 GB in files of 5 MB


def folder_parts(folder: Path, locales: Sequence[str]) -> tuple[list[Part], list[LeftOut]]:
    """Return the parts of the data set in a folder, and sentences on what is not used.

    `locales` selects the locales of a folder that has some, and is ignored otherwise. Raises
    DataError for a folder that is missing or has no data set.
    """
    check_is_folder(folder)
    try:
        listing = list_files(folder)
        parts, notes = _parts(listing, locales)
    except OSError as error:
        raise _cannot_open(folder, error) from error
    left_out = [
        (name, f'"{name}" {reason}. Only files inside the data folder are read.')
        for name, reason in listing.left_out
    ]
    return parts, left_out + notes


def _parts(listing: Listing, locales: Sequence[str]) -> tuple[list[Part], list[LeftOut]]:
    """Return the parts of a folder in either layout, and sentences on what is not used."""
    listing, notes = without_stray_tables(listing)
    if not any(name.endswith(".parquet") for name in listing.files):
        return _label_folder_parts(listing, notes), notes
    parts = _parquet_parts(listing, locales)
    if not any(part.locale for part in parts):  # the other locales have recordings too
        paths = [path for part in parts for path in audio_paths(part.dataset) if path]
        notes.extend(unused_recordings(listing, paths))
    return parts, notes


def check_is_folder(folder: Path) -> None:
    """Raise DataError unless the path is a readable folder."""
    if not is_utf8(str(folder)):
        raise DataError(
            f'A folder with a name in UTF-8 was expected, but found "{shown(str(folder))}": '
            "rename the folder."
        )
    try:
        if folder.is_dir():
            return
        found = "a file" if folder.exists() else "nothing"
    except OSError as error:
        raise _cannot_open(folder, error) from error
    raise DataError(f'A folder was expected at "{folder}", but there is {found}: check the path.')


def _cannot_open(folder: Path, error: OSError) -> DataError:
    return DataError(
        f'The folder "{folder}" could not be opened ({error.strerror or error}): check the '
        "path and its permissions."
    )


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Disable the progress bars of `datasets` within the block: the caller shows its own."""
    import datasets

    lock_bars()
    if datasets.are_progress_bars_disabled():
        yield
        return
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        datasets.enable_progress_bars()


def _parquet_parts(listing: Listing, locales: Sequence[str]) -> list[Part]:
    card = _card(listing, "")
    folders = {name.split("/")[0] for name in listing.files if "/" in name}
    known = sorted(name for name in {*card.subsets, *folders} if LOCALE_NAME.fullmatch(name))
    budget = Budget(f'The data set in "{listing.folder}"')
    if not known:
        return _load(listing, card, _only_subset(card, listing), "", budget)
    missing = [locale for locale in locales if locale not in known]
    if missing:
        raise DataError(
            f'"{listing.folder}" has no locale "{missing[0]}": choose from {", ".join(known)}.'
        )
    parts = []
    for locale in locales:
        if locale in card.subsets:
            parts.extend(_load(listing, card, locale, locale, budget))
        else:
            own = _card(listing, locale)
            subset = _only_subset(own, listing)
            parts.extend(_load(listing, own, subset, locale, budget, folder=locale))
    return parts


def _card(listing: Listing, folder: str) -> Card:
    """Return the declarations in the README of the data set, or of a folder in it."""
    name = f"{folder}/README.md".lstrip("/")
    if name not in listing.files:
        return Card()
    with open_file(listing.real_path(name)) as file:
        return read_card(file, str(listing.folder))


def _only_subset(card: Card, listing: Listing) -> str:
    """Return the subset to read where none was requested; "default" need not be declared."""
    default = [name for name, subset in card.subsets.items() if subset.is_default]
    if "default" in card.subsets or not card.subsets:
        return "default"
    if len(card.subsets) == 1 or default:
        return default[0] if default else next(iter(card.subsets))
    names = ", ".join(shown(name) for name in list(card.subsets)[:10])
    raise DataError(
        f'The README.md of "{listing.folder}" should mark one of its {len(card.subsets)} subsets '
        f'as the default, but none of them ({names}) has "default: true": add it to one.'
    )


def _load(
    listing: Listing, card: Card, name: str, locale: str, budget: Budget, folder: str = ""
) -> list[Part]:
    """Return the splits of one subset, of the data set or of a folder in it."""
    readme = f'The README.md of "{listing.folder}"'
    subset = card.subsets.get(name, Subset({}))
    base = "/".join(filter(None, (folder, path_inside(subset.folder, readme))))
    start = f"{base}/" if base else ""
    files = sorted(
        path[len(start) :]
        for path in listing.files
        if path.startswith(start) and path.endswith(".parquet")
    )
    if len(files) > MAX_PARQUET_FILES:
        raise DataError(
            f"{budget.title} should have at most {MAX_PARQUET_FILES:,} Parquet files, but has "
            f"{len(files):,}: save it as fewer, larger files."
        )
    if not files:
        raise DataError(
            f'"{listing.folder / base}" should have Parquet files, but has none: choose '
            f"another folder.{listing.left_out_note()}"
        )
    if subset.patterns:
        splits = files_by_split(files, subset.patterns, readme, listing.left_out_note())
    else:
        splits = split_by_name(files)
    class_names = card.class_names.get(name, {})
    parts = []
    for split, found in splits.items():
        paths = [start + path for path in found]
        parts.append(Part(_read(listing, paths, class_names, budget), split, locale))
    return [part for part in parts if len(part.dataset)] or parts[:1]


def _read(
    listing: Listing, paths: list[str], class_names: dict[str, tuple[str, ...]], budget: Budget
) -> "Dataset":
    try:
        with without_progress_bars():
            return read_parquet(listing, paths, class_names, budget)
    except DataError:
        raise
    except Exception as error:  # Arrow raises nearly anything for damaged files
        raise _unreadable(listing.folder, error) from error


def _unreadable(folder: Path, error: BaseException) -> DataError:
    if problem := storage_problem(error):
        return DataError(f'The data set in "{folder}" could not be read. {problem}')
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(
        f'The data set in "{folder}" could not be read ({reason[:200]}): check that its Parquet '
        "files are complete and have the same columns, and that the disk has space."
    )


def _label_folder_parts(listing: Listing, notes: list[LeftOut]) -> list[Part]:
    clips = [name for name in listing.files if is_audio(name)]
    top = {name for name in listing.folders if "/" not in name}
    filled = {name.split("/")[0] for name in clips if name.count("/") >= 2}
    divided = bool(top) and top <= {"train", "test"} and filled == top
    rows: dict[str, list[tuple[str, str]]] = {}  # split → label and file of each clip
    for name in clips:
        folders = name.split("/")[:-1]
        if len(folders) >= (2 if divided else 1):
            split, label = folders[:2] if divided else ("all", folders[0])
            rows.setdefault(split, []).append((label, name))
    if not rows:
        raise DataError(
            f'"{listing.folder}" should have Parquet files, or one folder per label with audio '
            f"files ({KINDS}), but has neither: choose another folder."
            f"{listing.left_out_note()}"
        )
    labels = {name: label for several in rows.values() for label, name in several}
    notes.extend(unused_files(listing, labels))
    return [Part(_file_dataset(listing, rows[split]), split) for split in sorted(rows)]


def _file_dataset(listing: Listing, clips: list[tuple[str, str]]) -> "Dataset":
    """Return rows that refer to the files; their bytes stay on the disk."""
    import datasets

    columns = {
        "audio": [{"bytes": None, "path": listing.real_path(name)} for _, name in clips],
        "label": [label for label, _ in clips],
        "name": [name for _, name in clips],
    }
    features = datasets.Features(
        {
            # not Audio: `datasets` needs torchcodec to encode rows as Audio
            "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            "label": datasets.Value("string"),
            "name": datasets.Value("string"),
        }
    )
    return datasets.Dataset.from_dict(columns, features=features)
