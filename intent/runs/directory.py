"""A run is a directory: its recipe, its events, and its results."""

import os
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from intent.errors import RecipeError, RunError
from intent.paths import RUN_ID, named
from intent.recipes import Recipe
from intent.runs.events import (
    Event,
    Failed,
    Finished,
    History,
    Saved,
    events_after,
    to_line,
)
from intent.runs.folding import fold

COMPLETE = "whole"  # the name of the file that marks a completely written checkpoint of Trainer

_histories: dict[Path, tuple[tuple[int, int], int, History]] = {}  # file id, offset, history
_histories_lock = threading.Lock()


@dataclass(frozen=True)
class RunDir:
    """The files of one run; creating a RunDir touches no file."""

    path: Path

    @property
    def id(self) -> str:
        """Return the run's id, which is the name of its folder."""
        return self.path.name

    @property
    def name(self) -> str:
        """Return the name given to the run, else one made of its preset and its base."""
        try:
            given = self.name_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError):
            given = ""
        return given or self._default_name()

    def _default_name(self) -> str:
        try:
            recipe = self.recipe()
        except RunError:
            return self.id
        base = Path(recipe.base)
        of_run = base.name == "model" and RUN_ID.fullmatch(base.parent.name)
        return f"{recipe.preset.capitalize()}, {base.parent.name if of_run else base.name}"

    @property
    def name_file(self) -> Path:
        """Return the file with the name given to the run; absent until it is renamed."""
        return self.path / "name"

    @property
    def owner_file(self) -> Path:
        """Return the file with the hash of the visitor's secret; the app owner's runs have none."""
        return self.path / "owner"

    @property
    def owner(self) -> str | None:
        """Return the hash of the visitor who started the run, "" if damaged; None: the app's owner."""
        try:
            return self.owner_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def recipe_file(self) -> Path:
        """Return the file with the recipe, which is written once."""
        return self.path / "recipe.json"

    @property
    def events_file(self) -> Path:
        """Return the file of events, one a line, which is only appended to."""
        return self.path / "events.jsonl"

    @property
    def model(self) -> Path:
        """Return the folder of the best checkpoint, which is moved into place when complete."""
        return self.path / "model"

    @property
    def new_model(self) -> Path:
        """Return the folder in which a checkpoint is written."""
        return self.path / "model.new"

    @property
    def old_model(self) -> Path:
        """Return the folder of the previous checkpoint, until the new one is in place."""
        return self.path / "model.old"

    @property
    def report_file(self) -> Path:
        """Return the file with the run's test results in JSON."""
        return self.path / "report.json"

    @property
    def split_file(self) -> Path:
        """Return the file with the clips of each part; absent in runs of earlier versions."""
        return self.path / "split.json"

    @property
    def checkpoints(self) -> Path:
        """Return the folder of the checkpoints of Trainer, from which training resumes."""
        return self.path / "checkpoints"

    @property
    def stop_file(self) -> Path:
        """Return the file that requests a stop by its existence."""
        return self.path / "stop"

    @property
    def queued_file(self) -> Path:
        """Return the file that marks the run as queued; its content, a time, sets the order."""
        return self.path / "queued"

    @property
    def lock_file(self) -> Path:
        """Return the file that the training process keeps locked for as long as it lives."""
        return self.path / "lock"

    @property
    def log_file(self) -> Path:
        """Return the file with the output of libraries and the traces of failures."""
        return self.path / "log.txt"

    def recipe(self) -> Recipe:
        """Return the recipe; raises RunError if it cannot be read."""
        try:
            return Recipe.from_json(self.recipe_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, RecipeError) as error:
            reason = str(error).rstrip(".")
            raise RunError(
                f"The recipe of run {self.id} cannot be read ({reason}): start a new run."
            ) from None

    def append(self, event: Event) -> None:
        """Append an event in one write; ends a line that a killed process left unfinished first.

        Checkpoint and end events are synced to the disk before it returns. Raises OSError if
        the disk cannot take all of it.
        """
        line = to_line(event).encode() + b"\n"
        with named(self.events_file), open(self.events_file, "ab+", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            while line:  # a nearly full disk takes a part, then raises for the rest
                line = line[file.write(line) :]
            if isinstance(event, Saved | Finished | Failed):
                os.fsync(file.fileno())

    def events(self) -> list[Event]:
        """Return the events so far; damaged and unfinished lines are skipped."""
        return list(self._each_event())

    def history(self) -> History:
        """Return the history of the events so far."""
        return fold(self._each_event(), History())

    def _each_event(self) -> Iterator[Event]:
        for events, _ in events_after(self.events_file, 0):
            yield from events

    def recover_model(self) -> None:
        """Restore the previous checkpoint if a process was killed while replacing it.

        Call it only with the run's lock held.
        """
        if self.old_model.exists() and not self.model.exists():
            os.replace(self.old_model, self.model)

    def delete_partial_files(self) -> None:
        """Delete what a killed process, or one out of disk space, wrote incompletely.

        Call it only with the run's lock held.
        """
        for folder in self.checkpoints.glob("checkpoint-*"):
            if not (folder / COMPLETE).exists():
                shutil.rmtree(folder, ignore_errors=True)
        for part in self.path.glob("*.part"):
            part.unlink(missing_ok=True)
        shutil.rmtree(self.new_model, ignore_errors=True)

    def stop_requested(self) -> bool:
        """Return whether a stop was requested."""
        return self.stop_file.exists()


def no_run(runs: Path, run_id: object) -> RunError:
    """Return the error for a run id that the runs folder does not have."""
    shown = " ".join(str(run_id).split())[:60]
    return RunError(f"There is no run {shown!r} in {runs}: choose one of that folder's runs.")


def history_of(run: RunDir) -> History:
    """Return the history of a run's events so far, from a cache shared by all callers.

    Reads only the events added since the last call; returns the same object if there are none.
    """
    with _histories_lock:
        try:
            status = run.events_file.stat()
        except OSError:
            _histories.pop(run.path, None)
            return History()
        known, offset, history = _histories.get(run.path, (None, 0, History()))
        this = (status.st_dev, status.st_ino)
        if known != this or status.st_size < offset:  # the file was replaced
            offset, history = 0, History()

        def new() -> Iterator[Event]:
            nonlocal offset
            for events, after in events_after(run.events_file, offset):
                yield from events
                offset = after

        history = fold(new(), history)
        _histories[run.path] = (this, offset, history)
        return history
