"""The files of a data folder: a list made once, in which no name leads out of the folder."""

import errno
import os
import posixpath
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from intent.errors import AudioError, DataError

MAX_FILES = 500_000  # files and folders in one data folder: listing them takes seconds, 100 MB
MAX_DEPTH = 32  # folders inside one another; deeper ones are a mistake, such as a copied loop
LISTED = 3  # names in a sentence that tells of more

REPOSITORY_FOLDER = re.compile(r"(datasets|models|spaces)--.+")  # of the Hub cache
SHARED_BLOBS_MARKER = ".huggingface-shared-blobs"  # huggingface_hub/utils/_shared_blobs.py

LeftOut = tuple[str, str]  # a path in the folder, and why it is not read


@dataclass(frozen=True)
class Listing:
    """The regular files of a data folder, without hidden ones."""

    folder: Path  # as it was named
    root: Path  # the same, absolute and free of links
    files: dict[str, str] = field(
        default_factory=dict
    )  # path in the folder: target of a link, or ""
    folders: set[str] = field(default_factory=set)  # paths in the folder
    left_out: list[LeftOut] = field(default_factory=list)

    def real_path(self, name: str) -> str:
        """Return the absolute path of a listed file, free of links."""
        return self.files[name] or posixpath.join(self.root.as_posix(), name)

    def find(self, path: str, beside: str = "") -> str | None:
        """Return the listed file that a path of a row names, or None.

        A relative path is taken from the data folder, else from the folder of the file `beside`.
        """
        for start in (self.root.as_posix(), self.folder.absolute().as_posix()):
            if path.startswith(f"{start}/"):
                path = path[len(start) + 1 :]
                break
        for parent in ("", posixpath.dirname(beside)):
            name = posixpath.normpath(posixpath.join(parent, path))
            if name in self.files:
                return name
        return None

    def left_out_note(self) -> str:
        """Return a sentence, after a space, on what was left out; "" where nothing was."""
        if not self.left_out:
            return ""
        shown = "; ".join(f'"{name}" {reason}' for name, reason in self.left_out[:LISTED])
        more = len(self.left_out) - LISTED
        return f" Not read: {shown}{f'; and {more} more' if more > 0 else ''}."


def list_files(folder: Path) -> Listing:
    """Return the regular files of a folder, in sorted order; none of them is opened.

    A link to a file is followed where its target lies inside the folder, or among the blobs of
    the Hub cache snapshot that the folder is. Everything else that is no file is left out.
    Raises OSError where the folder itself cannot be listed, DataError where it holds too much.
    """
    root = folder.resolve()
    listing = Listing(folder, root)
    homes = tuple(f"{str(home).rstrip(os.sep)}{os.sep}" for home in (root, *_blob_folders(root)))
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        inner = []
        for name, entry in _entries(listing, parent):
            if len(listing.files) + len(listing.folders) + len(listing.left_out) >= MAX_FILES:
                raise DataError(
                    f'A data folder should hold at most {MAX_FILES:,} files, but "{folder}" holds '
                    "more: name a folder that holds the data set alone, or write it as Parquet."
                )
            if _add(listing, name, entry, homes):
                inner.append(name)
        waiting.extend(reversed(inner))
    return listing


