"""A disk that takes no more: how to tell, and what there is to free on it."""

import os
from pathlib import Path

from intent import storage
from intent.paths import cache_dir
from intent.runs.directory import RunDir
from intent.runs.trash import TRASH

WORTH_TELLING = 1_000_000  # bytes


def is_full(error: BaseException) -> bool:
    """Whether a failure comes from a disk that takes no more."""
    return storage.shortage(error) is not None


def full_message(run: RunDir, error: BaseException | None = None) -> str:
    """Return what to do about a disk that takes no more, with what there is to free on that disk."""
    place = storage.full_folder(error, run.path)
    has_model = run.model.is_dir() or run.old_model.is_dir()
    what = "The run's best checkpoint so far is kept." if has_model else "It had saved nothing yet."
    kept = f"{storage.shortage_message(error, run.path)} {what}"
    if storage.shortage(error) == "limit":
        return f"{kept} Lift that limit (ulimit -f) or use another disk, then resume the run."
    told = ", ".join(_to_free(run, place))
    other = "" if place.is_relative_to(run.path.parent) else storage.how_to_move(place)
    return (
        f"{kept} Free some space{f', such as {told},' if told else ''}"
        f"{f' or {other},' if other else ''} then resume the run."
    )


def runs_folder_message(runs: Path, error: OSError) -> str:
    """Return what is wrong with a runs folder that cannot be written to, and what to do."""
    choose = "choose another folder with INTENT_RUNS or --runs"
    if is_full(error):
        limit = storage.shortage(error) == "limit"
        room = "lift that limit (ulimit -f)" if limit else "free some space"
        return f"{storage.shortage_message(error, runs).rstrip('.')}: {room} or {choose}."
    blocking = next((path for path in (runs, *runs.parents) if path.is_file()), None)
    if blocking:
        return f"The runs folder {runs} cannot be made, for {blocking} is a file: {choose}."
    return (
        f"The runs folder {runs} cannot be written to ({error.strerror or error}): fix its "
        f"permissions or {choose}."
    )


def _to_free(run: RunDir, place: Path) -> list[str]:
    """What lies on the disk of a folder and can go, with its size."""
    runs = run.path.parent
    others = [path for path in runs.iterdir() if path not in (run.path, runs / TRASH)]
    found = (
        ([runs / TRASH], "the trash (empty it)"),
        ([cache_dir()], f"cached features in {cache_dir()} (made anew when needed)"),
        (others, f"other runs in {runs} (remove some and empty the trash)"),
    )
    sizes = [
        (sum(_size(path) for path in paths if storage.same_disk(path, place)), what)
        for paths, what in found
    ]
    return [f"{size / 1e6:.0f} MB of {what}" for size, what in sizes if size >= WORTH_TELLING]


def _size(path: Path) -> int:
    total = 0
    for folder, _, files in os.walk(path):
        for file in files:
            try:
                total += os.lstat(os.path.join(folder, file)).st_size
            except OSError:  # it went while we looked
                continue
    return total
