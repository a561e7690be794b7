"""Read the rows of a Parquet file in small batches, within size limits."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from intent.data.cached_rows import FileFormat
from intent.data.parquet_pages import MAX_PAGES, Chunk, PageError, page_sizes
from intent.data.parquet_rows import Limit, RowReader
from intent.data.parquet_schema import open_parquet
from intent.data.schema import AUDIO_COLUMN

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet

MAX_PAGE_BYTES = 1 << 30  # uncompressed, of any column: Arrow writes up to 1024 recordings per page
MAX_TEXT_PAGE_BYTES = 64 << 20  # uncompressed, of a text column: writers aim at 1 MB
BATCH_BYTES = 32 << 20  # uncompressed, of a batch, unless one row is larger
MAX_BATCH_ROWS = 10_000


class ParquetRows:
    """An open Parquet file, whose footer is within the limits."""

    def __init__(self, file: BinaryIO, title: str) -> None:
        """Read the footer; raises DataError, and errors of Arrow for a damaged one."""
        self._file = file
        self._parquet = open_parquet(file, title)
        self.schema = self._parquet.schema_arrow

    def batches(self, reader: RowReader) -> Iterator["pyarrow.RecordBatch"]:
        """Yield the rows in small batches, after checking their uncompressed size."""
        parquet, file = self._parquet, self._file
        groups = range(parquet.metadata.num_row_groups)
        reader.budget.add_rows(sum(parquet.metadata.row_group(n).num_rows for n in groups))
        row_bytes = _max_row_bytes(parquet, file, reader)
        size = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES // row_bytes))
        file.seek(0)
        columns = reader.columns
        for batch in parquet.iter_batches(batch_size=size, columns=columns, use_threads=False):
            yield reader.read(batch)


PARQUET = FileFormat("Parquet", ParquetRows)


def _max_row_bytes(
    parquet: "pyarrow.parquet.ParquetFile", file: BinaryIO, reader: RowReader
) -> int:
    """Return an upper bound of the bytes of a row: a value is at most as large as its page.

    The file size is not a bound: a repeated value is stored once, in a dictionary or as a prefix.
    Raises PageError or DataError for pages beyond the bounds.
    """
    longest: dict[str, int] = {}
    pages = 0
    limit = Limit(reader.uncompressed.max_bytes)
    audio = reader.source(AUDIO_COLUMN)
    for column, chunk in _chunks(parquet, reader.columns):
        most = MAX_PAGE_BYTES if column.split(".")[0] == audio else MAX_TEXT_PAGE_BYTES
        for page in page_sizes(file, chunk):
            pages += 1
            if page > most or pages > MAX_PAGES:
                raise PageError(f"page {pages} of {page:,} bytes")
            limit.add(page, reader.title)
            longest[column] = max(longest.get(column, 0), page)
    return max(1, sum(longest.values()))


def _chunks(
    parquet: "pyarrow.parquet.ParquetFile", columns: Sequence[str]
) -> Iterator[tuple[str, Chunk]]:
    """Yield the column chunks to read of all row groups, with their paths such as audio.bytes."""
    schema = parquet.schema
    numbers = [n for n in range(len(schema)) if schema.column(n).path.split(".")[0] in columns]
    for number in range(parquet.metadata.num_row_groups):
        group = parquet.metadata.row_group(number)
        for found in map(group.column, numbers):
            if found.file_path:
                raise PageError("a column in another file")
            if not 0 <= found.num_values <= group.num_rows:
                raise PageError("a column with more values than rows")
            start, dictionary = found.data_page_offset, found.dictionary_page_offset
            if dictionary is not None and 0 < dictionary < start:  # as Arrow does
                start = dictionary
            chunk = Chunk(start, found.total_compressed_size, found.num_values)
            if min(chunk.start, chunk.length) < 0:
                raise PageError("a column that starts before the file")
            yield found.path_in_schema, chunk
