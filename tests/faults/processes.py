"""An app and a training process that can be killed: the real ones, but for where they end."""

import os
import signal
import sys
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import intent.training.context
from intent.jobs import processes, starter, worker
from intent.runs.directory import RunDir
from tests.faults.points import Operation, Point

OPERATIONS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")


def app(runs: Path, environment: dict[str, str], point: Point | None) -> None:
    """Begin what is queued, as the app does, until killed.

    At a point ahead of an operation, the training process that gets there kills whom it names.
    """
    _settle(environment)
    # Forked from this process, which is warm: a fork server of its own would cost seconds.
    processes.process_context = lambda: get_context("fork")
    train = processes.child_main

    def doomed(run: RunDir, *arguments: object) -> None:
        if point and point.operation is not None:
            _die_ahead_of(run, point.operation, point.victim)
        train(run, *arguments)

    processes.child_main = doomed
    starter.TICK_SECONDS = 0.01
    starter.keep_starting(runs)


def undisturbed(run: RunDir, environment: dict[str, str], results: Connection) -> None:
    """Train a queued run as an app's child does; sends None, and at its end its operations."""
    _settle(environment)
    operations: list[Operation] = []
    events = 0

    def note(file: str, appends: bool) -> None:
        nonlocal events
        operations.append(Operation(file, events))
        events += appends

    _watch(run, note)
    worker.child_main(run, environment, results)
    results.send(operations)


def _settle(environment: dict[str, str]) -> None:
    os.environ.update(environment)
    worker.NICENESS = 0  # nobody else is there to be nice to
    # All progress is told, whatever the machine's pace: what a run does can be counted beforehand.
    intent.training.context.PROGRESS_SECONDS = 0


def _die_ahead_of(run: RunDir, number: int, victim: str) -> None:
    """Kill this process, its app or both ahead of the nth operation on the files of a run."""
    seen = 0

    def count(file: str, appends: bool) -> None:
        nonlocal seen
        seen += 1
        if seen == number and victim in ("app", "both"):
            os.kill(os.getppid(), signal.SIGKILL)
        if seen == number and victim in ("training", "both"):
            os.kill(os.getpid(), signal.SIGKILL)

    _watch(run, count)


def _watch(run: RunDir, ahead_of: Callable[[str, bool], None]) -> None:
    """Call ahead of each operation of this process on a run's files: which, and if it appends."""

    def hear(name: str, arguments: tuple[object, ...]) -> None:
        if name in OPERATIONS and str(arguments[0]).startswith(str(run.path)):
            appends = name == "open" and "a" in str(arguments[1] or "")
            file = os.path.relpath(str(arguments[0]), run.path)
            ahead_of(file, appends and file == run.events_file.name)

    sys.addaudithook(hear)
