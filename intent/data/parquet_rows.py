"""Convert rows of a Parquet or Arrow file: audio to bytes or a path, other columns to plain values."""

import posixpath
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from intent.data.schema import (
    AUDIO_COLUMN,
    LABEL_COLUMNS,
    MAX_LABEL_CHARACTERS,
    MAX_ROWS,
    too_many_rows,
)
from intent.errors import DataError

if TYPE_CHECKING:
    import pyarrow
    from datasets import Features

MAX_SOUND_BYTES = 128 << 20  # of one recording; five minutes of stereo floats at 48 kHz have 115 MB
MAX_TEXT_CHARACTERS = 10_000  # of one text; the fastest speakers say 6000 in five minutes
MAX_TEXT_BYTES = 256 << 20  # of all texts of a data set: 250 bytes per clip for a million clips
FREE_BYTES = 64 << 20  # uncompressed, of any file
MAX_RATIO = 50  # to the file size, for more: speech compresses to a third, quiet speech to a tenth


@dataclass
class Limit:
    """A maximum of uncompressed bytes, and the bytes counted so far."""

    max_bytes: int
    used: int = 0

    def add(self, size: int, title: str) -> None:
        """Count bytes; raises DataError beyond the maximum. title: the subject of the error."""
        self.used += size
        if self.used > self.max_bytes:
            raise DataError(
                f"{title} should decompress to at most {self.max_bytes >> 20:,} MB, but has more: "
                "it repeats long strings or recordings, so save it without them."
            )


@dataclass
class Budget:
    """The bounds that all files of a data set share, and what was counted so far."""

    title: str  # the data set, as the subject of an error
    rows: int = 0
    text: Limit = field(default_factory=lambda: Limit(MAX_TEXT_BYTES))

    def add_rows(self, rows: int) -> None:
        """Count rows; raises DataError for too many."""
        self.rows += rows
        if self.rows > MAX_ROWS:
            raise too_many_rows(self.title, self.rows)

    def add_text(self, table: "pyarrow.Table") -> None:
        """Count the text of rows from the cache; raises DataError for too much."""
        texts = (
            column
            for name, column in zip(table.column_names, table.columns, strict=True)
            if name != AUDIO_COLUMN
        )
        self.text.add(sum(column.nbytes for column in texts), self.title)


