"""Read the rows of an Arrow stream in small batches, within size limits.

`datasets` writes plain streams: no compression, no dictionaries, no views. Only these are read,
since their rows cannot take more memory than the size of the file.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from intent.data.cached_rows import FileFormat
from intent.data.parquet import MAX_BATCH_ROWS
from intent.data.parquet_rows import RowReader
from intent.data.parquet_schema import MAX_COLUMNS
from intent.errors import DataError

if TYPE_CHECKING:
    import pyarrow

MAX_HEADER_BYTES = 8 << 20  # of one message; about 100 bytes per column
MAX_BODY_BYTES = 1 << 30  # of one batch: `datasets` writes up to 1000 recordings per batch
MAX_BATCHES = 100_000  # of one file; a batch of a hundred recordings has about 10 MB
CONTINUATION = b"\xff\xff\xff\xff"

# Of the flatbuffers in https://github.com/apache/arrow/blob/main/format/Message.fbs
SCHEMA, RECORD_BATCH = 1, 3  # types of header
HEADER_TYPE, HEADER, BODY_LENGTH = 1, 2, 3  # fields of Message
LENGTH, COMPRESSION = 0, 3  # fields of RecordBatch


@dataclass(frozen=True)
class FlatTable:
    """A table in a flatbuffer; raises struct.error if it points outside the buffer."""

    buffer: bytes
    start: int

    def place(self, field: int) -> int | None:
        """Return where the value of a field is, or None for its default."""
        vtable = self.start - struct.unpack_from("<i", self.buffer, self.start)[0]
        if vtable < 0:
            raise struct.error("a table before the buffer")
        size = struct.unpack_from("<H", self.buffer, vtable)[0]
        if 4 + 2 * field + 2 > size:
            return None
        offset: int = struct.unpack_from("<H", self.buffer, vtable + 4 + 2 * field)[0]
        return self.start + offset if offset else None

    def number(self, field: int, kind: str) -> int:
        """Return a number, of a kind as in `struct`."""
        place = self.place(field)
        return struct.unpack_from(f"<{kind}", self.buffer, place)[0] if place is not None else 0

    def table(self, field: int) -> "FlatTable":
        """Return the table that a field points to."""
        place = self.place(field)
        if place is None:
            raise struct.error("a missing table")
        return FlatTable(self.buffer, place + struct.unpack_from("<I", self.buffer, place)[0])


class ArrowRows:
    """An open Arrow stream, whose messages are within bounds."""

    def __init__(self, file: BinaryIO, title: str) -> None:
        """Read the schema; raises DataError, and errors of Arrow for a damaged one."""
        import pyarrow.ipc

        self._file, self._title = file, title
        self._rows = self._check_messages()
        file.seek(0)
        self.schema: pyarrow.Schema = pyarrow.ipc.open_stream(file).schema
        if len(self.schema) > MAX_COLUMNS:
            raise self._not_plain(f"{len(self.schema):,} columns")

    def batches(self, reader: RowReader) -> Iterator["pyarrow.RecordBatch"]:
        """Yield the rows in small batches."""
        import pyarrow.ipc

        reader.budget.add_rows(self._rows)
        for name in reader.columns:
            kind = self.schema.field(name).type
            if not _is_plain(kind):
                raise self._not_plain(f"{str(kind)[:100]} in a column")
        wanted = [self.schema.get_field_index(name) for name in reader.columns]
        options = pyarrow.ipc.IpcReadOptions(use_threads=False, included_fields=wanted)
        self._file.seek(0)
        for batch in pyarrow.ipc.open_stream(self._file, options=options):
            batch.validate(full=True)  # the offsets in the file may lead anywhere
            for start in range(0, len(batch), MAX_BATCH_ROWS):
                yield reader.read(batch.slice(start, MAX_BATCH_ROWS))

    def _check_messages(self) -> int:
        """Return the number of rows; raises DataError for a message beyond the bounds."""
        end = self._file.seek(0, 2)
        self._file.seek(0)
        rows = batches = 0
        try:
            for header in self._headers(end):
                kind = header.number(HEADER_TYPE, "B")
                if kind not in (SCHEMA, RECORD_BATCH):
                    raise self._not_plain("repeated values")
                if kind == RECORD_BATCH:
                    rows += self._rows_of(header.table(HEADER))
                    batches += 1
                if batches > MAX_BATCHES:
                    raise self._not_plain(f"more than {MAX_BATCHES:,} batches")
        except struct.error:
            raise self._not_plain("a damaged header") from None
        return rows

    def _rows_of(self, batch: FlatTable) -> int:
        length = batch.number(LENGTH, "q")
        if batch.place(COMPRESSION) is not None or length < 0:
            raise self._not_plain("compressed rows")
        return length

    def _headers(self, end: int) -> Iterator[FlatTable]:
        """Yield the header of each message, up to the end of the stream."""
        while (prefix := self._file.read(8)) and prefix != CONTINUATION + bytes(4):
            size = int.from_bytes(prefix[4:], "little")
            if prefix[:4] != CONTINUATION or size > MAX_HEADER_BYTES:
                raise self._not_plain("another format, or a large header")
            content = self._file.read(size)
            message = FlatTable(content, struct.unpack_from("<I", content)[0])
            body = message.number(BODY_LENGTH, "q")
            if not 0 <= body <= min(MAX_BODY_BYTES, end - self._file.tell()):
                raise self._not_plain(f"a batch of {body:,} bytes")
            yield message
            self._file.seek(body, 1)

    def _not_plain(self, found: str) -> DataError:
        return DataError(
            f"{self._title} should be a stream of rows as `save_to_disk` writes it, but has {found}: "
            "save it again with `datasets`, or as Parquet."
        )


ARROW = FileFormat("Arrow", ArrowRows)


def _is_plain(kind: "pyarrow.DataType") -> bool:
    """Return whether each value of a type is stored separately, so that none is repeated."""
    from pyarrow import types

    if types.is_struct(kind):
        return all(_is_plain(field.type) for field in kind)
    return bool(
        types.is_string(kind)
        or types.is_large_string(kind)
        or types.is_binary(kind)
        or types.is_large_binary(kind)
        or types.is_integer(kind)
        or types.is_floating(kind)
        or types.is_boolean(kind)
        or types.is_null(kind)
    )
