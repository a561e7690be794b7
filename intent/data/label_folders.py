"""Read the labels and splits of audio files from the names of their folders."""

import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from intent.data.file_rows import FileRow
from intent.data.files import LeftOut, Listing, open_file, shown
from intent.data.splits import are_part_names, parts_called
from intent.errors import DataError

Folders = tuple[str, ...]

NOISE_FOLDER = "_background_noise_"  # of Speech Commands: minutes of noise, not an intent
LISTS = {"validation_list.txt": "validation", "testing_list.txt": "test"}  # of Speech Commands
MAX_LIST_BYTES = 64 << 20  # of one list of paths: 500,000 paths of 128 bytes


@dataclass
class FolderRows:
    """The clips of label folders, and sentences on what is not used."""

    rows: dict[str, list[FileRow]] = field(default_factory=dict)  # by split, as its folder is named
    notes: list[LeftOut] = field(default_factory=list)


def label_folder_rows(listing: Listing, clips: Iterable[str]) -> FolderRows:
    """Return the clips of a folder per label, by split if there are split folders.

    A folder that encloses all others, or all others of a split, is ignored. Uses the split lists
    of Speech Commands. Raises DataError if split folders and label folders are mixed.
    """
    result = FolderRows()
    folders = _without_noise({name: tuple(name.split("/")[:-1]) for name in clips}, result.notes)
    part_of, labels = _parts_and_labels(listing, folders)
    unlabeled = [name for name in folders if not labels[name]]
    result.notes.extend(_without_label(unlabeled))
    labeled = [name for name in folders if labels[name]]
    if len({part_of[name] for name in labeled}) == 1:
        part_of.update(_listed_parts(listing, labeled, labels))
    for name in labeled:
        row = FileRow(name, listing.real_path(name), labels[name][0])
        result.rows.setdefault(part_of[name], []).append(row)
    return result


def has_label_folders(listing: Listing, clips: Iterable[str]) -> bool:
    """Return whether the folders of audio files are at least two labels."""
    rows = label_folder_rows(listing, clips).rows.values()
    labels = sorted({row.label or "" for several in rows for row in several})
    return len(labels) > 1 and not are_part_names(labels)


def _parts_and_labels(
    listing: Listing, folders: Mapping[str, Folders]
) -> tuple[dict[str, str], dict[str, Folders]]:
    """Return the split of each clip ("all": no splits), and its folders from the label down."""
    below = _without_wrapper(folders)
    parts = parts_called({inner[0] for inner in below.values() if inner})
    deep = {inner[0] for inner in below.values() if len(inner) > 1}  # folders with folders of clips
    if parts and all(parts.values()) and deep:
        labels = _without_wrapper({name: inner[1:] for name, inner in below.items() if inner})
        part_of = {name: below[name][0] for name in labels}
        return part_of, {name: labels.get(name, ()) for name in folders}
    _check_not_mixed(listing, parts, below)
    inside = parts_called({inner[1] for inner in below.values() if len(inner) > 1})
    if len({*inside.values()} - {None}) > 1 and None not in inside.values():
        if all(len(inner) > 1 for inner in below.values()):  # parts within each label
            return {name: inner[1] for name, inner in below.items()}, below
    return dict.fromkeys(folders, "all"), below


def _without_wrapper(folders: Mapping[str, Folders]) -> dict[str, Folders]:
    """Return the folders of each clip without those that enclose all labels or splits."""
    below = dict(folders)
    while True:
        tops = {inner[0] for inner in below.values() if inner}
        if len(tops) != 1 or any(parts_called(tops).values()):
            return below
        seconds = {inner[1] for inner in below.values() if len(inner) > 1}
        has_clips = any(len(inner) == 1 for inner in below.values())
        if not seconds or (has_clips and len(seconds) == 1):
            return below
        below = {name: inner[1:] for name, inner in below.items()}


def _check_not_mixed(
    listing: Listing, parts: Mapping[str, str | None], below: Mapping[str, Folders]
) -> None:
    """Raise DataError if split folders with label folders are next to other folders."""
    inner = {folders[:2] for folders in below.values() if len(folders) > 1}
    labels = Counter(top for top, _ in inner)
    divided = sorted(top for top, part in parts.items() if part and labels[top] > 1)
    others = sorted(top for top, part in parts.items() if not part)
    if divided and others:
        raise DataError(
            f'"{listing.folder}" should have either split folders or label folders, but has both: '
            f"{shown(', '.join(divided))} with label folders inside, and next to them "
            f"{shown(', '.join(others))}. Move the latter elsewhere, or into the split folders."
        )


def _without_noise(folders: Mapping[str, Folders], notes: list[LeftOut]) -> dict[str, Folders]:
    noise = Counter(
        "/".join(inner[: inner.index(NOISE_FOLDER) + 1])
        for inner in folders.values()
        if NOISE_FOLDER in inner
    )
    for folder, count in noise.items():
        reason = f'The folder "{shown(folder)}" contains noise, not an intent: {_not_used(count)}'
        notes.append((shown(folder), reason))
    return {name: inner for name, inner in folders.items() if NOISE_FOLDER not in inner}


def _without_label(names: Iterable[str]) -> Iterator[LeftOut]:
    for folder, count in Counter(map(posixpath.dirname, names)).items():
        place = f'the folder "{shown(folder)}"' if folder else "the data folder itself"
        reason = (
            f"Recordings should be in a folder named after their label, but these are in {place}: "
        )
        yield shown(folder) or "recordings without a label", reason + _not_used(count)


def _not_used(count: int) -> str:
    return f"{count:,} {'file is' if count == 1 else 'files are'} not used."


def _listed_parts(
    listing: Listing, names: Iterable[str], labels: Mapping[str, Folders]
) -> dict[str, str]:
    """Return the split of each clip by the lists of Speech Commands, if there are any.

    A list has one path per line, relative to the folder that contains the label folders. Raises
    DataError for a list that names none of the clips.
    """
    clip_of = {"/".join((*labels[name], posixpath.basename(name))): name for name in names}
    parts: dict[str, str] = {}
    for place in _around(next(iter(clip_of.values()), ""), labels):
        for file, part in LISTS.items():
            path = posixpath.join(place, file)
            if path in listing.files:
                parts.update(dict.fromkeys(_listed_clips(listing, path, clip_of), part))
    return {**dict.fromkeys(clip_of.values(), "train"), **parts} if parts else {}


def _around(name: str, labels: Mapping[str, Folders]) -> list[str]:
    """Return the folders that contain a clip's label folder, the innermost first."""
    above = name.split("/")[: -1 - len(labels[name])] if name else []
    return ["/".join(above[:count]) for count in range(len(above), -1, -1)]


def _listed_clips(listing: Listing, path: str, clip_of: Mapping[str, str]) -> list[str]:
    with open_file(listing.real_path(path)) as file:
        content = file.read(MAX_LIST_BYTES + 1)
    if len(content) > MAX_LIST_BYTES:
        raise DataError(
            f'The list "{shown(path)}" should have at most {MAX_LIST_BYTES >> 20} MB, but has more: '
            "shorten it."
        )
    lines = [line.strip() for line in content.decode("utf-8-sig", "replace").splitlines()]
    named = [posixpath.normpath(line.replace("\\", "/")) for line in lines if line]
    found = [clip_of[line] for line in named if line in clip_of]
    if named and not found:
        raise DataError(
            f'The list "{shown(path)}" should name recordings such as '
            f'"{shown(next(iter(clip_of)))}", but names none in this folder (first: '
            f'"{shown(named[0])}"): correct the list or remove it.'
        )
    return found
