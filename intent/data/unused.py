"""Report the files of a data folder that are not used, several in one sentence."""

import posixpath
from collections.abc import Iterable, Iterator, Mapping

from intent.audio.suffixes import is_audio
from intent.data.files import LISTED, LeftOut, Listing, shown


def unused_files(listing: Listing, labels: Mapping[str, str]) -> Iterator[LeftOut]:
    """Yield a name and a sentence for the files in label folders that are not recordings.

    `labels` has the label of each clip that is used. Files with the same name as a clip, such as
    its transcript, and files outside the label folders are not reported.
    """
    companions = {posixpath.splitext(name)[0] for name in labels}
    folders = {_label_folder(name, label) for name, label in labels.items()}
    top_of = _tops(listing, folders)
    groups: dict[tuple[str, str], list[str]] = {}
    for name in listing.files:
        stem, suffix = posixpath.splitext(name)
        folder = top_of[posixpath.dirname(name)]
        if folder and not is_audio(name) and stem not in companions:
            groups.setdefault((folder, suffix), []).append(name)
    for (folder, suffix), names in sorted(groups.items()):
        why = f"{shown(suffix)} is not an audio suffix" if suffix else "it has no suffix"
        label = shown(posixpath.basename(folder))
        yield _first(names), f'{_count(names)} of label "{label}" {_not_used(names, why)}'
    filled = {top_of[posixpath.dirname(name)] for name in listing.files}
    for folder in sorted({*top_of.values()} - {"", *filled}):
        label, why = shown(posixpath.basename(folder)), "its folder has no readable recording"
        yield shown(folder), f'The label "{label}" was not used, because {why}.'


def unused_recordings(listing: Listing, paths: Iterable[str]) -> Iterator[LeftOut]:
    """Yield a name and a sentence for recordings next to Parquet files that no row refers to.

    `paths` are the paths or names in the rows.
    """
    named = {posixpath.basename(path.replace("\\", "/")) for path in paths}
    names = [
        name
        for name in listing.files
        if is_audio(name)
        and not {posixpath.basename(name), posixpath.basename(listing.real_path(name))} & named
    ]
    if names:
        why = "the data is in the Parquet files next to them, and no row refers to"
        why += " it" if len(names) == 1 else " them"
        yield _first(names), f"{_count(names)} {_not_used(names, why)}"


def _label_folder(name: str, label: str) -> str:
    """Return the folder of a clip that is named like its label."""
    folders = name.split("/")[:-1]
    return "/".join(folders[: folders.index(label) + 1]) if label in folders else ""


def _tops(listing: Listing, folders: set[str]) -> dict[str, str]:
    """Return the label folder (or a folder next to label folders) that each folder is in, or ""."""
    parents = {posixpath.dirname(folder) for folder in folders}
    tops = {"": ""}
    for folder in sorted(listing.folders):  # each folder comes after its parent
        parent = posixpath.dirname(folder)
        is_top = folder in folders or (parent in parents and not tops[parent])
        tops[folder] = folder if is_top else tops[parent]
    return tops


def _count(names: list[str]) -> str:
    return "1 file" if len(names) == 1 else f"{len(names):,} files"


def _first(names: list[str]) -> str:
    return f"{shown(names[0])}{' …' if len(names) > 1 else ''}"


def _not_used(names: list[str], why: str) -> str:
    listed = ", ".join(shown(posixpath.basename(name)) for name in names[:LISTED])
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"{'was' if len(names) == 1 else 'were'} not used, because {why}: {listed}{more}."
