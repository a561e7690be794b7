"""Match the labels of a data set to those of a checkpoint, by name."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

SEPARATORS = re.compile(r"[\s_./-]+")


@dataclass(frozen=True)
class LabelMatch:
    """Which label of a checkpoint each label of a data set matches."""

    matched: dict[str, str]  # label of the data set → label of the checkpoint
    unknown: tuple[str, ...]  # labels of the data set that the checkpoint does not have
    absent: tuple[str, ...]  # labels of the checkpoint that the data set does not have

    @property
    def renamed(self) -> dict[str, str]:
        """The matched labels that are spelled differently."""
        return {name: label for name, label in self.matched.items() if name != label}


def match_labels(names: Sequence[str], labels: Sequence[str]) -> LabelMatch:
    """Match the labels of a data set, `names`, to those of a checkpoint.

    A label that the checkpoint does not have is matched ignoring case and separators ("Pay Bill" to
    "pay_bill") if that gives exactly one label on each side.
    """
    spellings = Counter(map(_plain, names))
    labels_of: dict[str, list[str]] = {}
    for label in labels:
        labels_of.setdefault(_plain(label), []).append(label)
    matched = {}
    for name in names:
        plain = _plain(name)
        if name in labels:
            matched[name] = name
        elif plain and spellings[plain] == 1 and len(labels_of.get(plain, ())) == 1:
            matched[name] = labels_of[plain][0]
    used = set(matched.values())
    return LabelMatch(
        matched,
        tuple(name for name in names if name not in matched),
        tuple(label for label in labels if label not in used),
    )


def _plain(label: str) -> str:
    return SEPARATORS.sub("", unicodedata.normalize("NFC", label).casefold())
