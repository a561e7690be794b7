"""Failures of disks and folders: what kind, of which folder, and what to do about it."""

import errno
import os
import re
import resource
import shutil
import tempfile
from pathlib import Path
from typing import Literal

from intent.errors import causes_of
from intent.paths import cache_dir
from intent.writable import UNDER_HF_HOME, hugging_face_folder, problem

Shortage = Literal["full", "quota", "limit"]

SHORTAGES: dict[int, Shortage] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "quota",
    errno.EFBIG: "limit",
}
# safetensors, torch.save, numpy and Arrow tell what the system said in words alone.
IN_WORDS: dict[Shortage, re.Pattern[str]] = {
    "quota": re.compile(r"disk quota exceeded|os error 122\b", re.IGNORECASE),
    "limit": re.compile(r"file too large|os error 27\b", re.IGNORECASE),
    "full": re.compile(
        r"no space left|os error 28\b|[0-9]+ requested and [0-9]+ written", re.IGNORECASE
    ),
}
# torch.save keeps the reason to itself.
IN_NO_WORDS = re.compile(
    r"PytorchStreamWriter failed writing|basic_ios::clear|inline_container.* unexpected pos"
)
NEARLY_FULL = 16_000_000  # bytes: a disk with less has no room for what is written here
BARRED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT)


def shortage(error: BaseException | None) -> Shortage | None:
    """Return how a disk takes no more, if a failure comes from that: full, a quota or a limit."""
    for cause in causes_of(error):
        if isinstance(cause, OSError) and cause.errno in SHORTAGES:
            return SHORTAGES[cause.errno]
        for kind, words in IN_WORDS.items():
            if words.search(str(cause)):
                return kind
        if IN_NO_WORDS.search(str(cause)):
            unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
            return "full" if unlimited else "limit"
    return None


def short_of(error: BaseException | None, usual: Path) -> Path:
    """Return the folder whose disk takes no more: what the failure names, or the likeliest.

    usual: the folder that is written to most; it is returned where nothing speaks for another.
    """
    for cause in causes_of(error):
        if isinstance(cause, OSError) and cause.errno in SHORTAGES and cause.filename:
            place = nearest(Path(os.fsdecode(cause.filename)))
            return usual if place.is_relative_to(usual) else place
    if shortage(error) != "full":
        return usual  # how much a user or a file may still take, no system call tells
    if shutil.disk_usage(nearest(usual)).free >= NEARLY_FULL:
        for place in (cache_dir(), hugging_face_folder(), Path(tempfile.gettempdir())):
            if shutil.disk_usage(nearest(place)).free < NEARLY_FULL:
                return nearest(place)
    return usual


def in_short(error: BaseException | None, usual: Path) -> str:
    """Return the first sentence on a disk that takes no more."""
    place = short_of(error, usual)
    return {
        "quota": f"Your quota on the disk that holds {place} is used up.",
        "limit": f"A file in {place} may not grow any larger (file size limit).",
    }.get(shortage(error) or "full", f"The disk that holds {place} is full.")


def way_out(place: Path) -> str:
    """Return how to have another disk take what fills this folder: "set NAME to ...", or ""."""
    chosen = [(Path(os.environ[name]), name) for name in UNDER_HF_HOME if os.environ.get(name)]
    for folder, variable in (
        *chosen,
        (cache_dir(), "INTENT_CACHE"),
        (hugging_face_folder(), "HF_HOME"),
        (Path(tempfile.gettempdir()), "TMPDIR"),
    ):
        if place.is_relative_to(folder):
            return f"set {variable} to a folder on another disk"
    return ""


def storage_problem(error: BaseException, usual: Path | None = None) -> str | None:
    """Return a sentence where a failure comes from a folder that takes nothing, and None elsewhere.

    usual: the folder that is written to where the failure names none.
    """
    if shortage(error):
        usual = usual or hugging_face_folder()
        if shortage(error) == "limit":
            return f"{in_short(error, usual)} Lift that limit (ulimit -f) or use another disk."
        other = way_out(short_of(error, usual))
        return f"{in_short(error, usual)} Free some space{f', or {other}' if other else ''}."
    for cause in causes_of(error):
        if isinstance(cause, OSError) and cause.errno in BARRED and cause.filename:
            place = Path(os.path.abspath(os.fsdecode(cause.filename))).parent
            if why := problem(place):
                other = way_out(place).replace("on another disk", "that can be written to")
                return (
                    f"The folder {place} cannot be written to ({why}): make it so, or "
                    f"{other or 'choose another one'}."
                )
    return None


def same_disk(one: Path, other: Path) -> bool:
    """Whether two folders, there or to be made, are on one disk."""
    return nearest(one).stat().st_dev == nearest(other).stat().st_dev


def nearest(path: Path) -> Path:
    """Return the folder that a path is in, or would be: the path itself where it is one."""
    place = Path(os.path.abspath(path))
    while not place.is_dir() and place != place.parent:
        if place.is_file():  # where a folder should be, or the file itself
            return place.parent
        place = place.parent
    return place
