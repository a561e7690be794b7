"""Detect the layout of a local data set, and read it with the module for that layout."""

from collections.abc import Sequence
from pathlib import Path

from intent.audio.suffixes import is_audio
from intent.data.files import LeftOut, Listing, is_utf8, list_files, shown
from intent.data.label_folders import has_label_folders
from intent.data.local import label_folder_parts, parquet_parts
from intent.data.metadata import (
    have_labels,
    is_manifest,
    manifest_parts,
    metadata_files,
    metadata_parts,
)
from intent.data.saved import is_saved, saved_parts
from intent.data.schema import NO_COLUMNS, Columns, Part, audio_paths
from intent.data.stray_tables import without_stray_tables
from intent.data.unused import unused_recordings
from intent.errors import DataError

WITHOUT_LABELS = (
    "It has no recording and label columns with the usual names, so the labels are taken from the "
    "folder names."
)


def folder_parts(
    folder: Path, locales: Sequence[str], columns: Columns = NO_COLUMNS
) -> tuple[list[Part], list[LeftOut]]:
    """Return the splits of the data set in a folder or a table, and what was left out, with reasons.

    `locales` selects the locales of a folder that has several, and is ignored otherwise; `columns`
    names the columns of tables. Raises DataError for a folder that is missing or has no data set.
    """
    check_is_data(folder)
    try:
        if is_manifest(folder):
            return manifest_parts(folder, columns)
        listing = list_files(folder)
        parts, notes = _parts(listing, locales, columns)
    except OSError as error:
        raise _cannot_open(folder, error) from error
    left_out = [
        (name, f'"{name}" {reason}. Only files inside the data folder are read.')
        for name, reason in listing.left_out
    ]
    return parts, left_out + notes


def check_is_data(path: Path) -> None:
    """Raise DataError unless the path is a readable folder or a table of recordings."""
    if not is_utf8(str(path)):
        raise DataError(
            f'A folder with a name in UTF-8 was expected, but found "{shown(str(path))}": '
            "rename the folder."
        )
    try:
        if path.is_dir() or is_manifest(path):
            return
        found = "a file" if path.exists() else "nothing"
    except OSError as error:
        raise _cannot_open(path, error) from error
    raise DataError(f'A folder was expected at "{path}", but there is {found}: check the path.')


def _cannot_open(folder: Path, error: OSError) -> DataError:
    return DataError(
        f'The folder "{folder}" could not be opened ({error.strerror or error}): check the '
        "path and its permissions."
    )


def _parts(
    listing: Listing, locales: Sequence[str], columns: Columns
) -> tuple[list[Part], list[LeftOut]]:
    """Return the splits of a folder in any layout, and sentences on what is not used."""
    if is_saved(listing):
        return saved_parts(listing, columns), []
    listing, strays = without_stray_tables(listing)
    if any(name.endswith(".parquet") for name in listing.files):
        parts = parquet_parts(listing, locales, columns)
        return parts, strays + _unnamed(listing, parts)
    parts, notes = _audio_parts(listing, columns)
    return parts, strays + notes


def _unnamed(listing: Listing, parts: Sequence[Part]) -> list[LeftOut]:
    """Return sentences on recordings next to Parquet files that no row refers to."""
    if any(part.locale for part in parts):  # their recordings may belong to the other locales
        return []
    paths = [path for part in parts for path in audio_paths(part.dataset) if path]
    return list(unused_recordings(listing, paths))


def _audio_parts(listing: Listing, columns: Columns) -> tuple[list[Part], list[LeftOut]]:
    """Return the splits of audio files that are labeled by tables or by folders."""
    clips = [name for name in listing.files if is_audio(name)]
    tables = metadata_files(listing)
    if tables and (columns != NO_COLUMNS or have_labels(listing, tables)):
        return metadata_parts(listing, tables, clips, columns)
    if columns != NO_COLUMNS:
        raise DataError(
            f'"{listing.folder}" should have a table with the column '
            f'"{shown(columns.label or columns.audio)}", but has none: choose the table itself, or '
            "leave out the column names."
        )
    if tables and not has_label_folders(listing, clips):
        return metadata_parts(listing, tables, clips, columns)  # raises
    parts, notes = label_folder_parts(listing, clips)
    return parts, notes + [(name, WITHOUT_LABELS) for name in tables]
