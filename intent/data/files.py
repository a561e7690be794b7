"""List and open the files of a data folder, without following links out of it."""

import errno
import os
import posixpath
import re
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from pathlib import Path

from intent.errors import AudioError, DataError

MAX_FILES = 500_000  # files and folders in one data folder: listing them takes seconds and 100 MB
MAX_DEPTH = 32  # of nested folders; deeper nesting is a mistake, such as a copied loop
LISTED = 3  # names in an error about more files

REPOSITORY_FOLDER = re.compile(r"(datasets|models|spaces)--.+")  # in the cache of the Hub
SHARED_BLOBS_MARKER = ".huggingface-shared-blobs"  # huggingface_hub/utils/_shared_blobs.py

SYSTEM_FOLDERS = ("__MACOSX",)  # left by zip programs and file managers
SYSTEM_FILES = ("thumbs.db", "desktop.ini", "icon\r")


LeftOut = tuple[str, str]  # a path in the folder, and the reason why it is not read


@dataclass(frozen=True)
class Listing:
    """The regular files of a data folder, without hidden and system files."""

    folder: Path  # as the user named it
    root: Path  # the same folder, absolute and without links
    files: dict[str, str] = field(default_factory=dict)  # path in the folder → link target, or ""
    folders: set[str] = field(default_factory=set)  # paths in the folder
    left_out: list[LeftOut] = field(default_factory=list)

    def real_path(self, name: str) -> str:
        """Return the absolute path of a listed file, without links."""
        return self.files[name] or posixpath.join(self.root.as_posix(), name)

    def find(self, path: str, beside: str = "") -> str | None:
        """Return the listed file that a path in a row refers to, or None.

        A relative path starts at the data folder, or else at the folder of the file `beside`.
        """
        path = self.relative(path)
        for parent in ("", posixpath.dirname(beside)):
            name = posixpath.normpath(posixpath.join(parent, path))
            if name in self.files:
                return name
        return None

    def relative(self, path: str) -> str:
        """Return a path in the folder relative to it; other paths unchanged."""
        for start in (self.root.as_posix(), self.folder.absolute().as_posix()):
            if path.startswith(f"{start}/"):
                return path[len(start) + 1 :]
        return path

    def left_out_note(self) -> str:
        """Return a sentence about the files left out, with a leading space; "" if there are none."""
        if not self.left_out:
            return ""
        shown = "; ".join(f'"{name}" {reason}' for name, reason in self.left_out[:LISTED])
        more = len(self.left_out) - LISTED
        return f" Not read: {shown}{f'; and {more} more' if more > 0 else ''}."


def list_files(folder: Path) -> Listing:
    """Return the regular files of a folder in sorted order, without opening them.

    A link to a file is followed if its target is inside the folder or, for a snapshot in the
    cache of the Hub, among the blobs of that cache. Everything else that is not a file is left out.
    Raises OSError if the folder cannot be listed, and DataError if it has too many files.
    """
    root = folder.resolve()
    listing = Listing(folder, root)
    homes = _homes(root)
    waiting = [""]
    while waiting:
        parent = waiting.pop()
        inner = []
        for name, entry in _entries(listing, parent):
            if len(listing.files) + len(listing.folders) + len(listing.left_out) >= MAX_FILES:
                raise DataError(
                    f'A data folder should have at most {MAX_FILES:,} files, but "{folder}" has '
                    "more: choose a folder with only the data set, or save it as Parquet."
                )
            if _add(listing, name, entry, homes):
                inner.append(name)
        waiting.extend(reversed(inner))
    return listing


