"""Read tables of recordings within size limits: CSV, TSV, or JSON with one object per line."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from intent.data.files import is_utf8, shown
from intent.data.parquet_rows import MAX_TEXT_CHARACTERS, Budget
from intent.data.parquet_schema import MAX_COLUMNS
from intent.data.schema import (
    LABEL_COLUMNS,
    LOCALE_COLUMNS,
    MAX_LABEL_CHARACTERS,
    SYNTHETIC_COLUMN,
    Columns,
)
from intent.errors import DataError

JSON_SUFFIXES = (".jsonl", ".ndjson", ".json")
TABLE_SUFFIXES = (".csv", ".tsv", *JSON_SUFFIXES)

MAX_TABLE_BYTES = 256 << 20  # a million rows of 250 bytes
MAX_ARRAY_BYTES = 32 << 20  # of a JSON file that is one list, which is read whole
MAX_LINE_CHARACTERS = 1_000_000
DELIMITERS = ",;\t|"

# The usual names of the columns, by meaning; the first one that a table has is used.
AUDIO_NAMES = (
    "file_name",
    "audio",
    "audio_filepath",
    "audio_path",
    "audio_file",
    "path",
    "file",
    "filename",
    "file_path",
    "filepath",
    "wav",
    "wav_path",
)
LABEL_NAMES = (*LABEL_COLUMNS, "intent_name", "category", "class", "class_name", "command")
TEXT_NAMES = ("transcription", "transcript", "sentence", "text")
SPLIT_NAMES = ("split", "subset", "partition")

Values = Mapping[str, object]


@dataclass(frozen=True)
class TableRow:
    """A recording in a table."""

    path: str
    label: str | None
    transcription: str
    locale: str
    split: str
    synthetic: str  # as written; "" if the table does not say


@dataclass(frozen=True)
class Meaning:
    """The columns of a table to read; "" for one that it does not have."""

    audio: str
    label: str
    transcription: str
    locale: str
    split: str
    synthetic: str


class Table:
    """An open table: its column names, and its rows one at a time."""

    def __init__(self, file: BinaryIO, name: str) -> None:
        """Read the column names; raises DataError for a file that is not such a table."""
        self.title = f'The table "{shown(name)}"'
        self._file = file
        self._is_json = name.lower().endswith(JSON_SUFFIXES)
        if file.seek(0, io.SEEK_END) > MAX_TABLE_BYTES:
            raise self._wrong(f"at most {MAX_TABLE_BYTES >> 20} MB", "more", "split it")
        names: dict[str, None] = {}
        for _, values in self._records():
            names.update(dict.fromkeys(values))
            if len(names) > MAX_COLUMNS:
                raise self._wrong(f"at most {MAX_COLUMNS:,} columns", "more", "remove some")
            if not self._is_json:  # all rows of a CSV file have the same columns
                break
        self.names = tuple(names)

    def meaning(self, columns: Columns) -> Meaning:
        """Return the columns to read, by their usual names, or as `columns` names them."""
        return Meaning(
            self._named("--audio-column", columns.audio) or self._first(AUDIO_NAMES),
            self._named("--label-column", columns.label) or self._first(LABEL_NAMES),
            self._first(TEXT_NAMES),
            self._first(LOCALE_COLUMNS),
            self._first(SPLIT_NAMES),
            self._first((SYNTHETIC_COLUMN,)),
        )

    def rows(self, meaning: Meaning, budget: Budget) -> Iterator[TableRow]:
        """Yield the rows; raises DataError for one that cannot be read."""
        for number, values in self._records():
            budget.add_rows(1)
            path = self._text(number, values, meaning.audio, MAX_TEXT_CHARACTERS)
            if not path:
                raise self._wrong(
                    f'a recording in column "{shown(meaning.audio)}" of every row',
                    f"none in row {number}",
                    "add it, or remove the row",
                )
            yield TableRow(
                path,
                self._text(number, values, meaning.label, MAX_LABEL_CHARACTERS) or None,
                self._text(number, values, meaning.transcription, MAX_TEXT_CHARACTERS),
                self._text(number, values, meaning.locale, MAX_LABEL_CHARACTERS),
                self._text(number, values, meaning.split, MAX_LABEL_CHARACTERS),
                self._text(number, values, meaning.synthetic, MAX_LABEL_CHARACTERS),
            )

    def check(self, meaning: Meaning) -> None:
        """Raise DataError unless there are columns of recordings and of labels."""
        for column, names, what, option in (
            (meaning.audio, AUDIO_NAMES, "the recordings' paths", "--audio-column"),
            (meaning.label, LABEL_NAMES, "the labels", "--label-column"),
        ):
            if not column:
                raise self._wrong(
                    f"a column of {what}, named one of {', '.join(names)}",
                    shown(", ".join(self.names)) or "no columns",
                    f"name it with {option}, or rename it",
                )

    def _named(self, option: str, column: str) -> str:
        if column and column not in self.names:
            raise self._wrong(
                f'the column "{shown(column)}" that {option} names',
                shown(", ".join(self.names)) or "no columns",
                "choose one of these",
            )
        return column

    def _first(self, usual: Sequence[str]) -> str:
        """Return the column that has the first of the usual names, ignoring case."""
        for name in usual:
            found = [own for own in self.names if own.strip().lower() == name]
            if len(found) > 1:
                raise self._wrong(f'one column "{name}"', f"{len(found)}", "rename the others")
            if found:
                return found[0]
        return ""

    def _records(self) -> Iterator[tuple[int, Values]]:
        """Yield the number of each row, from 1, and its values."""
        self._file.seek(0)
        text = io.TextIOWrapper(self._file, "utf-8-sig", newline="")
        try:
            yield from self._json(text) if self._is_json else self._csv(text)
        except UnicodeDecodeError:
            raise self._wrong(
                "text in UTF-8", "other bytes", "save it as UTF-8 (in Excel: CSV UTF-8)"
            ) from None
        except csv.Error as error:
            raise self._wrong("valid CSV", str(error), "correct it") from None
        finally:
            text.detach()

    def _csv(self, text: io.TextIOWrapper) -> Iterator[tuple[int, Values]]:
        lines = self._lines(text)
        first = next(lines, "")
        delimiter = max(DELIMITERS, key=first.count)
        reader = csv.reader(
            _chained(first, lines), delimiter=delimiter, skipinitialspace=True, strict=True
        )
        names = [name.strip() for name in next(reader, [])]
        if len(set(names)) < len(names):
            raise self._wrong("a different name for each column", "one twice", "rename it")
        if len(names) > MAX_COLUMNS:
            raise self._wrong(f"at most {MAX_COLUMNS:,} columns", "more", "remove some")
        number = 0
        for number, values in enumerate(filter(None, reader), start=1):
            if len(values) != len(names):
                raise self._wrong(
                    f"{len(names)} values in every row, as many as columns",
                    f"{len(values)} in row {number}",
                    "put values that contain the delimiter in quotes",
                )
            yield number, dict(zip(names, values, strict=True))
        if not number:
            raise self._wrong("a row of column names and at least one more", "fewer", "add rows")

    def _json(self, text: io.TextIOWrapper) -> Iterator[tuple[int, Values]]:
        found = False
        for number, value in enumerate(self._values(text), start=1):
            if not isinstance(value, dict):
                raise self._wrong(
                    "a JSON object in every row",
                    f"another value in row {number}",
                    "correct it",
                )
            found = True
            yield number, value
        if not found:
            raise self._wrong("one JSON object per line", "none", "add rows")

    def _values(self, text: io.TextIOWrapper) -> Iterator[object]:
        number = 0
        try:
            for line in self._lines(text):
                if not number and line.lstrip().startswith("["):
                    rest = text.read(MAX_ARRAY_BYTES + 1)
                    if len(rest) > MAX_ARRAY_BYTES:
                        raise self._wrong(
                            "one JSON object per line", "one large list", "save it as JSONL"
                        )
                    yield from json.loads(line + rest)
                    return
                if line.strip():
                    number += 1
                    yield json.loads(line)
        except (ValueError, RecursionError) as error:
            if isinstance(error, UnicodeDecodeError):
                raise
            reason = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
            raise self._wrong(
                "one JSON object per line",
                f"invalid JSON in row {number or 1}: {shown(reason)}",
                "correct it",
            ) from None

    def _lines(self, text: io.TextIOWrapper) -> Iterator[str]:
        while line := text.readline(MAX_LINE_CHARACTERS + 1):
            if len(line) > MAX_LINE_CHARACTERS:
                raise self._wrong(
                    f"lines of at most {MAX_LINE_CHARACTERS:,} characters",
                    "a longer one",
                    "shorten it",
                )
            yield line

    def _text(self, number: int, values: Values, column: str, most: int) -> str:
        value = values.get(column) if column else None
        if isinstance(value, dict):  # as `datasets` writes audio
            value = value.get("path")
        if value is None:
            return ""
        where = f'in row {number} of column "{shown(column)}"'
        if not isinstance(value, (str, int, float)):
            raise self._wrong(
                "one string or number in every row of the columns that are read",
                f"a {type(value).__name__} {where}",
                "keep one value, or name another column",
            )
        text = str(value).strip()
        if len(text) > most or not is_utf8(text):
            raise self._wrong(
                f"valid texts of at most {most:,} characters", f"another {where}", "correct it"
            )
        return text

    def _wrong(self, expected: str, found: str, fix: str) -> DataError:
        return DataError(f"{self.title} should have {expected}, but has {found}: {fix}.")


def _chained(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first
    yield from lines
