"""Read the subsets and class names that the README of a data folder declares."""

import itertools
import re
from dataclasses import dataclass, field
from typing import BinaryIO

from intent.data.files import shown
from intent.errors import DataError

MAX_HEADER_BYTES = 1_000_000  # of YAML; a thousand subsets take about 300 kB
MAX_DEPTH = 24  # of nested lists and mappings; a data set card has about ten
MAX_VALUES = 200_000  # words, lists and mappings; about as many as in a megabyte of ordinary YAML
HEADER = re.compile(r"\s*---[ \t]*\r?\n(.*?)\r?\n---[ \t]*(?:\r?\n|$)", re.DOTALL)

Yaml = str | list["Yaml"] | dict[str, "Yaml"]  # numbers and dates stay text


@dataclass(frozen=True)
class Subset:
    """A declared subset (config) of a data set."""

    patterns: dict[str, tuple[str, ...]]  # split → patterns of files; empty: splits by file names
    folder: str = ""  # of its files, within the data folder
    is_default: bool = False


@dataclass(frozen=True)
class Card:
    """The declarations in a README; empty for a folder without one."""

    subsets: dict[str, Subset] = field(default_factory=dict)
    # subset → column → class names in the order of their ids
    class_names: dict[str, dict[str, tuple[str, ...]]] = field(default_factory=dict)


def read_card(file: BinaryIO, folder: str) -> Card:
    """Return the declarations in the YAML header of a README; raises DataError for invalid ones.

    The keys are those of the Hub: https://huggingface.co/docs/hub/datasets-manual-configuration
    """
    readme = f'The README.md of "{folder}"'
    text = file.read(MAX_HEADER_BYTES + 1).decode("utf-8-sig", "replace")
    found = HEADER.match(text)
    if not found:
        if text.lstrip().startswith("---\n") and len(text) >= MAX_HEADER_BYTES:
            raise DataError(
                f"{readme} should have at most {MAX_HEADER_BYTES:,} bytes of YAML, but has more: "
                "shorten it."
            )
        return Card()
    values = _parse(found[1], readme)
    if not isinstance(values, dict):
        return Card()
    declared = values.get("configs") or []
    if not isinstance(declared, list):
        raise _invalid(readme, "configs", "a list", declared)
    subsets = dict(_subset(entry, readme) for entry in declared)
    return Card(subsets, _class_names(values.get("dataset_info") or []))


def _parse(text: str, readme: str) -> Yaml:
    """Return the YAML as text, lists and mappings.

    Checks depth and size before building anything, and refuses aliases, which repeat a part: a
    kilobyte of them can expand to gigabytes.
    """
    import yaml

    loader = getattr(
        yaml, "CBaseLoader", yaml.BaseLoader
    )  # "base": no numbers, dates or merge keys
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
                    f"{readme} should have YAML without aliases, at most {MAX_DEPTH} levels deep "
                    f"and of at most {MAX_VALUES:,} values, but does not."
                )
        return yaml.load(text, Loader=loader)  # noqa: S506 - the base loader creates only text
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise DataError(f"{readme} should begin with valid YAML, but {reason}.") from error


def _subset(entry: Yaml, readme: str) -> tuple[str, Subset]:
    if not isinstance(entry, dict) or not isinstance(entry.get("config_name"), str):
        raise _invalid(readme, "each of its configs", "a mapping with a config_name", entry)
    folder = entry.get("data_dir") or ""
    if not isinstance(folder, str):
        raise _invalid(readme, "data_dir", "the path of a folder", folder)
    patterns = _patterns(entry.get("data_files") or {}, readme)
    is_default = str(entry.get("default")).lower() == "true"
    return str(entry["config_name"]), Subset(patterns, folder, is_default)


def _patterns(files: Yaml, readme: str) -> dict[str, tuple[str, ...]]:
    """Return the patterns of each split, from any form of data_files."""
    if isinstance(files, dict):
        return {split: _paths(paths, readme) for split, paths in files.items()}
    if isinstance(files, str) or all(isinstance(entry, str) for entry in files):
        return {"train": _paths(files, readme)}
    patterns: dict[str, tuple[str, ...]] = {}
    for entry in files:
        split = entry.get("split") if isinstance(entry, dict) else None
        if not isinstance(entry, dict) or not isinstance(split, str) or split in patterns:
            raise _invalid(readme, "data_files", "a list of {split, path}, each split once", entry)
        patterns[split] = _paths(entry.get("path") or [], readme)
    return patterns


def _paths(paths: Yaml, readme: str) -> tuple[str, ...]:
    listed = [paths] if isinstance(paths, str) else paths
    if not isinstance(listed, list) or not listed:
        raise _invalid(readme, "path", "the path of a file, or a list of them", paths)
    found = tuple(path for path in listed if isinstance(path, str))
    if len(found) < len(listed):
        other = next(path for path in listed if not isinstance(path, str))
        raise _invalid(readme, "path", "the path of a file, or a list of them", other)
    return found


def _class_names(infos: Yaml) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return the class names by subset and column, from `dataset_info` of one or several subsets."""
    entries = [infos] if isinstance(infos, dict) else infos
    names: dict[str, dict[str, tuple[str, ...]]] = {}
    for info in entries if isinstance(entries, list) else []:
        if not isinstance(info, dict) or not isinstance(info.get("features"), list):
            continue
        columns = names.setdefault(str(info.get("config_name") or "default"), {})
        for column in info["features"]:
            declared = _value_at(column, "dtype", "class_label", "names")
            if isinstance(declared, dict):  # by id: {'0': first, '1': second}
                ids = [str(number) for number in range(len(declared))]
                declared = [declared[n] for n in itertools.takewhile(declared.__contains__, ids)]
            if isinstance(declared, list):
                texts = tuple(name for name in declared if isinstance(name, str))
                if len(texts) == len(declared):
                    columns[str(_value_at(column, "name"))] = texts
    return names


def _value_at(value: Yaml, *keys: str) -> Yaml | None:
    found: Yaml | None = value
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _invalid(readme: str, key: str, expected: str, found: Yaml) -> DataError:
    # Not the whole value, which may be as long as the README.
    words = f'"{shown(found)}"' if isinstance(found, str) else f"a {type(found).__name__}"
    return DataError(f"{readme} should have {expected} as {key}, but has {words}.")
