"""Rows of a Parquet file in the shape of a data set: sound as bytes or a file, the rest plain."""

import posixpath
from collections.abc import Callable
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

MAX_SOUND_BYTES = 128 << 20  # of one recording: five minutes of stereo floats at 48 kHz have 115 MB
MAX_TEXT_CHARACTERS = 10_000  # of one text: the fastest speakers say 6000 in five minutes
MAX_TEXT_BYTES = 256 << 20  # of all texts of a data set: 250 bytes for each of a million clips
FREE_BYTES = 64 << 20  # that the sound and the texts of any file may unpack to
MAX_RATIO = 50  # to the packed size, beyond that: speech packs to a third, faint speech to a tenth


@dataclass
class Limit:
    """Bytes that may be unpacked, and how many have been."""

    most: int
    used: int = 0

    def add(self, size: int, title: str) -> None:
        """Count bytes; raises DataError, its subject the title, where there are too many."""
        self.used += size
        if self.used > self.most:
            raise DataError(
                f"{title} should unpack to at most {self.most >> 20:,} MB, but holds more: "
                "long texts or sounds are repeated in it, so write it without them."
            )


@dataclass
class Budget:
    """What the files of one data set have unpacked to so far; all of them share its bounds."""

    title: str  # the data set, as a sentence begins
    rows: int = 0
    text: Limit = field(default_factory=lambda: Limit(MAX_TEXT_BYTES))

    def add_rows(self, rows: int) -> None:
        """Count rows; raises DataError where there are too many."""
        self.rows += rows
        if self.rows > MAX_ROWS:
            raise too_many_rows(self.title, self.rows)

    def add_text(self, table: "pyarrow.Table") -> None:
        """Count the text of rows that were unpacked before."""
        texts = (
            column
            for name, column in zip(table.column_names, table.columns, strict=True)
            if name != AUDIO_COLUMN
        )
        self.text.add(sum(column.nbytes for column in texts), self.title)


@dataclass
class RowReader:
    """What turns the rows of one file, a batch at a time, into those of the data set."""

    features: "Features"
    find_file: Callable[[str], str]  # gives the path that a row without bytes gets
    title: str  # the file, as a sentence begins
    budget: Budget
    unpacked: Limit  # of this file
    rows: int = 0  # read so far
    points_to_files: bool = False  # whether any row so far does

    def read(self, batch: "pyarrow.RecordBatch") -> "pyarrow.RecordBatch":
        """Return the batch with the columns and types of the features; raises DataError."""
        import pyarrow

        schema = self.features.arrow_schema
        columns = [
            self._sound(batch.column(name))
            if name == AUDIO_COLUMN
            else self._plain(name, batch.column(name), schema.field(name).type)
            for name in schema.names
        ]
        self.rows += len(batch)
        return pyarrow.RecordBatch.from_arrays(columns, schema=schema)

    def _sound(self, column: "pyarrow.Array") -> "pyarrow.Array":
        import pyarrow
        import pyarrow.compute as pc

        held, path = _bytes_and_path(column)
        longest = pc.max(pc.binary_length(held)).as_py() or 0
        if longest > MAX_SOUND_BYTES:
            row = self._row(pc.binary_length(held), longest)
            raise DataError(
                f"{self.title} should hold recordings of at most {MAX_SOUND_BYTES >> 20} MB, but "
                f"that of row {row} has {longest >> 20:,} MB: shorten it."
            )
        self.unpacked.add(held.nbytes, self.title)
        path = self._text("path", path)
        paths = path.to_pylist()
        points = [
            row for row, there in enumerate(held.is_valid().to_pylist()) if not there and paths[row]
        ]
        if points:
            self.points_to_files = True
            for row in points:
                paths[row] = self.find_file(paths[row])
            path = pyarrow.array(paths, pyarrow.string())
        return pyarrow.StructArray.from_arrays([held, path], ["bytes", "path"])

    def _plain(
        self, name: str, column: "pyarrow.Array", kind: "pyarrow.DataType"
    ) -> "pyarrow.Array":
        import pyarrow
        import pyarrow.compute as pc

        if pyarrow.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if pyarrow.types.is_primitive(column.type):  # a number or a truth value
            return column.cast(kind)
        column = self._text(name, column)
        names = getattr(self.features[name], "names", None)
        return pc.index_in(column, pyarrow.array(names)).cast(kind) if names else column

    def _text(self, name: str, column: "pyarrow.Array") -> "pyarrow.Array":
        """Text that is valid as UTF-8 and not too long."""
        import pyarrow
        import pyarrow.compute as pc

        column = column.cast(pyarrow.string())
        self.unpacked.add(column.nbytes, self.title)
        self.budget.text.add(column.nbytes, self.budget.title)
        column.validate(full=True)  # what is in the file need not be UTF-8
        lengths = pc.utf8_length(column)
        longest = pc.max(lengths).as_py() or 0
        most = MAX_LABEL_CHARACTERS if name in LABEL_COLUMNS else MAX_TEXT_CHARACTERS
        if longest > most:
            raise DataError(
                f"{self.title} should hold texts of at most {most:,} characters in its column "
                f'"{name}", but that of row {self._row(lengths, longest)} has {longest:,}: '
                "shorten it."
            )
        return column

    def _row(self, lengths: "pyarrow.Array", length: int) -> int:
        import pyarrow.compute as pc

        return self.rows + pc.index(lengths, length).as_py() + 1


def file_for_row(path: str, found: str | None) -> str:
    """Return what a row without bytes stores: the real path of its file, or its mere name.

    A mere name is never opened: its reader says that it is not among the files of the folder.
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
    held, path = parts.get("bytes", nothing), parts.get("path", nothing)
    return held.cast(pyarrow.binary()), path
