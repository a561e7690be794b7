"""What the README of a data folder declares: its subsets, and the names of its classes."""

import itertools
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import BinaryIO

from intent.data.files import shown
from intent.errors import DataError

MAX_HEADER_BYTES = 1_000_000  # of YAML: that of a thousand subsets has some 300 kB
MAX_DEPTH = 24  # lists and mappings inside one another; a card has about ten
MAX_VALUES = 200_000  # words, lists and mappings: about what a megabyte of usual YAML holds
HEADER = re.compile(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)", re.DOTALL)

Yaml = str | list["Yaml"] | dict[str, "Yaml"]  # every plain value stays text


@dataclass(frozen=True)
class Subset:
    """One subset (config) of a data set, as declared."""

    patterns: dict[str, tuple[str, ...]]  # by split, of files; {}: by the names of the files
    folder: str = ""  # that of its files, in the data folder
    is_default: bool = False


@dataclass(frozen=True)
class Card:
    """What a README declares; a folder without one has an empty card."""

    subsets: dict[str, Subset] = field(default_factory=dict)
    # by subset and column: the class names in the order of their numbers
    class_names: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)


def read_card(file: BinaryIO, folder: str) -> Card:
    """Return what the YAML at the top of a README declares; raises DataError where it is wrong.

    The keys are those of the Hub: https://huggingface.co/docs/hub/datasets-manual-configuration
    """
    readme = f'The README.md of "{folder}"'
    text = file.read(MAX_HEADER_BYTES + 1).decode("utf-8-sig", "replace")
    found = HEADER.match(text)
    if not found:
        if text.lstrip().startswith("---\n") and len(text) >= MAX_HEADER_BYTES:
            raise DataError(
                f"{readme} should hold at most {MAX_HEADER_BYTES:,} bytes of YAML, but holds more: "
                "shorten it."
            )
        return Card()
    values = _parse(found[1], readme)
    if not isinstance(values, dict):
        return Card()
    declared = values.get("configs") or []
    if not isinstance(declared, list):
        raise _wrong(readme, "configs", "a list", declared)
    subsets = dict(_subset(entry, readme) for entry in declared)
    return Card(subsets, _class_names(values.get("dataset_info") or []))


def _parse(text: str, readme: str) -> Yaml:
    """The YAML as text, lists and mappings.

    Its depth and size are known before anything is built, and it may not repeat a part by an
    alias: a kilobyte of aliases can stand for gigabytes.
    """
    import yaml

    loader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)  # "base": no numbers, dates or merges
    depth = count = 0
    try:
        for event in yaml.parse(text, Loader=loader):
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            count += 1
            if isinstance(event, yaml.AliasEvent) or depth > MAX_DEPTH or count > MAX_VALUES:
                raise DataError(
                    f"{readme} should hold YAML without aliases, at most {MAX_DEPTH} levels deep "
                    f"and of at most {MAX_VALUES:,} values, but does not: write it more simply."
                )
        return yaml.load(text, Loader=loader)  # noqa: S506 - the base loader makes text alone
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{readme} should begin with YAML, but {reason}: correct it.") from error


def _subset(entry: Yaml, readme: str) -> tuple[str, Subset]:
    if not isinstance(entry, dict) or not isinstance(entry.get("config_name"), str):
        raise _wrong(readme, "each of its configs", "a mapping with a config_name", entry)
    folder = entry.get("data_dir") or ""
    if not isinstance(folder, str):
        raise _wrong(readme, "data_dir", "the path of a folder", folder)
    patterns = _patterns(entry.get("data_files") or {}, readme)
    is_default = str(entry.get("default")).lower() == "true"
    return str(entry["config_name"]), Subset(patterns, folder, is_default)


def _patterns(files: Yaml, readme: str) -> dict[str, tuple[str, ...]]:
    """The patterns by split, of data_files in any of its forms."""
    if isinstance(files, str):
        files = [files]
    if isinstance(files, dict):
        return {split: _paths(paths, readme) for split, paths in files.items()}
    if all(isinstance(entry, str) for entry in files):
        return {"train": _paths(files, readme)}
    patterns: dict[str, tuple[str, ...]] = {}
    for entry in files:
        split = entry.get("split") if isinstance(entry, dict) else None
        if not isinstance(split, str) or split in patterns:
            raise _wrong(readme, "data_files", "a list of {split, path}, each split once", entry)
        patterns[split] = _paths(entry.get("path") or [], readme)
    return patterns


def _paths(paths: Yaml, readme: str) -> tuple[str, ...]:
    several = [paths] if isinstance(paths, str) else paths
    if not isinstance(several, list) or not several:
        raise _wrong(readme, "path", "the path of a file, or a list of them", paths)
    for path in several:
        if not isinstance(path, str):
            raise _wrong(readme, "path", "the path of a file, or a list of them", path)
    return tuple(several)


def _class_names(infos: Yaml) -> dict[str, dict[str, tuple[str, ...]]]:
    """Names by subset and column, from `dataset_info`: of one subset, or a list of several."""
    entries = [infos] if isinstance(infos, dict) else infos
    names: dict[str, dict[str, tuple[str, ...]]] = {}
    for info in entries if isinstance(entries, list) else []:
        if not isinstance(info, dict) or not isinstance(info.get("features"), list):
            continue
        columns = names.setdefault(str(info.get("config_name") or "default"), {})
        for column in info["features"]:
            declared = _inside(column, "dtype", "class_label", "names")
            if isinstance(declared, Mapping):  # by number: {'0': first, '1': second}
                numbers = [str(number) for number in range(len(declared))]
                declared = [
                    declared[n] for n in itertools.takewhile(declared.__contains__, numbers)
                ]
            if isinstance(declared, list) and all(isinstance(name, str) for name in declared):
                columns[str(_inside(column, "name"))] = tuple(declared)
    return names


def _inside(value: Yaml, *keys: str) -> Yaml | None:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _wrong(readme: str, key: str, expected: str, found: Yaml) -> DataError:
    # not the whole value: it may be as long as the README
    words = f'"{shown(found)}"' if isinstance(found, str) else f"a {type(found).__name__}"
    return DataError(f"{readme} should have {expected} as {key}, but has {words}: correct it.")
