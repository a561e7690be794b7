"""A run is a directory: what was asked, what happened, what came out."""

import os
import shutil
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
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
    add_event,
    from_line,
    to_line,
)

WHOLE = "whole"  # the file that a checkpoint of Trainer gets when all of it is on the disk

_histories: dict[Path, tuple[tuple[int, int], int, History]] = {}  # file id, offset, fold
_histories_lock = threading.Lock()


@dataclass(frozen=True)
class RunDir:
    """The files of one run; making a RunDir touches no file."""

    path: Path

    @property
    def id(self) -> str:
        """The run's id, which is the name of its folder."""
        return self.path.name

    @property
    def name(self) -> str:
        """The name that somebody gave the run, else one made of its preset and its base."""
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
        """What somebody has called the run; there is none until somebody does."""
        return self.path / "name"

    @property
    def owner_file(self) -> Path:
        """The hash of the secret of the visitor who started the run; the owner's runs have none."""
        return self.path / "owner"

    @property
    def owner(self) -> str | None:
        """The hash of the visitor who started the run, "" if it is damaged; None: the owner."""
        try:
            return self.owner_file.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError):
            return ""

    @property
    def recipe_file(self) -> Path:
        """What was asked, written once."""
        return self.path / "recipe.json"

    @property
    def events_file(self) -> Path:
        """What happened: an event a line, appended."""
        return self.path / "events.jsonl"

    @property
    def model(self) -> Path:
        """What came out: a checkpoint that is moved into place whole."""
        return self.path / "model"

    @property
    def new_model(self) -> Path:
        """A checkpoint while it is written."""
        return self.path / "model.new"

    @property
    def old_model(self) -> Path:
        """The checkpoint before, until the new one is in its place."""
        return self.path / "model.old"

    @property
    def report_file(self) -> Path:
        """The figures of the run in JSON."""
        return self.path / "report.json"

    @property
    def checkpoints(self) -> Path:
        """What training goes on from after a break; of no use to anybody else."""
        return self.path / "checkpoints"

    @property
    def stop_file(self) -> Path:
        """A request to stop: it is one by being there."""
        return self.path / "stop"

    @property
    def queued_file(self) -> Path:
        """A wish to train, by being there; when it was wished is in it, which gives its place."""
        return self.path / "queued"

    @property
    def lock_file(self) -> Path:
        """Locked by the process that trains, for as long as it lives."""
        return self.path / "lock"

    @property
    def log_file(self) -> Path:
        """What libraries printed while they trained, and the traces of failures."""
        return self.path / "log.txt"

    def recipe(self) -> Recipe:
        """Return what was asked; raises RunError where it cannot be read."""
        try:
            return Recipe.from_json(self.recipe_file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, RecipeError) as error:
            reason = str(error).rstrip(".")
            raise RunError(
                f"The recipe of run {self.id} cannot be read ({reason}): start a new run."
            ) from None

    def append(self, event: Event) -> None:
        """Add an event in one write; half a line that a broken process left is closed first.

        What others go by (a checkpoint, an end) is on the disk when it returns. Raises OSError
        where the disk does not take all of it.
        """
        line = to_line(event).encode() + b"\n"
        with named(self.events_file), open(self.events_file, "ab+", buffering=0) as file:
            if file.seek(0, os.SEEK_END):
                file.seek(-1, os.SEEK_END)
                line = line if file.read(1) == b"\n" else b"\n" + line
            while line:  # a nearly full disk takes a part, then says why not the rest
                line = line[file.write(line) :]
            if isinstance(event, Saved | Finished | Failed):
                os.fsync(file.fileno())

    def events(self) -> list[Event]:
        """Return the events so far, without lines that are damaged or half written."""
        return events_after(self.events_file, 0)[0]

    def history(self) -> History:
        """Return all that the events say so far."""
        return fold(self.events(), History())

    def recover_model(self) -> None:
        """Put the last checkpoint back where a process was killed between the two moves of a new one.

        Only for whoever holds the run's lock.
        """
        if self.old_model.exists() and not self.model.exists():
            os.replace(self.old_model, self.model)

    def drop_halves(self) -> None:
        """Delete what was being written when a process was killed or the disk was full.

        Only for whoever holds the run's lock.
        """
        for folder in self.checkpoints.glob("checkpoint-*"):
            if not (folder / WHOLE).exists():
                shutil.rmtree(folder, ignore_errors=True)
        for part in self.path.glob("*.part"):
            part.unlink(missing_ok=True)
        shutil.rmtree(self.new_model, ignore_errors=True)

    def stop_requested(self) -> bool:
        """Whether somebody has asked the run to stop."""
        return self.stop_file.exists()


def no_run(runs: Path, run_id: object) -> RunError:
    """Return what to raise where a folder of runs has no such run."""
    shown = " ".join(str(run_id).split())[:60]
    return RunError(f"There is no run {shown!r} in {runs}: choose one of that folder's runs.")


def history_of(run: RunDir) -> History:
    """Return all that the events of a run say so far, shared by all who follow it.

    Reads only what is new since the last call, and returns the same object while nothing is.
    """
    with _histories_lock:
        try:
            status = run.events_file.stat()
        except OSError:
            _histories.pop(run.path, None)
            return History()
        known, offset, history = _histories.get(run.path, (None, 0, History()))
        this = (status.st_dev, status.st_ino)
        if known != this or status.st_size < offset:  # another file in its place
            offset, history = 0, History()
        events, offset = events_after(run.events_file, offset)
        history = fold(events, history) if events else history
        _histories[run.path] = (this, offset, history)
        return history


def fold(events: Iterable[Event], history: History) -> History:
    """Return the history with the events added in their order."""
    return reduce(add_event, events, history)


def events_after(file: Path, offset: int) -> tuple[list[Event], int]:
    """Return the events of the whole lines from a byte offset on, and the offset behind them.

    A last line without its line break is left for the next call; damaged lines are passed over.
    """
    try:
        with open(file, "rb") as stream:
            stream.seek(offset)
            new = stream.read()
    except FileNotFoundError:
        return [], 0
    whole = new[: new.rfind(b"\n") + 1]
    found = (_read_line(line) for line in whole.split(b"\n"))
    return [event for event in found if event is not None], offset + len(whole)


def _read_line(line: bytes) -> Event | None:
    try:
        return from_line(line.decode("utf-8"))
    except UnicodeDecodeError:
        return None
