"""Which files of a data folder make which split: by the README's patterns, or by their names."""

import fnmatch
import posixpath
import re
from collections.abc import Mapping, Sequence

from intent.data.files import shown
from intent.errors import DataError

MAX_PATTERNS = 300  # of one subset: each is compared with the name of every file
MAX_PATTERN_CHARACTERS = 1024
WILDCARDS = re.compile(r"[*?\[]")
URL = re.compile(r"://|::|^(file|hf|https?|ftp|s3|gs):", re.IGNORECASE)
ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]")

# The words and their order are those of `datasets` (data_files.py: SPLIT_KEYWORDS).
KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
SEPARATOR = "[-._ 0-9]"
SHARD = re.compile(r"data/([^/]+)-\d{5}-of-\d{5}[^/]*\.[^/]*")


def files_by_split(
    files: Sequence[str], patterns: Mapping[str, Sequence[str]], readme: str, left_out: str = ""
) -> dict[str, list[str]]:
    """Return the files that the patterns of each split name; nothing is looked up on the disk.

    Raises DataError for a pattern that leaves the folder or matches no file; `left_out` is then
    added, a sentence on the files that are not read.
    """
    if sum(len(several) for several in patterns.values()) > MAX_PATTERNS:
        raise DataError(
            f"{readme} should name at most {MAX_PATTERNS} patterns for a subset, but names more: "
            "use * in them."
        )
    splits = {}
    for split, several in patterns.items():
        found: dict[str, None] = {}
        for pattern in several:
            found.update(dict.fromkeys(_matching(files, pattern, readme, left_out)))
        splits[split] = list(found)
    return splits


def path_inside(path: str, readme: str) -> str:
    """Return a pattern or a path of a README, made plain; raises DataError where it leaves it."""
    parts = re.split(r"[/\\]", path)
    wrong = (
        "a URL"
        if URL.search(path)
        else "an absolute path"
        if ABSOLUTE.match(path)
        else "a path with .."
        if ".." in parts
        else "a path that is too long"
        if len(path) > MAX_PATTERN_CHARACTERS
        else ""
    )
    if wrong:
        raise DataError(
            f'{readme} should name files inside the folder, but names "{shown(path)}", {wrong}: '
            "put the files into the folder and name them from there."
        )
    plain = posixpath.normpath(path)
    return "" if plain == "." else plain


def split_by_name(files: Sequence[str]) -> dict[str, list[str]]:
    """Return the files of each split by the words in their names, as `datasets` reads them.

    Shards `data/SPLIT-00000-of-00001.parquet` name any split; else folders named after train,
    validation or test; else files so named; else everything is "train".
    """
    splits: dict[str, list[str]] = {}
    for file in files:
        if shard := SHARD.fullmatch(file):
            splits.setdefault(shard[1], []).append(file)
    return (
        splits
        or _by_words(files, _folder_names, "$")
        or _by_words(files, _file_name, "")
        or {"train": list(files)}
    )


def _by_words(files: Sequence[str], names_of, end: str) -> dict[str, list[str]]:  # noqa: ANN001
    after = f"(?:{SEPARATOR}.*|{end})" if end else f"{SEPARATOR}.*"
    splits = {}
    for split, words in KEYWORDS.items():
        named = re.compile(f"(?:.*{SEPARATOR})?(?:{'|'.join(words)}){after}", re.DOTALL)
        found = [file for file in files if any(named.fullmatch(name) for name in names_of(file))]
        if found:
            splits[split] = found
    return splits


def _folder_names(file: str) -> list[str]:
    return file.split("/")[:-1]


def _file_name(file: str) -> list[str]:
    return file.split("/")[-1:]


def _matching(files: Sequence[str], pattern: str, readme: str, left_out: str) -> list[str]:
    plain = path_inside(pattern, readme)
    if WILDCARDS.search(plain):
        parts = [part for part in plain.split("/")]
        found = [file for file in files if _matches(file.split("/"), parts)]
    else:
        found = [file for file in files if file == plain]
    if not found:
        raise DataError(
            f'{readme} names "{shown(pattern)}", but no Parquet file of the folder that can be read '
            f"has such a name: correct it, or add the file.{left_out}"
        )
    return found


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Whether a path matches, part by part; "**" stands for any number of parts.

    `reached` holds the counts of parts that the pattern so far can stand for, so that no pattern
    takes longer than its length times that of the path.
    """
    reached = {0}
    for glob in pattern:
        if glob == "**":
            reached = set(range(min(reached, default=len(parts) + 1), len(parts) + 1))
        else:
            reached = {
                n + 1 for n in reached if n < len(parts) and fnmatch.fnmatchcase(parts[n], glob)
            }
    return len(parts) in reached
