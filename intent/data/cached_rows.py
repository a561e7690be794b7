"""Write the rows of Parquet or Arrow files into one data set on disk, within size limits."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Protocol

from intent.data.files import Listing, open_file, shown
from intent.data.parquet_rows import FREE_BYTES, MAX_RATIO, Budget, Limit, RowReader, file_for_row
from intent.data.parquet_schema import Chosen, choose_columns
from intent.data.schema import NO_COLUMNS, Columns
from intent.errors import DataError

if TYPE_CHECKING:
    import pyarrow
    from datasets import Dataset

SIZE = 2  # index in the state of a file
CACHE_VERSION = 2  # of the cached files; others are not read


class RowFile(Protocol):
    """An open file of rows; the limits that its header states have been checked."""

    schema: "pyarrow.Schema"

    def batches(self, reader: RowReader) -> Iterator["pyarrow.RecordBatch"]:
        """Yield the rows in small batches, as the reader returns them."""


@dataclass(frozen=True)
class FileFormat:
    """A format of files of rows."""

    name: str  # as the user knows it
    open: Callable[[BinaryIO, str], RowFile]  # raises DataError; takes the subject of an error


@dataclass(frozen=True)
class Request:
    """Which rows to read: from which files, in which format, and which columns."""

    listing: Listing
    format: FileFormat
    class_names: Mapping[str, tuple[str, ...]]  # as a README declares them, by column
    budget: Budget
    columns: Columns = NO_COLUMNS

    def title(self, name: str) -> str:
        """Return a file as the subject of an error."""
        return f'The {self.format.name} file "{shown(name)}"'


def read_rows(request: Request, files: Sequence[str]) -> "Dataset":
    """Return the rows of listed files as a memory-mapped data set.

    Caches the rows in the cache of `datasets`, under a key of the names, sizes, inodes and times of
    the files, so that an edited file is read again. Raises DataError for a file beyond the bounds,
    and errors of Arrow and of the disk.
    """
    import datasets

    listing, budget = request.listing, request.budget
    stamps = [_stamp(listing, name) for name in files]
    key = [CACHE_VERSION, str(listing.root), stamps, sorted(request.class_names.items())]
    if request.columns != NO_COLUMNS:
        key.append(astuple(request.columns))
    digest = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:32]
    cached = Path(datasets.config.HF_DATASETS_CACHE) / "intent-studio" / f"{digest}.arrow"
    if cached.is_file():
        dataset = datasets.Dataset.from_file(str(cached))
        budget.add_rows(len(dataset))
        budget.add_text(dataset.data)
        return dataset
    written = _write(request, dict(zip(files, stamps, strict=True)), cached)
    return datasets.Dataset.from_file(str(written))


def _stamp(listing: Listing, name: str) -> list[int | str]:
    with open_file(listing.real_path(name)) as file:
        return _state(name, file)


def _state(name: str, file: BinaryIO) -> list[int | str]:
    found = os.fstat(file.fileno())
    return [name, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _write(request: Request, stamps: Mapping[str, list[int | str]], cached: Path) -> Path:
    """Write the rows of the files as an Arrow stream, completely or not at all; return its path."""
    cached.parent.mkdir(parents=True, exist_ok=True)
    descriptor, part = tempfile.mkstemp(dir=cached.parent, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as sink:
            points_to_files = _write_rows(sink, request, stamps)
        if points_to_files:  # they may change, so this is written again each time
            cached = cached.with_suffix(".files.arrow")
        os.replace(part, cached)
    finally:
        Path(part).unlink(missing_ok=True)
    return cached


def _write_rows(sink: BinaryIO, request: Request, stamps: Mapping[str, list[int | str]]) -> bool:
    """Write all rows, and return whether any row refers to a file."""
    import pyarrow.ipc

    title = request.budget.title
    with ExitStack() as stack:
        writer = features = None
        points_to_files = False
        for name, stamp in stamps.items():
            with open_file(request.listing.real_path(name)) as file:
                rows = request.format.open(file, request.title(name))
                own = choose_columns(rows.schema, request.class_names, title, request.columns)
                if writer is None:
                    features = own.features
                    stream = pyarrow.ipc.new_stream(sink, features.arrow_schema)
                    writer = stack.enter_context(stream)
                elif own.features != features:
                    raise _different_columns(request, name)
                reader = _reader(request, name, own, int(stamp[SIZE]))
                for batch in rows.batches(reader):
                    writer.write_batch(batch)
                if _state(name, file) != stamp:
                    raise OSError(f'"{shown(name)}" changed while it was being read')
            points_to_files = points_to_files or reader.points_to_files
    return points_to_files


def _reader(request: Request, name: str, chosen: Chosen, file_bytes: int) -> RowReader:
    def find_file(path: str) -> str:
        found = request.listing.find(path, beside=name)
        return file_for_row(path, found and request.listing.real_path(found))

    return RowReader(
        chosen.features,
        chosen.sources,
        find_file,
        request.title(name),
        request.budget,
        uncompressed=Limit(FREE_BYTES + MAX_RATIO * file_bytes),
    )


def _different_columns(request: Request, name: str) -> DataError:
    return DataError(
        f"{request.budget.title} should have the same columns, types and class names in all its "
        f'{request.format.name} files, but "{shown(name)}" differs from the first: save them again.'
    )