def list_named(folder: Path, paths: Iterable[str]) -> Listing:
    """Return which of the named paths are files of a folder, by the rules of `list_files`.

    Does not list the folder, which may be large. Raises OSError.
    """
    root = folder.resolve()
    listing = Listing(folder, root)
    homes = _homes(root)
    for path in paths:
        name = posixpath.normpath(listing.relative(path).replace("\\", "/"))
        is_hidden = any(part.startswith(".") for part in name.split("/"))  # ".." as well
        if is_hidden or posixpath.isabs(name) or name in listing.files or not is_utf8(name):
            continue
        own = posixpath.join(root.as_posix(), name)
        try:
            target = _target(own, homes)
        except FileNotFoundError:
            continue
        except (OSError, ValueError) as error:
            listing.left_out.append((shown(name), str(getattr(error, "strerror", error))))
            continue
        listing.files[name] = "" if target == own else target
    return listing


def open_file(path: str) -> BufferedReader:
    """Open a regular file by an absolute path that contains no link.

    A file or folder that was replaced by a link after the path was resolved is not followed.
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


def open_clip(path: str) -> BufferedReader:
    """Open the audio file of a row by its real path; raises AudioError.

    A relative path marks a file that is not in the data folder.
    """
    name = f'The recording "{shown(posixpath.basename(path))}"'
    if not os.path.isabs(path):
        raise AudioError(
            f"{name} is not in its data folder, and files elsewhere are not read. Move it into the "
            "folder, or store its bytes in the Parquet file."
        )
    try:
        return open_file(path)
    except FileNotFoundError:
        raise AudioError(f"{name} was not found. Check its path and try again.") from None
    except (OSError, ValueError) as error:
        code = getattr(error, "errno", None)
        is_link = code in (errno.ELOOP, errno.ENOTDIR)
        reason = "it was replaced by a link" if is_link else getattr(error, "strerror", error)
        raise AudioError(f"{name} cannot be opened ({reason}). Choose another file.") from error


def shown(name: str) -> str:
    """Return the name of a file for an error: one line of UTF-8, at most 80 characters."""
    text = " ".join(name.encode("utf-8", "backslashreplace").decode().split())
    return text if len(text) <= 80 else f"{text[:77]}..."


def is_utf8(name: str) -> bool:
    """Return whether a name is valid UTF-8, so that it can be stored and displayed."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _homes(root: Path) -> tuple[str, ...]:
    """Return the folders that the files may be in, each with a trailing separator."""
    return tuple(f"{str(home).rstrip(os.sep)}{os.sep}" for home in (root, *_blob_folders(root)))


def _entries(listing: Listing, parent: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield the entries of a folder that are not hidden, with their paths in the data folder."""
    try:
        with os.scandir(listing.root / parent) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        if not parent:
            raise
        listing.left_out.append((parent, f"cannot be listed ({error.strerror})"))
        return
    for entry in entries:
        if not _is_systems(entry):
            yield posixpath.join(parent, entry.name), entry


def _is_systems(entry: os.DirEntry[str]) -> bool:
    """Return whether a file is hidden or was created by an operating system."""
    name = entry.name
    return name.startswith(".") or name in SYSTEM_FOLDERS or name.lower() in SYSTEM_FILES


def _add(listing: Listing, name: str, entry: os.DirEntry[str], homes: tuple[str, ...]) -> bool:
    """Add an entry to the listing, and return whether it is a folder to list too."""
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
            reason = f"is more than {MAX_DEPTH} folders deep"
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
    """Return the target of a link; raises OSError with the reason why it is not followed."""
    try:
        target = os.path.realpath(link, strict=True)
    except OSError as error:
        kind = "a circular link" if error.errno == errno.ELOOP else "a broken link"
        raise OSError(error.errno, f"is {kind}") from None
    if not target.startswith(homes):
        raise OSError(errno.EPERM, "is a link to a file outside of the folder")
    mode = os.lstat(target).st_mode
    if stat.S_ISDIR(mode):
        raise OSError(errno.EISDIR, "is a link to a folder")
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, "is a link to a pipe, a socket or a device")
    if not is_utf8(target):
        raise OSError(errno.EINVAL, "is a link to a name that is not UTF-8")
    return target


def _blob_folders(root: Path) -> Iterator[Path]:
    """Yield the blob folders of the Hub cache, for a folder that is a snapshot or within one.

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
    # O_NONBLOCK: opening a pipe without a writer would wait forever
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
