"""Where a checkpoint of ours comes from: one JSON file beside its weights."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from intent.checkpoints.files import parse_json, read_bounded

FILE_NAME = "provenance.json"
MAX_BYTES = 8_000_000  # of the file: the hashes of a hundred thousand clips


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
        values = parse_json(read_bounded(folder / FILE_NAME, MAX_BYTES))
        values["locales"] = tuple(values["locales"])
        values["trained_on"] = tuple(values["trained_on"])
        values["interval"] = values["interval"] and tuple(values["interval"])
        provenance = Provenance(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return provenance if _is_plausible(provenance) else None


def _is_plausible(provenance: Provenance) -> bool:
    """Return whether each value has its type: a stranger's file may hold anything."""
    texts = (
        provenance.base,
        provenance.preset,
        provenance.data,
        *provenance.locales,
        *provenance.trained_on,
    )
    wholes = (provenance.seed, provenance.test_clips)
    shares = (provenance.accuracy, *(provenance.interval or (None, None)))
    return (
        all(isinstance(text, str) for text in texts)
        and all(isinstance(whole, int) for whole in wholes)
        and len(shares) == 3
        and all(share is None or isinstance(share, (int, float)) for share in shares)
    )
