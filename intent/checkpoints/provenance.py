"""Read and write the provenance of our checkpoints: a JSON file beside the weights."""

import dataclasses
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from intent.checkpoints.files import parse_json, read_bounded
from intent.json_reader import read_json

FILE_NAME = "provenance.json"
MAX_BYTES = 10_000_000  # of the file: the hashes of a hundred thousand clips and their sentences


@dataclass(frozen=True)
class Provenance:
    """A checkpoint's base model, training data and test accuracy."""

    base: str
    preset: str
    data: str
    locales: tuple[str, ...]
    seed: int
    accuracy: float | None  # 0..1, on test clips that were never trained on
    interval: tuple[float, float] | None  # 95 %
    test_clips: int
    trained_on: tuple[str, ...]  # clip hashes, including those of the base
    # hashes of those of synthetic clips, including those of the base
    sentences: tuple[str, ...] = ()
    own_words: float | None = None  # accuracy, 0..1, on the exam "own-words"; None: not measured


def sentence_hash(transcription: str) -> str:
    """Return a hash of a sentence, 16 hexadecimal digits; "" without letters and digits.

    Case, punctuation and spaces make no difference.
    """
    text = unicodedata.normalize("NFC", transcription).lower()
    words = re.sub(r"[\W_]+", " ", text).strip()
    return hashlib.sha256(words.encode()).hexdigest()[:16] if words else ""


def write_provenance(folder: Path, provenance: Provenance) -> None:
    """Write the provenance into a checkpoint folder."""
    text = json.dumps(dataclasses.asdict(provenance), indent=1)
    (folder / FILE_NAME).write_text(text, encoding="utf-8")


def read_provenance(folder: Path) -> Provenance | None:
    """Return the provenance of a checkpoint folder, or None if it is missing or invalid."""
    try:
        text = read_bounded(folder / FILE_NAME, MAX_BYTES)
        parse_json(text)  # refuses NaN, which read_json would accept
        return read_json(Provenance, text)
    except (OSError, ValueError):
        return None