def open_file(path: str) -> BinaryIO:
    """Open a regular file by an absolute path in which no part may be a link.

    So a file or a folder that was swapped for a link since the path was resolved is not followed.
    Raises OSError.
    """
    descriptor = _open_without_links(path)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        return open(path, "rb", opener=lambda *_: descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def open_clip(path: str) -> BinaryIO:
    """Open the sound file that a row names by its real path; raises AudioError.

    A path that is not absolute stands for one that is not among the files of the data folder.
    """
    name = f'The recording "{shown(posixpath.basename(path))}"'
    if not os.path.isabs(path):
        raise AudioError(
            f"{name} is not among the files of its data folder, which alone are read. Put it into "
            "the folder, or store its bytes in the Parquet file."
        )
    try:
        return open_file(path)
    except FileNotFoundError:
        raise AudioError(f"{name} was not found. Check its path and try again.") from None
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        is_link = code in (errno.ELOOP, errno.ENOTDIR)
        reason = "a link has taken its place" if is_link else getattr(error, "strerror", error)
        raise AudioError(f"{name} cannot be opened ({reason}). Choose another file.") from error


def shown(name: str) -> str:
    """Return a file's name on one line, at most 80 characters long and valid as UTF-8."""
    text = " ".join(name.encode("utf-8", "backslashreplace").decode().split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_utf8(name: str) -> bool:
    """Tell whether a name can be stored and shown: one of other bytes is no text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _entries(listing: Listing, parent: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """The entries of one folder that are not hidden, by path in the data folder."""
    try:
        with os.scandir(listing.root / parent) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        if not parent:
            raise
        listing.left_out.append((parent, f"cannot be listed ({error.strerror})"))
        return
    for entry in entries:
        if not entry.name.startswith("."):
            yield posixpath.join(parent, entry.name), entry


def _add(listing: Listing, name: str, entry: os.DirEntry[str], homes: tuple[str, ...]) -> bool:
    """Put an entry where it belongs, and tell whether it is a folder to list as well."""
    reason = ""
    try:
        if not is_utf8(name):
            reason = "has a name that is not UTF-8"
        elif entry.is_symlink():
            listing.files[name] = _target(entry.path, homes)
        elif entry.is_dir():
            if name.count("/") + 1 < MAX_DEPTH:
                listing.folders.add(name)
                return True
            reason = f"lies more than {MAX_DEPTH} folders deep"
        elif entry.is_file():
            listing.files[name] = ""
        else:
            reason = "is a pipe, a socket or a device, not a file"
    except OSError as error:
        reason = str(error.strerror or error)
    if reason:
        listing.left_out.append((shown(name), reason))
    return False


def _target(link: str, homes: tuple[str, ...]) -> str:
    """The file that a link leads to; raises OSError, its text the reason why it is not followed."""
    try:
        target = os.path.realpath(link, strict=True)
    except OSError as error:
        why = "in a circle" if error.errno == errno.ELOOP else "nowhere"
        raise OSError(error.errno, f"is a link that leads {why}") from None
    if not target.startswith(homes):
        raise OSError(errno.EPERM, "is a link that leads out of the folder")
    mode = os.lstat(target).st_mode
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "is a link to a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is a link to a pipe, a socket or a device")
    if not is_utf8(target):
        raise OSError(errno.EINVAL, "is a link to a name that is not UTF-8")
    return target


def _blob_folders(root: Path) -> Iterator[Path]:
    """Where the Hub cache keeps the files of a snapshot, for a folder that is one or lies in one.

    Layout: CACHE/datasets--OWNER--NAME/snapshots/REVISION/FILE links to ../../blobs/HASH, which
    may itself be a link into CACHE/blobs, shared by all repositories.
    """
    for snapshots in root.parents:
        repository = snapshots.parent
        if snapshots.name != "snapshots" or not REPOSITORY_FOLDER.fullmatch(repository.name):
            continue
        shared = repository.parent / "blobs"
        for blobs in (repository / "blobs", shared):
            is_ours = blobs != shared or (shared / SHARED_BLOBS_MARKER).is_file()
            if is_ours and blobs.is_dir() and not blobs.is_symlink():
                yield blobs


def _open_without_links(path: str) -> int:
    # O_NONBLOCK: to open a pipe that nobody writes to would wait for ever
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    if os.open not in os.supports_dir_fd:  # Windows
        if os.path.realpath(path) != path:
            raise OSError(errno.ELOOP, "it is a link")
        return os.open(path, flags | getattr(os, "O_BINARY", 0))
    start, *folders, name = Path(path).parts
    flags |= os.O_NOFOLLOW
    step = os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | getattr(os, "O_PATH", os.O_RDONLY)
    parent = os.open(start, step)
    try:
        for folder in folders:
            child = os.open(folder, step, dir_fd=parent)
            os.close(parent)
            parent = child
        return os.open(name, flags, dir_fd=parent)
    finally:
        os.close(parent)
