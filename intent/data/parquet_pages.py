"""Read the uncompressed sizes of the pages of a Parquet file from the page headers.

The footer has sizes too, but they are not checked: decoders use those of the page headers. These
are Thrift structs in the compact protocol; their fields are those of `PageHeader` in
https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

MAX_PAGES = 1_000_000  # of the columns read from one file: 50 GB in pages of 50 kB
MAX_PAGE_HEADER_BYTES = 1 << 20  # includes the minimum and maximum value of the page
MAX_NESTING = 8  # of nested structs in a page header; the format has three
FIRST_READ_BYTES = 256  # most headers are shorter
MIN_ENTRY_BYTES = (
    4  # of a dictionary: numbers have four or eight bytes, texts begin with their length
)

DICTIONARY_PAGE = 2  # enum PageType
KIND, UNCOMPRESSED, COMPRESSED = 1, 2, 3  # fields of PageHeader
# Fields of PageHeader with a num_values as their field 1: data page, dictionary page, data page v2.
COUNTED = (5, 7, 8)

STOP, TRUE, FALSE, BYTE, DOUBLE, BINARY, STRUCT = 0, 1, 2, 3, 7, 8, 12  # types of Thrift
INTEGERS = (4, 5, 6)

Fields = dict[int, "int | Fields | None"]


class PageError(ValueError):
    """A page is damaged or malicious; the message describes what was found."""


@dataclass(frozen=True)
class Chunk:
    """The position of one column of one row group in its file, from the footer."""

    start: int  # bytes
    length: int  # bytes
    values: int


def page_sizes(file: BinaryIO, chunk: Chunk) -> Iterator[int]:
    """Yield the uncompressed size of each page of a chunk in bytes; raises PageError."""
    position, end = chunk.start, chunk.start + chunk.length
    values = 0
    while position < end and values < chunk.values:
        fields, header_bytes = _header(file, position, end)
        uncompressed, compressed = fields.get(UNCOMPRESSED), fields.get(COMPRESSED)
        count = _count(fields)
        if (
            not isinstance(uncompressed, int)
            or not isinstance(compressed, int)
            or min(uncompressed, compressed) < 0
        ):
            raise PageError("a page without a size")
        if fields.get(KIND) == DICTIONARY_PAGE:
            if not 0 <= count <= uncompressed // MIN_ENTRY_BYTES:
                raise PageError("a dictionary with more entries than fit into its page")
        elif not 0 <= count <= chunk.values:
            raise PageError("a page with more values than its column")
        else:
            values += count
        position += header_bytes + compressed
        yield uncompressed


def _count(fields: Fields) -> int:
    for number in COUNTED:
        inner = fields.get(number)
        if isinstance(inner, dict):
            count = inner.get(1)
            return count if isinstance(count, int) else -1
    return 0  # an index page


def _header(file: BinaryIO, position: int, end: int) -> tuple[Fields, int]:
    size = FIRST_READ_BYTES
    while True:
        file.seek(position)
        data = file.read(min(size, end - position))
        try:
            return _struct(data, 0, MAX_NESTING)
        except IndexError:  # the header is longer
            if size >= min(MAX_PAGE_HEADER_BYTES, end - position):
                raise PageError("a page header without an end") from None
            size *= 16


def _struct(data: bytes, at: int, nesting: int) -> tuple[Fields, int]:
    """Return the integer and struct fields by their number, and the position after the struct."""
    if nesting == 0:
        raise PageError("a page header with too many levels")
    fields: Fields = {}
    number = 0
    while (kind := data[at] & 0x0F) != STOP:
        step = data[at] >> 4
        at += 1
        if step:
            number += step
        else:
            number, at = _integer(data, at)
        fields[number], at = _value(data, at, kind, nesting)
    return fields, at + 1


def _value(data: bytes, at: int, kind: int, nesting: int) -> tuple["int | Fields | None", int]:
    if kind in (TRUE, FALSE):
        return None, at
    if kind in INTEGERS:
        return _integer(data, at)
    if kind == STRUCT:
        return _struct(data, at, nesting - 1)
    if kind == BINARY:
        length, at = _varint(data, at)
        return None, _past(data, at + length)
    if kind in (BYTE, DOUBLE):
        return None, _past(data, at + (1 if kind == BYTE else 8))
    # No page header has lists, sets or maps.
    raise PageError("a page header with an unknown field")


def _past(data: bytes, at: int) -> int:
    if at > len(data):
        raise IndexError
    return at


def _integer(data: bytes, at: int) -> tuple[int, int]:
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at  # zigzag


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise PageError("a page header with a number that is too long")
