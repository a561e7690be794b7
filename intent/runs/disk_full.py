"""Full disks: detect them, and list what can be freed."""

from pathlib import Path

from intent import storage
from intent.paths import cache_dir, folder_bytes
from intent.runs.directory import RunDir
from intent.runs.trash import TRASH

WORTH_LISTING = 1_000_000  # bytes


def is_full(error: BaseException) -> bool:
    """Return whether a failure comes from a full disk, a quota or a file size limit."""
    return storage.shortage(error) is not None


def full_message(run: RunDir, error: BaseException | None = None) -> str:
    """Return what to do about a full disk, with a list of what can be deleted."""
    place = storage.full_folder(error, run.path)
    has_model = run.model.is_dir() or run.old_model.is_dir()
    what = "The run's best checkpoint is kept." if has_model else "No checkpoint was saved yet."
    kept = f"{storage.shortage_message(error, run.path)} {what}"
    if storage.shortage(error) == "limit":
        return f"{kept} Lift that limit (ulimit -f) or use another disk, then resume the run."
    listed = ", ".join(_to_free(run, place))
    other = "" if place.is_relative_to(run.path.parent) else storage.how_to_move(place)
    return (
        f"{kept} Free some space{f', such as {listed},' if listed else ''}"
        f"{f' or {other},' if other else ''} then resume the run."
    )


def runs_folder_message(runs: Path, error: OSError) -> str:
    """Return why a runs folder cannot be written to, and what to do."""
    choose = "choose another folder with INTENT_RUNS or --runs"
    if is_full(error):
        limit = storage.shortage(error) == "limit"
        room = "lift that limit (ulimit -f)" if limit else "free some space"
        return f"{storage.shortage_message(error, runs).rstrip('.')}: {room} or {choose}."
    blocking = next((path for path in (runs, *runs.parents) if path.is_file()), None)
    if blocking:
        return f"The runs folder {runs} cannot be created because {blocking} is a file: {choose}."
    return (
        f"The runs folder {runs} cannot be written to ({error.strerror or error}): fix its "
        f"permissions or {choose}."
    )


def _to_free(run: RunDir, place: Path) -> list[str]:
    """Return what can be deleted on the disk of a folder, with its size."""
    runs = run.path.parent
    others = [path for path in runs.iterdir() if path not in (run.path, runs / TRASH)]
    found = (
        ([runs / TRASH], "the trash (empty it)"),
        ([cache_dir()], f"cached features in {cache_dir()} (computed again when needed)"),
        (others, f"other runs in {runs} (remove some and empty the trash)"),
    )
    sizes = [
        (sum(folder_bytes(path) for path in paths if storage.same_disk(path, place)), what)
        for paths, what in found
    ]
    return [f"{size / 1e6:.0f} MB of {what}" for size, what in sizes if size >= WORTH_LISTING]
