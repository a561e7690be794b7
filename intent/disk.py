"""A full disk: how to tell, and what there is to free."""

import errno
import os
import re
from pathlib import Path

from intent.paths import cache_dir
from intent.rundir import RunDir
from intent.trash import TRASH

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# safetensors and torch.save tell what the system said in words alone.
IN_WORDS = re.compile(
    r"no space left|disk quota exceeded|file too large|os error (28|122|27)\b"
    r"|PytorchStreamWriter failed writing|basic_ios::clear|inline_container.* unexpected pos",
    re.IGNORECASE,
)
WORTH_TELLING = 1_000_000  # bytes


def is_full(error: BaseException) -> bool:
    """Whether a failure comes from a disk that takes no more."""
    while error is not None:
        by_number = isinstance(error, OSError) and error.errno in FULL
        if by_number or IN_WORDS.search(str(error)):
            return True
        error = error.__cause__ or error.__context__
    return False


def full_message(run: RunDir) -> str:
    """Return what to do about a full disk, with what there is to free."""
    runs = run.path.parent
    others = [path for path in runs.iterdir() if path not in (run.path, runs / TRASH)]
    found = (
        (_size([runs / TRASH]), "the trash (empty it)"),
        (_size([cache_dir()]), f"cached features in {cache_dir()} (made anew when needed)"),
        (_size(others), f"other runs in {runs} (remove some and empty the trash)"),
    )
    told = ", ".join(
        f"{size / 1e6:.0f} MB of {what}" for size, what in found if size >= WORTH_TELLING
    )
    return (
        f"The disk that holds {run.path} is full. The run's best checkpoint so far is kept. Free "
        f"some space{f', such as {told},' if told else ''} then resume the run."
    )


def _size(paths: list[Path]) -> int:
    total = 0
    for path in paths:
        for folder, _, files in os.walk(path):
            for file in files:
                try:
                    total += os.lstat(os.path.join(folder, file)).st_size
                except OSError:  # it went while we looked
                    continue
    return total
