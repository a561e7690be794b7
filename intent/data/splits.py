"""Assign the files of a data folder to splits, by patterns in its README or by their names."""

import fnmatch
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from intent.data.files import shown
from intent.errors import DataError

MAX_PATTERNS = 300  # of one subset: each is compared with every file name
MAX_PATTERN_CHARACTERS = 1024
WILDCARDS = re.compile(r"[*?\[]")
URL = re.compile(r"://|::|^(file|hf|https?|ftp|s3|gs):", re.IGNORECASE)
ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:[/\\]")

# Words and order as in `datasets` (data_files.py: SPLIT_KEYWORDS).
KEYWORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "dev", "val"),
    "test": ("test", "testing", "eval", "evaluation"),
}
SEPARATOR = "[-._ 0-9]"
# The name of a split folder, such as "Train", "test_set" or "dev2"; "test drive" may be a label.
PART_NAME = re.compile(
    "(?:"
    + "|".join(f"(?P<{part}>{'|'.join(words)})" for part, words in KEYWORDS.items())
    + r")(?:[-._ ]?(?:set|data|dataset|split|part|audio|clips|files|\d+))?",
    re.IGNORECASE,
)
SHARD = re.compile(r"data/([^/]+)-\d{5}-of-\d{5}[^/]*\.[^/]*")


def part_called(name: str) -> str | None:
    """Return the split ("train", "validation" or "test") that this is a usual name of, or None."""
    found = PART_NAME.fullmatch(name.strip())
    return found.lastgroup if found else None


def parts_called(names: Iterable[str]) -> dict[str, str | None]:
    """Return the split of each name; "eval" is the validation split if there is also a "test"."""
    parts = {name: part_called(name) for name in names}
    evaluations = [
        n for n, part in parts.items() if part == "test" and n.lower().startswith("eval")
    ]
    if len(evaluations) < sum(part == "test" for part in parts.values()):
        parts.update(dict.fromkeys(evaluations, "validation"))
    return parts


def uses_of(parts: Sequence[tuple[str, str]]) -> list[str]:
    """Return the use of each split (locale, name): "train", "test", "all", or "" for none."""
    named: dict[str, list[str]] = {}
    for locale, name in parts:
        named.setdefault(locale, []).append(name)
    kinds = {locale: parts_called(names) for locale, names in named.items()}
    tested: dict[str, str] = {}
    for locale, own in kinds.items():
        if "train" not in own.values() or not {"test", "validation"} & {*own.values()}:
            return ["all"] * len(parts)
        tested[locale] = "test" if "test" in own.values() else "validation"
    found = [(kinds[locale][name], tested[locale]) for locale, name in parts]
    return ["test" if kind == test else "train" if kind == "train" else "" for kind, test in found]


def folder_part(path: str) -> str | None:
    """Return the name of the innermost folder of a path that is named after a split, or None."""
    return next((name for name in reversed(_folder_names(path)) if part_called(name)), None)


def are_part_names(labels: Sequence[str]) -> bool:
    """Return whether all labels are names of splits: the layout was not recognized."""
    parts = {part_called(label) for label in labels}
    words = {word for several in KEYWORDS.values() for word in several}
    return None not in parts and (
        len(parts) > 1 or all(label.strip().lower() in words for label in labels)
    )


def files_by_split(
    files: Sequence[str], patterns: Mapping[str, Sequence[str]], readme: str, left_out: str = ""
) -> dict[str, list[str]]:
    """Return the files that match the patterns of each split, without access to the disk.

    Raises DataError for a pattern outside of the folder or without a match; `left_out`, a sentence
    about the files that are not read, is appended.
    """
    if sum(len(several) for several in patterns.values()) > MAX_PATTERNS:
        raise DataError(
            f"{readme} should have at most {MAX_PATTERNS} patterns per subset, but has more: "
            "use * in them."
        )
    splits: dict[str, list[str]] = {}
    for split, several in patterns.items():
        found: dict[str, None] = {}
        for pattern in several:
            found.update(dict.fromkeys(_matching(files, pattern, readme, left_out)))
        splits[split] = list(found)
    return splits


def path_inside(path: str, readme: str) -> str:
    """Return a pattern or path of a README, normalized; raises DataError if it leaves the folder."""
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
            "move the files into the folder and use relative paths."
        )
    plain = posixpath.normpath(path)
    return "" if plain == "." else plain


def split_by_name(files: Sequence[str]) -> dict[str, list[str]]:
    """Return the files of each split by the words in their names, as `datasets` does.

    In this order: shards `data/SPLIT-00000-of-00001.parquet` of any split; folders named after
    train, validation or test; files with such names; or else all files are "train". Unlike in
    `datasets`, case is ignored, and a file is in one split only: that of its innermost folder.
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


def _by_words(
    files: Sequence[str], names_of: Callable[[str], list[str]], end: str
) -> dict[str, list[str]]:
    after = f"(?:{SEPARATOR}.*|{end})" if end else f"{SEPARATOR}.*"
    kinds = {
        split: re.compile(
            f"(?:.*{SEPARATOR})?(?:{'|'.join(words)}){after}", re.DOTALL | re.IGNORECASE
        )
        for split, words in KEYWORDS.items()
    }
    splits: dict[str, list[str]] = {split: [] for split in KEYWORDS}
    for file in files:
        for name in reversed(names_of(file)):
            if split := next((x for x, named in kinds.items() if named.fullmatch(name)), ""):
                splits[split].append(file)
                break
    return {split: found for split, found in splits.items() if found}


def _folder_names(file: str) -> list[str]:
    return file.split("/")[:-1]


def _file_name(file: str) -> list[str]:
    return file.split("/")[-1:]


def _matching(files: Sequence[str], pattern: str, readme: str, left_out: str) -> list[str]:
    plain = path_inside(pattern, readme)
    if WILDCARDS.search(plain):
        parts = plain.split("/")
        found = [file for file in files if _matches(file.split("/"), parts)]
    else:
        found = [file for file in files if file == plain]
    if not found:
        raise DataError(
            f'{readme} names "{shown(pattern)}", but the folder has no readable Parquet file that '
            f"matches: correct the pattern, or add the file.{left_out}"
        )
    return found


def _matches(parts: list[str], pattern: list[str]) -> bool:
    """Return whether a path matches a pattern, part by part; "**" matches any number of parts.

    At the end of a pattern it matches one part or more, as in fsspec: "a/**" is what "a" contains.
    `reached` is the set of part counts that the pattern can match so far, which limits the time to
    the length of the pattern times that of the path.
    """
    reached = {0}
    for at, glob in enumerate(pattern, start=1):
        if glob == "**":
            first = min(reached, default=len(parts) + 1) + (at == len(pattern))
            reached = set(range(first, len(parts) + 1))
        else:
            reached = {
                n + 1 for n in reached if n < len(parts) and fnmatch.fnmatchcase(parts[n], glob)
            }
    return len(parts) in reached
