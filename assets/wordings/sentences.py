"""Read the wordings to train on: all sentences of this folder but those too like one of the exam."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
EXAM = HERE.parent / "own-words" / "sentences.json"
MAX_OVERLAP = 0.6  # of the words of two sentences together, that both have (Jaccard)


@dataclass(frozen=True)
class Wording:
    """A sentence, and where it is: its author's file, its label and its row there."""

    author: str
    label: str
    row: int
    sentence: str

    @property
    def file_name(self) -> str:
        return f"{self.author}-{self.label}-{self.row:03d}.opus"


def words(sentence: str) -> frozenset[str]:
    """Return the words of a sentence, in lower case, without punctuation."""
    return frozenset(re.findall(r"[a-z0-9]+", sentence.lower().replace("'", "")))


def overlap(one: frozenset[str], other: frozenset[str]) -> float:
    """Return the share of the words of two sentences together that both have, 0..1."""
    return len(one & other) / max(1, len(one | other))


def wordings(authors: list[str] | None = None) -> Iterator[Wording]:
    """Yield the wordings of some authors, or of all, that do not overlap with the exam."""
    exam = [words(some) for part in _read(EXAM).values() for some in part]
    for author in authors or sorted(path.stem for path in HERE.glob("*.json")):
        for label, sentences in _read(HERE / f"{author}.json").items():
            for row, sentence in enumerate(sentences):
                own = words(sentence)
                if all(overlap(own, other) < MAX_OVERLAP for other in exam):
                    yield Wording(author, label, row, sentence)


def _read(file: Path) -> dict[str, list[str]]:
    return json.loads(file.read_text(encoding="utf-8"))
