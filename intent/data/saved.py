"""Read data sets written by `save_to_disk` of `datasets`, without running their code."""

import json
import posixpath

from intent.data.arrow import ARROW
from intent.data.cached_rows import Request
from intent.data.files import Listing, open_file, shown
from intent.data.local import read
from intent.data.parquet_rows import Budget
from intent.data.schema import Columns, Part
from intent.errors import DataError

SPLITS_FILE = "dataset_dict.json"  # of a DatasetDict
STATE_FILE, INFO_FILE = "state.json", "dataset_info.json"  # of a Dataset
MAX_JSON_BYTES = 8 << 20  # 10,000 files take about 1 MB
MAX_FILES = 10_000  # of a data set
MAX_SPLITS = 100


def is_saved(listing: Listing) -> bool:
    """Return whether a folder is one that `save_to_disk` wrote."""
    return SPLITS_FILE in listing.files or {STATE_FILE, INFO_FILE} <= listing.files.keys()


def saved_parts(listing: Listing, columns: Columns) -> list[Part]:
    """Return the splits of a saved DatasetDict, or the single split of a saved Dataset.

    Raises DataError for files that are missing, damaged or beyond the bounds.
    """
    request = Request(listing, ARROW, {}, Budget(f'The data set in "{listing.folder}"'), columns)
    folders = _splits(listing) if SPLITS_FILE in listing.files else [""]
    parts = []
    for folder in folders:
        files = _data_files(listing, folder)
        if files:
            parts.append(Part(read(request, files), folder or "train"))
    if not parts:
        raise _wrong(listing, SPLITS_FILE, "at least one part with rows", "none")
    return [part for part in parts if len(part.dataset)] or parts[:1]


def _splits(listing: Listing) -> list[str]:
    content = _json(listing, SPLITS_FILE)
    splits = content.get("splits")
    if not isinstance(splits, list) or not all(isinstance(name, str) for name in splits):
        raise _wrong(listing, SPLITS_FILE, "a list of splits", "another value")
    if len(splits) > MAX_SPLITS:
        raise _wrong(listing, SPLITS_FILE, f"at most {MAX_SPLITS} splits", f"{len(splits):,}")
    return list(dict.fromkeys(splits))


def _data_files(listing: Listing, folder: str) -> list[str]:
    """Return the Arrow files of a saved Dataset, in the order of its rows."""
    name = posixpath.join(folder, STATE_FILE)
    state = _json(listing, name)
    if state.get("_indices_data_files") or state.get("_indices_files"):
        raise _wrong(listing, name, "its rows in their order", "a list of selected rows")
    entries = state.get("_data_files")
    entries = entries if isinstance(entries, list) else [None]
    files = [entry.get("filename") if isinstance(entry, dict) else None for entry in entries]
    if len(files) > MAX_FILES:
        raise _wrong(listing, name, f"at most {MAX_FILES:,} files", f"{len(files):,}")
    found = []
    for file in files:
        if not isinstance(file, str):
            raise _wrong(listing, name, "a list of data files", "another value")
        path = posixpath.normpath(posixpath.join(folder, file))
        if path not in listing.files:
            raise _wrong(listing, name, "data files in this folder", f'"{shown(file)}"')
        found.append(path)
    return found


def _json(listing: Listing, name: str) -> dict[str, object]:
    if name not in listing.files:
        raise _wrong(listing, name, "what `save_to_disk` writes", "nothing")
    with open_file(listing.real_path(name)) as file:
        content = file.read(MAX_JSON_BYTES + 1)
    try:
        values = json.loads(content) if len(content) <= MAX_JSON_BYTES else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise _wrong(listing, name, "a JSON object", "something else")
    return values


def _wrong(listing: Listing, name: str, expected: str, found: str) -> DataError:
    return DataError(
        f'The file "{shown(name)}" of "{listing.folder}" should have {expected}, but has {found}: '
        f"save the data set again.{listing.left_out_note()}"
    )
