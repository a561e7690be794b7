"""One shape for every data set: audio, label, transcription, locale and name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING

from intent.errors import DataError

if TYPE_CHECKING:
    from datasets import Dataset, DatasetDict

AUDIO_COLUMN = "audio"  # struct {"bytes": bytes | None, "path": str | None}, never decoded
LABEL_COLUMNS = ("intent_class", "label", "labels", "intent")
LOCALE_COLUMNS = ("locale", "lang_id")


@dataclass(frozen=True)
class Part:
    """Rows as their source holds them; `locale` is "" where the rows themselves may know it."""

    dataset: "Dataset"
    split: str  # the source's own name of it
    locale: str = ""


def unite(parts: Sequence[Part], title: str) -> "DatasetDict":
    """Join parts into "train" and "test" where every locale has both, else into "all".

    Raises DataError for a missing column, a clip without a label, or fewer than two labels.
    """
    from datasets import DatasetDict, concatenate_datasets

    labels = [_labels(part.dataset, title) for part in parts]
    names = _common_names(parts, labels)
    found = sorted({label for column in labels for label in column})
    if len(found) < 2:
        raise DataError(
            f"{title} should have at least two labels, but has {len(found)} ({_listed(found)}): "
            "add clips of another label."
        )
    own: dict[str, set[str]] = {}
    for part in parts:
        own.setdefault(part.locale, set()).add(part.split)
    divided = all({"train", "test"} <= splits for splits in own.values())
    rows: dict[str, list[Dataset]] = {}
    for part, column in zip(parts, labels, strict=True):
        split = part.split if divided else "all"
        if split in ("train", "test", "all"):  # a validation part beside the two is not used
            rows.setdefault(split, []).append(_normalize(part, column, names, title))
    return DatasetDict({split: concatenate_datasets(rows[split]) for split in sorted(rows)[::-1]})


def _labels(dataset: "Dataset", title: str) -> list[str]:
    """The label of each row, as text."""
    column = _first_of(LABEL_COLUMNS, dataset)
    if column is None:
        raise DataError(
            f"{title} should have a label column named one of {_listed(LABEL_COLUMNS)}, but has "
            f"{_listed(dataset.column_names)}: rename the column that holds the labels."
        )
    values = _texts(dataset, column)
    missing = sum(value is None or value == "" for value in values)
    if missing:
        raise DataError(
            f"{title} should have a label for every clip, but {missing} of {len(values)} have "
            "none: label them or remove them."
        )
    return [str(value) for value in values]


def _common_names(parts: Sequence[Part], labels: Sequence[list[str]]) -> tuple[str, ...]:
    """The class names: the data set's own order where all parts agree on one, else sorted."""
    declared = {_class_names(part.dataset) for part in parts}
    if len(declared) == 1 and (names := declared.pop()):
        return names
    known = {label for column in labels for label in column}
    known.update(name for names in declared for name in names)
    return tuple(sorted(known))


def _class_names(dataset: "Dataset") -> tuple[str, ...]:
    feature = dataset.features[_first_of(LABEL_COLUMNS, dataset)]
    return tuple(getattr(feature, "names", None) or ())


def _normalize(part: Part, labels: list[str], names: tuple[str, ...], title: str) -> "Dataset":
    from datasets import Audio, ClassLabel, Value

    dataset = part.dataset
    if AUDIO_COLUMN not in dataset.column_names:
        raise DataError(
            f'{title} should have a column named "{AUDIO_COLUMN}", but has '
            f"{_listed(dataset.column_names)}: rename the column that holds the sound."
        )
    clips = _clip_names(dataset, part.locale or part.split)
    texts = _texts(dataset, "transcription") if "transcription" in dataset.column_names else []
    column = _first_of(LOCALE_COLUMNS, dataset)
    spoken = _texts(dataset, column) if column and not part.locale else []
    ids = {name: index for index, name in enumerate(names)}
    added: list[tuple[str, list, object]] = [
        ("label", [ids[label] for label in labels], ClassLabel(names=list(names))),
        ("transcription", [text or "" for text in texts] or [""] * len(labels), Value("string")),
        ("locale", [str(x or "") for x in spoken] or [part.locale] * len(labels), Value("string")),
        ("name", clips, Value("string")),
    ]
    try:
        dataset = dataset.cast_column(AUDIO_COLUMN, Audio(decode=False))
    except Exception as error:  # Arrow raises many kinds for a column of another type
        raise DataError(
            f'{title} should have sound in its column "{AUDIO_COLUMN}" (encoded files, as '
            f"`datasets` stores them), but has {dataset.features[AUDIO_COLUMN]}: write it anew."
        ) from error
    dataset = dataset.remove_columns([c for c in dataset.column_names if c != AUDIO_COLUMN])
    for name, values, feature in added:
        dataset = dataset.add_column(name, values, feature=feature)
    return dataset


def _clip_names(dataset: "Dataset", origin: str) -> list[str]:
    """A readable name a clip: its file's name, or its row."""
    if "name" in dataset.column_names:
        stored = _texts(dataset, "name")
    elif "path" in dataset.column_names:
        stored = [_file_name(path) for path in _texts(dataset, "path")]
    else:
        stored = [_file_name(path) for path in _audio_paths(dataset)]
    names = stored or [None] * len(dataset)
    return [str(name or f"{origin} clip {row}") for row, name in enumerate(names, start=1)]


def _audio_paths(dataset: "Dataset") -> list[str | None]:
    import pyarrow.compute
    import pyarrow.types

    column = dataset.data.column(AUDIO_COLUMN)  # in Arrow: the sound itself is not read
    if pyarrow.types.is_struct(column.type) and column.type.get_field_index("path") >= 0:
        return pyarrow.compute.struct_field(column, "path").to_pylist()
    return []


def _texts(dataset: "Dataset", column: str) -> list[str | None]:
    """A column's values as text; None where there is no value (a class of -1 included)."""
    feature = dataset.features[column]
    values = dataset.data.column(column).to_pylist()
    if names := getattr(feature, "names", None):
        return [names[v] if v is not None and 0 <= v < len(names) else None for v in values]
    return [None if value is None else str(value) for value in values]


def _first_of(names: Sequence[str], dataset: "Dataset") -> str | None:
    return next((name for name in names if name in dataset.column_names), None)


def _file_name(path: str | None) -> str | None:
    return PurePath(path.replace("\\", "/")).name if path else None


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"
