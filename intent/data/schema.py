"""Convert every data set to the same columns: audio, label, transcription, locale, synthetic, name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from intent.data.splits import are_part_names, uses_of
from intent.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

AUDIO_COLUMN = "audio"  # struct {"bytes": bytes | None, "path": str | None}, never decoded
LABEL_COLUMNS = ("intent_class", "label", "labels", "intent")
LOCALE_COLUMNS = ("locale", "lang_id")
SYNTHETIC_COLUMN = "synthetic"  # says of each clip whether its speech is synthetic
TRUE = ("true", "yes", "1", "1.0")  # values of that column, in lower case

MAX_ROWS = 1_000_000  # clips: names, labels and transcriptions of all of them are kept in memory
MAX_LABELS = 1000  # of a data set: the number of cells in a confusion matrix is its square
LISTED = 30  # names in an error
MAX_LABEL_CHARACTERS = 256  # a label may be the name of a folder, which has at most 255 bytes


@dataclass(frozen=True)
class Columns:
    """The column names that the user gives; "" if a column is found by its usual names."""

    audio: str = ""
    label: str = ""


NO_COLUMNS = Columns()


@dataclass(frozen=True)
class Part:
    """Rows of one split of a source; if `locale` is "", the rows may have their own locales."""

    dataset: "Dataset"
    split: str  # as the source names it
    locale: str = ""


def unite(
    parts: Sequence[Part],
    title: str,
    on_skip: Callable[[str, str], None] = lambda name, reason: None,
) -> "DatasetDict":
    """Join parts into the splits "train" and "test" if every locale has both, else into "all".

    The splits may have any usual names. A validation split is the test set if there is no test
    split; otherwise it is not used, nor are splits with other names. A split whose labels are all
    hidden, as in a competition's test set, is left out. `on_skip(name, reason)` reports both. Raises
    DataError for a missing column, a clip without a label, or fewer than two labels.
    """
    from datasets import DatasetDict, concatenate_datasets

    rows = sum(len(part.dataset) for part in parts)
    if rows > MAX_ROWS:
        raise too_many_rows(title, rows)
    parts = _labelled(parts, title, on_skip)
    uses = uses_of([(part.locale, part.split) for part in parts])
    for part, use in zip(parts, uses, strict=True):
        if not use and len(part.dataset):
            on_skip(part.split or "other recordings", _unused_split(part))
    parts = [part for part, use in zip(parts, uses, strict=True) if use]
    labels = [_labels(part.dataset, title) for part in parts]
    names = _common_names(parts, labels)
    found = sorted({label for column in labels for label in column})
    _check_labels(found, title)
    if len(found) < 2:
        raise DataError(
            f"{title} should have at least two labels, but has {len(found)} ({listed(found)}): "
            "add recordings with another label."
        )
    if are_part_names(found):
        raise DataError(
            f"{title} should have intents as labels, but its labels are names of splits "
            f"({listed(found)}): create a folder per intent in each of these folders, or "
            "rename the labels."
        )
    joined: dict[str, list[Dataset]] = {}
    for part, column, use in zip(parts, labels, filter(None, uses), strict=True):
        joined.setdefault(use, []).append(_normalize(part, column, names, title))
    return DatasetDict(
        {split: concatenate_datasets(joined[split]) for split in sorted(joined, reverse=True)}
    )


def _unused_split(part: Part) -> str:
    count = len(part.dataset)
    recordings = "recording" if count == 1 else "recordings"
    return (
        f'The split "{part.split}" ({count:,} {recordings}) is used neither for training nor for '
        "testing."
    )


def check_columns(names: Sequence[str], title: str) -> None:
    """Raise DataError if a table has no label column or no audio column."""
    if not any(name in names for name in LABEL_COLUMNS):
        raise DataError(
            f"{title} should have a label column named one of {listed(LABEL_COLUMNS)}, but has "
            f"{listed(names)}: rename its label column."
        )
    if AUDIO_COLUMN not in names:
        raise DataError(
            f'{title} should have a column named "{AUDIO_COLUMN}", but has '
            f"{listed(names)}: rename its audio column."
        )


def no_sound(title: str, found: str) -> DataError:
    """Return the error for an audio column of another type."""
    return DataError(
        f'{title} should have audio in its column "{AUDIO_COLUMN}" (encoded files, as '
        f"`datasets` stores them), but has {found}: save it again."
    )


def too_many_rows(title: str, found: int) -> DataError:
    """Return the error for a data set with too many clips."""
    return DataError(
        f"{title} should have at most {MAX_ROWS:,} recordings, but has {found:,}: remove some."
    )


def _check_labels(found: Sequence[str], title: str) -> None:
    longest = max(map(len, found), default=0)
    if len(found) <= MAX_LABELS and longest <= MAX_LABEL_CHARACTERS:
        return
    has = f"{len(found):,} labels" if len(found) > MAX_LABELS else f"one of {longest:,} characters"
    raise DataError(
        f"{title} should have at most {MAX_LABELS:,} labels of at most {MAX_LABEL_CHARACTERS} "
        f"characters, but has {has}: check that its label column contains labels."
    )


def _labelled(
    parts: Sequence[Part], title: str, on_skip: Callable[[str, str], None]
) -> Sequence[Part]:
    """Return the parts that have labels, or all parts if none of them has."""
    hidden = [part for part in parts if len(part.dataset) and _hides_labels(part.dataset, title)]
    if len(hidden) == len(parts):
        return parts
    for part in hidden:
        name = f"{part.split} split{part.locale and f' of {part.locale}'}"
        count = len(part.dataset)
        reason = (
            f"The {name} was not used, because the labels of its {count:,} recordings are hidden."
        )
        on_skip(name, reason)
    return [part for part in parts if part not in hidden]


def _hides_labels(dataset: "Dataset", title: str) -> bool:
    """Return whether every label is missing: None, "" or -1."""
    _check_label_column(dataset, title)
    return all(value in (None, "", "-1") for value in _texts(dataset, _label_column(dataset)))


def _check_label_column(dataset: "Dataset", title: str) -> None:
    """Raise DataError unless a data set has an audio column and a label for each clip."""
    import pyarrow.types

    check_columns(dataset.column_names, title)
    name = _label_column(dataset)
    kind = dataset.data.column(name).type
    if pyarrow.types.is_nested(kind):
        raise several_labels(title, name, str(kind))


def several_labels(title: str, column: str, found: str) -> DataError:
    """Return the error for a label column with lists."""
    return DataError(
        f'{title} should have one label per recording in its column "{column}", but has '
        f"{found[:100]}: keep one label per recording, as a string or a number."
    )


def _labels(dataset: "Dataset", title: str) -> list[str]:
    """Return the label of each row as text."""
    values = _texts(dataset, _label_column(dataset))
    missing = sum(value is None or value == "" for value in values)
    if missing:
        raise DataError(
            f"{title} should have a label for every recording, but {missing} of {len(values)} have "
            "none: label them or remove them."
        )
    return [str(value) for value in values]


def _common_names(parts: Sequence[Part], labels: Sequence[list[str]]) -> tuple[str, ...]:
    """Return the class names: in the order of the data set if all parts agree, else sorted."""
    declared = {_class_names(part.dataset) for part in parts}
    if len(declared) == 1 and (names := declared.pop()):
        return names
    known = {label for column in labels for label in column}
    known.update(name for names in declared for name in names)
    return tuple(sorted(known))


def _class_names(dataset: "Dataset") -> tuple[str, ...]:
    feature = dataset.features[_label_column(dataset)]
    return tuple(getattr(feature, "names", None) or ())


def _normalize(part: Part, labels: list[str], names: tuple[str, ...], title: str) -> "Dataset":
    from datasets import Audio, ClassLabel, Value

    dataset = part.dataset
    clips = _clip_names(dataset, part.locale or part.split)
    texts = _texts(dataset, "transcription") if "transcription" in dataset.column_names else []
    column = _first_of(LOCALE_COLUMNS, dataset)
    spoken = _texts(dataset, column) if column and not part.locale else []
    said = _texts(dataset, SYNTHETIC_COLUMN) if SYNTHETIC_COLUMN in dataset.column_names else []
    synthetic = [str(value).strip().lower() in TRUE for value in said] or [False] * len(labels)
    ids = {name: index for index, name in enumerate(names)}
    added: list[tuple[str, list[int] | list[str] | list[bool], ClassLabel | Value]] = [
        ("label", [ids[label] for label in labels], ClassLabel(names=list(names))),
        ("transcription", [text or "" for text in texts] or [""] * len(labels), Value("string")),
        ("locale", [str(x or "") for x in spoken] or [part.locale] * len(labels), Value("string")),
        ("synthetic", synthetic, Value("bool")),
        ("name", clips, Value("string")),
    ]
    try:
        dataset = dataset.cast_column(AUDIO_COLUMN, Audio(decode=False))
    except Exception as error:  # Arrow raises many kinds of errors for another type
        raise no_sound(title, str(dataset.features[AUDIO_COLUMN])) from error
    dataset = dataset.remove_columns([c for c in dataset.column_names if c != AUDIO_COLUMN])
    for name, values, feature in added:
        dataset = dataset.add_column(name, values, feature=feature)
    return dataset


def _clip_names(dataset: "Dataset", origin: str) -> list[str]:
    """Return a readable name for each clip: the name of its file, or its row."""
    if "name" in dataset.column_names:
        stored = _texts(dataset, "name")
    elif "path" in dataset.column_names:
        stored = [_file_name(path) for path in _texts(dataset, "path")]
    else:
        stored = [_file_name(path) for path in audio_paths(dataset)]
    names = stored or [None] * len(dataset)
    return [str(name or f"{origin} clip {row}") for row, name in enumerate(names, start=1)]


def audio_paths(dataset: "Dataset") -> list[str | None]:
    """Return the path or name of the recording of each row, if the data set has them."""
    import pyarrow.compute
    import pyarrow.types

    column = dataset.data.column(AUDIO_COLUMN)  # in Arrow: does not read the audio
    if pyarrow.types.is_struct(column.type) and column.type.get_field_index("path") >= 0:
        return pyarrow.compute.struct_field(column, "path").to_pylist()
    return []


def _texts(dataset: "Dataset", column: str) -> list[str | None]:
    """Return the values of a column as text; None for a missing value (also for class -1)."""
    feature = dataset.features[column]
    values = dataset.data.column(column).to_pylist()
    if names := getattr(feature, "names", None):
        return [names[v] if v is not None and 0 <= v < len(names) else None for v in values]
    # NaN marks a missing value in a column of floats; it is not equal to itself.
    return [None if value is None or value != value else str(value) for value in values]


def _label_column(dataset: "Dataset") -> str:
    return next(name for name in LABEL_COLUMNS if name in dataset.column_names)


def _first_of(names: Sequence[str], dataset: "Dataset") -> str | None:
    return next((name for name in names if name in dataset.column_names), None)


def _file_name(path: str | None) -> str | None:
    return PurePath(path.replace("\\", "/")).name if path else None


def listed(names: Sequence[str]) -> str:
    """Return names for an error, at most 30 of them."""
    shown = ", ".join(name[:80] for name in names[:LISTED]) or "none"
    return f"{shown} and {len(names) - LISTED} more" if len(names) > LISTED else shown
