"""Decompress Parquet files into one data set on the disk, within bounds."""

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from intent.data.files import Listing, open_file, shown
from intent.data.parquet_pages import MAX_PAGES, Chunk, PageError, page_sizes
from intent.data.parquet_rows import (
    FREE_BYTES,
    MAX_RATIO,
    Budget,
    Limit,
    RowReader,
    file_for_row,
)
from intent.data.parquet_schema import features_of, open_parquet
from intent.data.schema import AUDIO_COLUMN
from intent.errors import DataError

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet
    from datasets import Dataset, Features

MAX_PAGE_BYTES = 1 << 30  # uncompressed, of any column: Arrow writes up to 1024 recordings per page
MAX_TEXT_PAGE_BYTES = 64 << 20  # uncompressed, of a text column: writers aim at 1 MB
BATCH_BYTES = 32 << 20  # uncompressed, of a batch, unless one row is larger
MAX_BATCH_ROWS = 10_000
SIZE = 2  # index in the state of a file
CACHE_VERSION = 1  # of the cached files; others are not read


def read_parquet(
    listing: Listing,
    files: Sequence[str],
    class_names: Mapping[str, tuple[str, ...]],
    budget: Budget,
) -> "Dataset":
    """Return the rows of listed files as a memory-mapped data set.

    Caches the rows in the cache of `datasets`, under a key of the names, sizes, inodes and times of
    the files, so that an edited file is read again. `class_names` are those of the README. Raises
    DataError for a file beyond the bounds, and errors of Arrow and of the disk.
    """
    import datasets

    stamps = [_stamp(listing, name) for name in files]
    key = [CACHE_VERSION, str(listing.root), stamps, sorted(class_names.items())]
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
    cached = Path(datasets.config.HF_DATASETS_CACHE) / "intent-studio" / f"{digest}.arrow"
    if cached.is_file():
        dataset = datasets.Dataset.from_file(str(cached))
        budget.add_rows(len(dataset))
        budget.add_text(dataset.data)
        return dataset
    written = _write(listing, dict(zip(files, stamps, strict=True)), class_names, budget, cached)
    return datasets.Dataset.from_file(str(written))


def _stamp(listing: Listing, name: str) -> list[int | str]:
    with open_file(listing.real_path(name)) as file:
        return _state(name, file)


def _state(name: str, file: BinaryIO) -> list[int | str]:
    found = os.fstat(file.fileno())
    return [name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _write(
    listing: Listing,
    stamps: Mapping[str, list[int | str]],
    class_names: Mapping[str, tuple[str, ...]],
    budget: Budget,
    cached: Path,
) -> Path:
    """Write the rows of the files as an Arrow stream, completely or not at all; return its path."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=cached.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as sink:
            points_to_files = _write_rows(sink, listing, stamps, class_names, budget)
        if points_to_files:  # they may change, so this is written again each time
            cached = cached.with_suffix(".files.arrow")
        os.replace(part, cached)
    finally:
        Path(part).unlink(missing_ok=True)
    return cached


def _write_rows(
    sink: BinaryIO,
    listing: Listing,
    stamps: Mapping[str, list[int | str]],
    class_names: Mapping[str, tuple[str, ...]],
    budget: Budget,
) -> bool:
    """Write all rows, and return whether any of them refers to a file."""
    import pyarrow.ipc

    with ExitStack() as stack:
        writer = features = None
        points_to_files = False
        for name, stamp in stamps.items():
            with open_file(listing.real_path(name)) as file:
                parquet = open_parquet(file, _title(name))
                own = features_of(parquet.schema_arrow, class_names, budget.title)
                if writer is None:
                    features = own
                    stream = pyarrow.ipc.new_stream(sink, features.arrow_schema)
                    writer = stack.enter_context(stream)
                elif own != features:
                    raise _different_columns(budget.title, name)
                reader = _reader(listing, name, own, budget, int(stamp[SIZE]))
                for batch in _batches(parquet, file, reader):
                    writer.write_batch(batch)
                if _state(name, file) != stamp:
                    raise OSError(f'"{shown(name)}" changed while it was being read')
            points_to_files = points_to_files or reader.points_to_files
    return points_to_files


def _reader(
    listing: Listing, name: str, features: "Features", budget: Budget, file_bytes: int
) -> RowReader:
    def find_file(path: str) -> str:
        found = listing.find(path, beside=name)
        return file_for_row(path, found and listing.real_path(found))

    uncompressed = Limit(FREE_BYTES + MAX_RATIO * file_bytes)
    return RowReader(features, find_file, _title(name), budget, uncompressed)


def _batches(
    parquet: "pyarrow.parquet.ParquetFile", file: BinaryIO, reader: RowReader
) -> Iterator["pyarrow.RecordBatch"]:
    """Yield the rows of a file in small batches, after checking its uncompressed size."""
    groups = range(parquet.metadata.num_row_groups)
    reader.budget.add_rows(sum(parquet.metadata.row_group(n).num_rows for n in groups))
    columns = list(reader.features)
    limit = Limit(reader.uncompressed.max_bytes)
    row_bytes = _max_row_bytes(parquet, file, columns, limit, reader.title)
    size = max(1, min(MAX_BATCH_ROWS, BATCH_BYTES // row_bytes))
    file.seek(0)
    for batch in parquet.iter_batches(batch_size=size, columns=columns, use_threads=False):
        yield reader.read(batch)


def _max_row_bytes(
    parquet: "pyarrow.parquet.ParquetFile",
    file: BinaryIO,
    columns: Sequence[str],
    limit: Limit,
    title: str,
) -> int:
    """Return an upper bound of the bytes of a row: a value is at most as large as its page.

    The file size is no bound: a repeated value is stored once, in a dictionary or as a prefix.
    Raises PageError or DataError for pages beyond the bounds.
    """
    longest: dict[str, int] = {}
    pages = 0
    for column, chunk in _chunks(parquet, columns):
        most = MAX_PAGE_BYTES if column.startswith(AUDIO_COLUMN) else MAX_TEXT_PAGE_BYTES
        for page in page_sizes(file, chunk):
            pages += 1
            if page > most or pages > MAX_PAGES:
                raise PageError(f"page {pages} of {page:,} bytes")
            limit.add(page, title)
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


def _title(name: str) -> str:
    return f'The Parquet file "{shown(name)}"'


def _different_columns(title: str, name: str) -> DataError:
    return DataError(
        f"{title} should have the same columns, types and class names in all its Parquet files, "
        f'but "{shown(name)}" differs from the first: save them again.'
    )
