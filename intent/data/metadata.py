"""Read data sets that are described by a table: metadata in the data folder, or a manifest."""

import posixpath
from collections.abc import Sequence
from pathlib import Path

from intent.data.file_rows import FileRow, file_dataset
from intent.data.files import LeftOut, Listing, list_named, open_file, shown
from intent.data.parquet_rows import Budget, file_for_row
from intent.data.schema import NO_COLUMNS, Columns, Part
from intent.data.splits import folder_part, part_called
from intent.data.tables import TABLE_SUFFIXES, Table, TableRow
from intent.errors import DataError

METADATA_FILES = ("metadata.csv", "metadata.jsonl")  # of `audiofolder`: one row per recording


def is_manifest(path: Path) -> bool:
    """Return whether a path is that of a manifest: a table that lists a data set's recordings."""
    return path.suffix.lower() in TABLE_SUFFIXES and path.is_file()


def metadata_files(listing: Listing) -> list[str]:
    """Return the metadata tables in a folder; raises DataError for two in the same folder."""
    found = sorted(name for name in listing.files if posixpath.basename(name) in METADATA_FILES)
    folders = [posixpath.dirname(name) for name in found]
    if len(set(folders)) < len(folders):
        raise DataError(
            f'"{listing.folder}" should have one metadata table in each folder, but has both '
            f"{' and '.join(METADATA_FILES)}: remove one."
        )
    return found


def have_labels(listing: Listing, names: Sequence[str]) -> bool:
    """Return whether all metadata tables have a recording column and at least one a label column."""
    has_labels = False
    for name in names:
        with open_file(listing.real_path(name)) as file:
            try:
                meaning = Table(file, name).meaning(NO_COLUMNS)
            except DataError:  # not a table of recordings
                return False
        if not meaning.audio:
            return False
        has_labels = has_labels or bool(meaning.label)
    return has_labels


def metadata_parts(
    listing: Listing, names: Sequence[str], clips: Sequence[str], columns: Columns
) -> tuple[list[Part], list[LeftOut]]:
    """Return the rows of metadata tables; their paths are relative to the tables' folders.

    `clips` are the audio files of the folder; a note lists those that no table refers to.
    """
    budget = Budget(f'The data set in "{listing.folder}"')
    rows: list[tuple[FileRow, str]] = []
    # The labels of a part may be hidden: a table without the column is as one with an empty column.
    may_lack_labels = columns == NO_COLUMNS and have_labels(listing, names)
    for name in names:
        found, split_column = _table_rows(listing, name, columns, budget, may_lack_labels)
        rows.extend(_in_parts(listing, name, found, split_column))
    _check_found(listing, names[0], rows)
    used = {row.path for row, _ in rows}
    unused = sum(listing.real_path(name) not in used for name in clips)
    notes = []
    if unused:
        files = "file" if unused == 1 else "files"
        reason = f"No row refers to {unused:,} audio {files} of the folder."
        notes.append((shown(names[0]), reason))
    return _parts(rows), notes


def manifest_parts(path: Path, columns: Columns) -> tuple[list[Part], list[LeftOut]]:
    """Return the rows of a manifest; its paths are relative to the table's folder.

    Only recordings in that folder, or in folders within it, are read.
    """
    folder = path.parent
    listing = list_named(folder, [path.name])
    if path.name not in listing.files:
        raise DataError(f'The table "{path}" cannot be read.{listing.left_out_note()}')
    budget = Budget(f'The data set in "{path}"')
    found, split_column = _table_rows(listing, path.name, columns, budget)
    listing = list_named(folder, [path.name, *(row.path for row in found)])
    rows = _in_parts(listing, path.name, found, split_column)
    _check_found(listing, path.name, rows)
    return _parts(rows), listing.left_out


def _table_rows(
    listing: Listing, name: str, columns: Columns, budget: Budget, may_lack_labels: bool = False
) -> tuple[list[TableRow], str]:
    """Return the rows of a table, and the name of its split column, if it has one."""
    with open_file(listing.real_path(name)) as file:
        table = Table(file, name)
        meaning = table.meaning(columns)
        if not (may_lack_labels and meaning.audio):
            table.check(meaning)
        return list(table.rows(meaning, budget)), meaning.split


def _in_parts(
    listing: Listing, table: str, rows: Sequence[TableRow], split_column: str
) -> list[tuple[FileRow, str]]:
    """Return the rows with the names of their splits: from a column of the table, or from folders."""
    named = {row.split for row in rows if row.split}
    has_parts = bool(split_column and named) and all(map(part_called, named))
    placed = []
    for row in rows:
        name = _find(listing, row.path, table)
        path = file_for_row(row.path, name and listing.real_path(name))
        shown_name = name or posixpath.normpath(row.path.replace("\\", "/"))
        split = row.split if has_parts else folder_part(name or table) or ""
        file = FileRow(shown_name, path, row.label, row.transcription, row.locale, row.synthetic)
        placed.append((file, split))
    kinds = {part_called(split) for _, split in placed}
    if None in kinds and "train" not in kinds:  # the rest, next to a test folder
        return [(file, split or "train") for file, split in placed]
    if kinds == {None, "train"}:
        return [(file, "train") for file, _ in placed]
    return placed


def _find(listing: Listing, path: str, table: str) -> str | None:
    """Return the listed file of a row, relative to the folder of its table or the data folder."""
    for written in dict.fromkeys((path, path.replace("\\", "/"))):
        beside = posixpath.normpath(posixpath.join(posixpath.dirname(table), written))
        if beside in listing.files:
            return beside
        if found := listing.find(written, beside=table):
            return found
    return None


def _check_found(listing: Listing, table: str, rows: Sequence[tuple[FileRow, str]]) -> None:
    if any(posixpath.isabs(row.path) for row, _ in rows):
        return
    raise DataError(
        f'The table "{shown(table)}" should name recordings in "{listing.folder}", but none of its '
        f'{len(rows):,} is there (first: "{shown(rows[0][0].name)}"): move the table to the folder '
        f"that its paths are relative to.{listing.left_out_note()}"
    )


def _parts(rows: Sequence[tuple[FileRow, str]]) -> list[Part]:
    by_split: dict[str, list[FileRow]] = {}
    for row, split in rows:
        by_split.setdefault(split, []).append(row)
    return [Part(file_dataset(found), split or "all") for split, found in by_split.items()]
