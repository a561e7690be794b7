"""Load a data set from a local folder: Parquet in the layout of the Hub, or a folder per label."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from intent.audio.suffixes import KINDS
from intent.data.cached_rows import Request, read_rows
from intent.data.file_rows import file_dataset
from intent.data.files import LeftOut, Listing, open_file, shown
from intent.data.label_folders import label_folder_rows
from intent.data.parquet import PARQUET
from intent.data.parquet_rows import Budget
from intent.data.readme import Card, Subset, read_card
from intent.data.schema import Columns, Part
from intent.data.splits import files_by_split, path_inside, split_by_name
from intent.data.unused import unused_files
from intent.errors import DataError
from intent.library_output import lock_bars
from intent.storage import storage_problem

if TYPE_CHECKING:
    from datasets import Dataset

LOCALE_NAME = re.compile(r"[a-z]{2,3}-[A-Z]{2}")
MAX_PARQUET_FILES = 10_000  # of one data set: 50 GB in files of 5 MB


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


def parquet_parts(listing: Listing, locales: Sequence[str], columns: Columns) -> list[Part]:
    """Return the splits of Parquet files in the layout of the Hub; raises DataError."""
    card = _card(listing, "")
    folders = {name.split("/")[0] for name in listing.files if "/" in name}
    known = sorted(name for name in {*card.subsets, *folders} if LOCALE_NAME.fullmatch(name))
    budget = Budget(f'The data set in "{listing.folder}"')
    if not known:
        return _load(listing, card, _only_subset(card, listing), "", budget, columns)
    missing = [locale for locale in locales if locale not in known]
    if missing:
        raise DataError(
            f'"{listing.folder}" has no locale "{missing[0]}": choose from {", ".join(known)}.'
        )
    parts = []
    for locale in locales:
        if locale in card.subsets:
            parts.extend(_load(listing, card, locale, locale, budget, columns))
        else:
            own = _card(listing, locale)
            subset = _only_subset(own, listing)
            parts.extend(_load(listing, own, subset, locale, budget, columns, folder=locale))
    return parts


def _card(listing: Listing, folder: str) -> Card:
    """Return the declarations in the README of the data set, or of a folder in it."""
    name = f"{folder}/README.md".lstrip("/")
    if name not in listing.files:
        return Card()
    with open_file(listing.real_path(name)) as file:
        return read_card(file, str(listing.folder))


def _only_subset(card: Card, listing: Listing) -> str:
    """Return the subset to read if none was requested; "default" need not be declared."""
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
    listing: Listing,
    card: Card,
    name: str,
    locale: str,
    budget: Budget,
    columns: Columns,
    folder: str = "",
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
    request = Request(listing, PARQUET, card.class_names.get(name, {}), budget, columns)
    parts = []
    for split, found in splits.items():
        paths = [start + path for path in found]
        parts.append(Part(read(request, paths), split, locale))
    return [part for part in parts if len(part.dataset)] or parts[:1]


def read(request: Request, paths: Sequence[str]) -> "Dataset":
    """Return the rows of files of a folder; raises DataError, also for damaged files."""
    try:
        with without_progress_bars():
            return read_rows(request, paths)
    except DataError:
        raise
    except Exception as error:  # Arrow raises nearly anything for damaged files
        raise _unreadable(request, error) from error


def _unreadable(request: Request, error: BaseException) -> DataError:
    folder = request.listing.folder
    if problem := storage_problem(error):
        return DataError(f'The data set in "{folder}" could not be read. {problem}')
    reason = " ".join(str(error).split()) or type(error).__name__
    return DataError(
        f'The data set in "{folder}" could not be read ({reason[:200]}): check that its '
        f"{request.format.name} files are complete and have the same columns, and that the disk has "
        "space."
    )


def label_folder_parts(listing: Listing, clips: Sequence[str]) -> tuple[list[Part], list[LeftOut]]:
    """Return the splits of a folder per label, and sentences on what is not used; raises DataError."""
    found = label_folder_rows(listing, clips)
    if not found.rows:
        raise DataError(
            f'"{listing.folder}" should have Parquet files, or one folder per label with audio '
            f"files ({KINDS}), but has neither: choose another folder."
            f"{listing.left_out_note()}"
        )
    labels = {row.name: row.label or "" for several in found.rows.values() for row in several}
    parts = [Part(file_dataset(found.rows[split]), split) for split in sorted(found.rows)]
    return parts, [*found.notes, *unused_files(listing, labels)]
