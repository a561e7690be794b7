"""Explain disk and folder errors: the kind, the folder, and what to do."""

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
from intent.writable import UNDER_HF_HOME, hugging_face_folder, write_problem

Shortage = Literal["full", "quota", "limit"]

SHORTAGES: dict[int, Shortage] = {
    errno.ENOSPC: "full",
    errno.EDQUOT: "quota",
    errno.EFBIG: "limit",
}
# safetensors, torch.save, numpy and Arrow include the system's reason only in their message.
IN_MESSAGE: dict[Shortage, re.Pattern[str]] = {
    "quota": re.compile(r"disk quota exceeded|os error 122\b", re.IGNORECASE),
    "limit": re.compile(r"file too large|os error 27\b", re.IGNORECASE),
    "full": re.compile(
        r"no space left|os error 28\b|[0-9]+ requested and [0-9]+ written", re.IGNORECASE
    ),
}
# Errors of torch.save without a reason.
WITHOUT_REASON = re.compile(
    r"PytorchStreamWriter failed writing|basic_ios::clear|inline_container.* unexpected pos"
)
NEARLY_FULL = 16_000_000  # bytes: less is too little for our files
UNWRITABLE = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.ENOENT)


def shortage(error: BaseException | None) -> Shortage | None:
    """Return the kind of disk shortage that caused an error: full, quota or limit; None for others."""
    for cause in causes_of(error):
        if isinstance(cause, OSError) and cause.errno in SHORTAGES:
            return SHORTAGES[cause.errno]
        for kind, words in IN_MESSAGE.items():
            if words.search(str(cause)):
                return kind
        if WITHOUT_REASON.search(str(cause)):
            unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
            return "full" if unlimited else "limit"
    return None


def full_folder(error: BaseException | None, usual: Path) -> Path:
    """Return the folder whose disk is full: the one in the error, or the most likely one.

    usual: the folder that is written to most, returned if the error does not indicate another.
    """
    for cause in causes_of(error):
        if isinstance(cause, OSError) and cause.errno in SHORTAGES and cause.filename:
            place = nearest(Path(os.fsdecode(cause.filename)))
            return usual if place.is_relative_to(usual) else place
    if shortage(error) != "full":
        return usual  # no system call returns the remainder of a quota or a limit
    if shutil.disk_usage(nearest(usual)).free >= NEARLY_FULL:
        for place in (cache_dir(), hugging_face_folder(), Path(tempfile.gettempdir())):
            if shutil.disk_usage(nearest(place)).free < NEARLY_FULL:
                return nearest(place)
    return usual


def shortage_message(error: BaseException | None, usual: Path) -> str:
    """Return a sentence about the disk shortage that caused an error."""
    place = full_folder(error, usual)
    return {
        "quota": f"Your quota on the disk that holds {place} is used up.",
        "limit": f"A file in {place} has reached the file size limit.",
    }.get(shortage(error) or "full", f"The disk that holds {place} is full.")


def how_to_move(place: Path) -> str:
    """Return how to move a cache folder to another disk: "set NAME to ...", or ""."""
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
    """Return a sentence if a full disk or an unwritable folder caused an error, else None.

    usual: the folder to name if the error names none.
    """
    if shortage(error):
        usual = usual or hugging_face_folder()
        if shortage(error) == "limit":
            return (
                f"{shortage_message(error, usual)} Lift that limit (ulimit -f) or use another disk."
            )
        other = how_to_move(full_folder(error, usual))
        return (
            f"{shortage_message(error, usual)} Free some space{f', or {other}' if other else ''}."
        )
    for cause in causes_of(error):
        if isinstance(cause, OSError) and cause.errno in UNWRITABLE and cause.filename:
            place = Path(os.path.abspath(os.fsdecode(cause.filename))).parent
            if reason := write_problem(place):
                other = how_to_move(place).replace("a folder on another disk", "a writable folder")
                return (
                    f"The folder {place} is not writable ({reason}): change its permissions, or "
                    f"{other or 'choose another folder'}."
                )
    return None


def same_disk(one: Path, other: Path) -> bool:
    """Return whether two folders, which may not exist yet, are on the same disk."""
    return nearest(one).stat().st_dev == nearest(other).stat().st_dev


def nearest(path: Path) -> Path:
    """Return the nearest existing folder of a path: the path itself if it is one."""
    place = Path(os.path.abspath(path))
    while not place.is_dir() and place != place.parent:
        if place.is_file():  # the path, or a file where a folder should be
            return place.parent
        place = place.parent
    return place
