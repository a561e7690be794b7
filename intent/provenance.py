"""Where a checkpoint of ours comes from: one JSON file beside its weights."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "provenance.json"


@dataclass(frozen=True)
class Provenance:
    """What a checkpoint was made from, what it scored, and the sounds that it has learnt from."""

    base: str
    preset: str
    data: str
    locales: tuple[str, ...]
    seed: int
    accuracy: float | None  # 0..1, on clips of the test part that were never learnt from
    interval: tuple[float, float] | None  # 95 %
    test_clips: int
    trained_on: tuple[str, ...]  # clip hashes, its base's included


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Write the provenance into a checkpoint folder."""
    text = json.dumps(dataclasses.asdict(provenance), indent=1)
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def read_provenance(folder: Path) -> Provenance | None:
    """Return the provenance of a checkpoint folder, or None where it has none that can be read."""
    try:
        values = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        values["locales"] = tuple(values["locales"])
        values["trained_on"] = tuple(values["trained_on"])
        values["interval"] = values["interval"] and tuple(values["interval"])
        return Provenance(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None
