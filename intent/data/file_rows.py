"""Rows that refer to audio files, built from label folders and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datasets import Dataset


@dataclass(frozen=True)
class FileRow:
    """A clip that is stored in its own file."""

    name: str  # readable: its path in the data folder
    path: str  # absolute and without links, or a name alone for a file that is not in the folder
    label: str | None
    transcription: str = ""
    locale: str = ""
    synthetic: str = ""  # as the table says, such as "true"


def file_dataset(rows: Sequence[FileRow]) -> "Dataset":
    """Return rows that refer to the files; their bytes stay on the disk."""
    import datasets

    columns = {
        "audio": [{"bytes": None, "path": row.path} for row in rows],
        "label": [row.label for row in rows],
        "name": [row.name for row in rows],
        "transcription": [row.transcription for row in rows],
        "locale": [row.locale for row in rows],
        "synthetic": [row.synthetic for row in rows],
    }
    features = datasets.Features(
        {
            # not Audio: `datasets` needs torchcodec to encode rows as Audio
            "audio": {"bytes": datasets.Value("binary"), "path": datasets.Value("string")},
            **{name: datasets.Value("string") for name in columns if name != "audio"},
        }
    )
    return datasets.Dataset.from_dict(columns, features=features)