@dataclass
class RowReader:
    """Converts the rows of one file into those of the data set, in batches."""

    features: "Features"
    sources: Mapping[str, str]  # column of the data set → column of the file, where they differ
    find_file: Callable[[str], str]  # returns the path to store for a row without bytes
    title: str  # the file, as the subject of an error
    budget: Budget
    uncompressed: Limit  # of this file
    rows: int = 0  # read so far
    points_to_files: bool = False  # whether any row so far refers to a file

    @property
    def columns(self) -> list[str]:
        """Return the columns of the file that are read."""
        return [self.source(name) for name in self.features]

    def source(self, name: str) -> str:
        """Return the column of the file that a column of the data set is read from."""
        return self.sources.get(name, name)

    def read(self, batch: "pyarrow.RecordBatch") -> "pyarrow.RecordBatch":
        """Return the batch with the columns and types of the features; raises DataError."""
        import pyarrow

        schema = self.features.arrow_schema
        columns = [
            self._sound(batch.column(self.source(name)))
            if name == AUDIO_COLUMN
            else self._plain(name, batch.column(self.source(name)), schema.field(name).type)
            for name in schema.names
        ]
        self.rows += len(batch)
        return pyarrow.RecordBatch.from_arrays(columns, schema=schema)

    def _sound(self, column: "pyarrow.Array") -> "pyarrow.Array":
        import pyarrow
        import pyarrow.compute as pc

        stored, path = _bytes_and_path(column)
        longest = pc.max(pc.binary_length(stored)).as_py() or 0
        if longest > MAX_SOUND_BYTES:
            row = self._row(pc.binary_length(stored), longest)
            raise DataError(
                f"{self.title} should have recordings of at most {MAX_SOUND_BYTES >> 20} MB, but "
                f"that of row {row} has {longest >> 20:,} MB: shorten it."
            )
        self.uncompressed.add(stored.nbytes, self.title)
        path = self._text("path", as_utf8(path))
        paths = path.to_pylist()
        without_bytes = [
            row
            for row, valid in enumerate(stored.is_valid().to_pylist())
            if not valid and paths[row]
        ]
        if without_bytes:
            self.points_to_files = True
            for row in without_bytes:
                paths[row] = self.find_file(paths[row])
            path = pyarrow.array(paths, pyarrow.string())
        return pyarrow.StructArray.from_arrays([stored, path], ["bytes", "path"])

    def _plain(
        self, name: str, column: "pyarrow.Array", kind: "pyarrow.DataType"
    ) -> "pyarrow.Array":
        import pyarrow
        import pyarrow.compute as pc

        if pyarrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pyarrow.types.is_primitive(column.type):  # a number or a boolean
            return column.cast(kind)
        column = self._text(name, as_utf8(column) if name in ("name", "path") else column)
        names = getattr(self.features[name], "names", None)
        return pc.index_in(column, pyarrow.array(names)).cast(kind) if names else column

    def _text(self, name: str, column: "pyarrow.Array") -> "pyarrow.Array":
        """Return a column as text, checked to be valid UTF-8 and not too long."""
        import pyarrow
        import pyarrow.compute as pc

        column = column.cast(pyarrow.string())
        self.uncompressed.add(column.nbytes, self.title)
        self.budget.text.add(column.nbytes, self.budget.title)
        column.validate(full=True)  # the file may have invalid UTF-8
        lengths = pc.utf8_length(column)
        longest = pc.max(lengths).as_py() or 0
        most = MAX_LABEL_CHARACTERS if name in LABEL_COLUMNS else MAX_TEXT_CHARACTERS
        if longest > most:
            raise DataError(
                f"{self.title} should have strings of at most {most:,} characters in its column "
                f'"{self.source(name)}", but that of row {self._row(lengths, longest)} has {longest:,}: '
                "shorten it."
            )
        return column

    def _row(self, lengths: "pyarrow.Array", length: int) -> int:
        import pyarrow.compute as pc

        return self.rows + pc.index(lengths, length).as_py() + 1


def as_utf8(names: "pyarrow.Array") -> "pyarrow.Array":
    """Return names of files as valid UTF-8, with � for other bytes; other types as they are."""
    import pyarrow
    import pyarrow.compute as pc

    try:
        names.validate(full=True)
        return names
    except pyarrow.ArrowInvalid:
        encoded = pc.cast(names, pyarrow.large_binary()).to_pylist()
    texts = [None if name is None else name.decode("utf-8", "replace") for name in encoded]
    return pyarrow.array(texts, pyarrow.string())


def file_for_row(path: str, found: str | None) -> str:
    """Return the path to store for a row without bytes: the real path of its file, or its name.

    A name without a folder is never opened: `open_clip` reports it as not in the data folder.
    """
    return found or posixpath.basename(path.replace("\\", "/").rstrip("/")) or "without a name"


def _bytes_and_path(column: "pyarrow.Array") -> tuple["pyarrow.Array", "pyarrow.Array"]:
    import pyarrow
    from pyarrow import types

    if types.is_struct(column.type):
        names = [inner.name for inner in column.type]
        parts = dict(zip(names, column.flatten(), strict=True))
    elif types.is_dictionary(column.type):
        parts = {"path": column.dictionary_decode()}
    else:
        is_path = types.is_string(column.type) or "string" in str(column.type)
        parts = {"path" if is_path else "bytes": column}
    nothing = pyarrow.nulls(len(column))
    stored, path = parts.get("bytes", nothing), parts.get("path", nothing)
    return stored.cast(pyarrow.binary()), path
