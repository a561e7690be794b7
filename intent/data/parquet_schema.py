"""Choose the columns to read from a Parquet file, and check their types."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from intent.data.files import shown
from intent.data.schema import (
    AUDIO_COLUMN,
    LABEL_COLUMNS,
    LOCALE_COLUMNS,
    MAX_LABEL_CHARACTERS,
    MAX_LABELS,
    NO_COLUMNS,
    SYNTHETIC_COLUMN,
    Columns,
    check_columns,
    no_sound,
    several_labels,
)
from intent.errors import DataError

if TYPE_CHECKING:
    import pyarrow
    import pyarrow.parquet
    from datasets import Features

MAX_FOOTER_BYTES = 8 << 20  # about 100 bytes per column of each row group
MAX_COLUMNS = 1000  # including nested ones
MAX_ROW_GROUPS = 10_000  # of one file; a group of a hundred recordings has about 10 MB
THRIFT_ITEMS = 100_000  # entries in any list of the footer
SCHEMA_DEPTH = 32  # of nested columns


def open_parquet(file: BinaryIO, title: str) -> "pyarrow.parquet.ParquetFile":
    """Open a Parquet file and read its footer, within bounds.

    Raises DataError, and errors of Arrow for a damaged footer.
    """
    import pyarrow.parquet

    file.seek(0, 2)
    size = file.tell()
    if size >= 12:
        file.seek(size - 8)
        footer = int.from_bytes(file.read(4), "little")
        # A footer longer than its file is damage, which Arrow reports.
        _check(footer if footer <= size else 0, MAX_FOOTER_BYTES, "bytes of footer", title)
    file.seek(0)
    parquet = pyarrow.parquet.ParquetFile(
        file,
        pre_buffer=False,  # or it would keep a whole row group in memory
        buffer_size=1 << 20,
        thrift_string_size_limit=MAX_FOOTER_BYTES,
        thrift_container_size_limit=THRIFT_ITEMS,
        schema_depth_limit=SCHEMA_DEPTH,
    )
    _check(parquet.metadata.num_columns, MAX_COLUMNS, "columns", title)
    _check(parquet.metadata.num_row_groups, MAX_ROW_GROUPS, "row groups", title)
    return parquet


def has_sound(schema: "pyarrow.Schema") -> bool:
    """Return whether a table has a column of recordings, under whatever name."""
    from pyarrow import types

    return AUDIO_COLUMN in schema.names or any(
        _is_bytes(field.type) or (types.is_struct(field.type) and _is_sound(field.type))
        for field in schema
    )


@dataclass(frozen=True)
class Chosen:
    """The columns to read, with their types, and those of the file where their names differ."""

    features: "Features"
    sources: Mapping[str, str]


def choose_columns(
    schema: "pyarrow.Schema",
    declared: Mapping[str, tuple[str, ...]],
    title: str,
    columns: Columns = NO_COLUMNS,
) -> Chosen:
    """Return the columns to read; `declared` are the class names of the README.

    Raises DataError for a column that is missing or of a wrong type. title: the subject of the error.
    """
    known = {**_class_names(schema), **declared}
    sources = _named_sources(schema.names, columns, title)
    for name, source in sources.items():
        field = schema.field(source) if schema.names.count(source) == 1 else None
        if field is None:
            raise _repeated(title, source, schema.names.count(source))
        schema = _renamed(schema, source, name)
        known = {**known, name: known[source]} if source in known else _without(known, name)
    return Chosen(_features_of(schema, known, sources, title), sources)


def _named_sources(names: Sequence[str], columns: Columns, title: str) -> dict[str, str]:
    """Return the columns that the user names by those of the data set, where these differ."""
    for option, column in (("--audio-column", columns.audio), ("--label-column", columns.label)):
        if column and column not in names:
            raise DataError(
                f'{title} should have the column "{shown(column)}" that {option} names, but has '
                f"{shown(', '.join(names))}: choose one of these."
            )
    chosen = {AUDIO_COLUMN: columns.audio, LABEL_COLUMNS[0]: columns.label}
    return {name: source for name, source in chosen.items() if source and source != name}


def _renamed(schema: "pyarrow.Schema", source: str, name: str) -> "pyarrow.Schema":
    """Return the schema with one column renamed, and without another column of the new name."""
    import pyarrow

    fields = [
        field.with_name(name) if field.name == source else field
        for field in schema
        if field.name != name
    ]
    return pyarrow.schema(fields)


def _without(known: Mapping[str, tuple[str, ...]], name: str) -> dict[str, tuple[str, ...]]:
    return {column: names for column, names in known.items() if column != name}


def _repeated(title: str, name: str, count: int) -> DataError:
    return DataError(
        f'{title} should have one column "{name}", but has {count}: rename the others.'
    )


def _features_of(
    schema: "pyarrow.Schema",
    known: Mapping[str, tuple[str, ...]],
    sources: Mapping[str, str],
    title: str,
) -> "Features":
    check_columns(schema.names, title)
    columns = [AUDIO_COLUMN]
    texts = (("transcription",), ("name", "path"), (SYNTHETIC_COLUMN,))
    for names in (LABEL_COLUMNS, LOCALE_COLUMNS, *texts):
        columns.extend([name for name in names if name in schema.names][:1])
    for name in columns:
        if schema.names.count(name) > 1:
            raise _repeated(title, name, schema.names.count(name))
    if not _is_sound(schema.field(AUDIO_COLUMN).type):
        raise no_sound(title, _type_name(schema.field(AUDIO_COLUMN).type))
    for name in columns[1:]:
        if not _is_plain(schema.field(name).type):
            if name in LABEL_COLUMNS:
                raise several_labels(title, sources.get(name, name), str(schema.field(name).type))
            raise DataError(
                f"{title} should have strings or numbers in its column "
                f'"{sources.get(name, name)}", but has '
                f"{str(schema.field(name).type)[:100]}: save it again."
            )
    return _features(schema, columns, {x: known[x] for x in columns if x in known}, title)


def _features(
    schema: "pyarrow.Schema",
    columns: Sequence[str],
    known: Mapping[str, tuple[str, ...]],
    title: str,
) -> "Features":
    from datasets import Audio, ClassLabel, Features, Value

    features = Features({AUDIO_COLUMN: Audio(decode=False)})
    for name in columns[1:]:
        kind = _value_type(schema.field(name).type)
        if kind in ("int64", "string") and name in known:
            _check_names(name, known[name], title)
            features[name] = ClassLabel(names=list(known[name]))
        else:
            features[name] = Value(kind)
    return features


def _value_type(kind: "pyarrow.DataType") -> str:
    """Return the type in which values are stored, one per kind."""
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_integer(kind):
        return "int64"
    if types.is_floating(kind):
        return "float64"
    return "bool" if types.is_boolean(kind) else "string"


def _is_sound(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    if not types.is_struct(kind):
        return _is_text(kind) or _is_bytes(kind)
    fields = {field.name: field.type for field in kind}
    if len(fields) < kind.num_fields or not fields.keys() & {"bytes", "path"}:
        return False
    stored, path = fields.get("bytes"), fields.get("path")
    is_stored = stored is None or types.is_null(stored) or _is_bytes(stored)
    return is_stored and (path is None or types.is_null(path) or _is_text(path))


def _is_plain(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    if types.is_dictionary(kind):
        kind = kind.value_type
    is_number = types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind)
    return _is_text(kind) or is_number or types.is_null(kind)


def _is_text(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    return types.is_string(kind) or types.is_large_string(kind) or types.is_string_view(kind)


def _is_bytes(kind: "pyarrow.DataType") -> bool:
    from pyarrow import types

    return types.is_binary(kind) or types.is_large_binary(kind) or types.is_binary_view(kind)


def _class_names(schema: "pyarrow.Schema") -> dict[str, tuple[str, ...]]:
    """Return the class names that `datasets` has written into the schema.

    Its own reader is not used: `names_file` in the schema would make it open any file.
    """
    try:
        stored = json.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = stored["info"]["features"]
        return {
            column: tuple(feature["names"])
            for column, feature in features.items()
            if isinstance(feature, dict) and isinstance(feature.get("names"), list)
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def _check_names(column: str, names: Sequence[str], title: str) -> None:
    wrong = (
        "the same name twice"
        if len(set(map(str, names))) < len(names)
        else f"{len(names):,} names"
        if len(names) > MAX_LABELS
        else "one that is not a string of that length"
        if not all(isinstance(name, str) and len(name) <= MAX_LABEL_CHARACTERS for name in names)
        else ""
    )
    if wrong:
        raise DataError(
            f"{title} should have at most {MAX_LABELS:,} different class names in its column "
            f'"{column}", of at most {MAX_LABEL_CHARACTERS} characters, but has {wrong}.'
        )


def _type_name(kind: "pyarrow.DataType") -> str:
    """Return a type as `datasets` displays it, which its users know."""
    import pyarrow
    from datasets import Features

    try:
        return str(Features.from_arrow_schema(pyarrow.schema([("column", kind)]))["column"])[:200]
    except Exception:  # noqa: BLE001 - `datasets` does not support every type
        return str(kind)[:200]


def _check(found: int, most: int, what: str, title: str) -> None:
    if found > most:
        raise DataError(
            f"{title} should have at most {most:,} {what}, but has {found:,}: split it into "
            "several files, or save it again."
        )
