"""An app and a training process that can be killed: the real ones, but for where they end."""

import os
import signal
import sys
from multiprocessing import get_context
from pathlib import Path

from intent import children, queue, worker
from intent.rundir import RunDir

OPERATIONS = ("open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "shutil.rmtree")


def app(runs: Path, environment: dict[str, str], fatal_operation: int | None) -> None:
    """Begin what is queued, as the app does, until killed.

    A training process that it begins kills itself with signal 9 ahead of its nth operation on the
    files of its run, if there is one of that number.
    """
    os.environ.update(environment)
    # Forked from this process, which is warm: a fork server of its own would cost seconds.
    children._context = lambda: get_context("fork")
    train = children.child_main

    def doomed(run: RunDir, *arguments: object) -> None:
        if fatal_operation is not None:
            die_ahead_of(run, fatal_operation)
        train(run, *arguments)

    children.child_main = doomed
    queue.TICK_SECONDS = 0.01
    worker.NICENESS = 0  # nobody else is there to be nice to
    queue.keep_starting(runs)


def die_ahead_of(run: RunDir, number: int) -> None:
    """Kill this process ahead of its nth operation on the files of a run."""
    seen = 0

    def watch(name: str, arguments: tuple[object, ...]) -> None:
        nonlocal seen
        if name in OPERATIONS and str(arguments[0]).startswith(str(run.path)):
            seen += 1
            if seen == number:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def count_operations(run: RunDir, counts: list[str]) -> None:
    """From now on, gather the names of this process's operations on the files of a run."""

    def watch(name: str, arguments: tuple[object, ...]) -> None:
        if name in OPERATIONS and str(arguments[0]).startswith(str(run.path)):
            counts.append(name)

    sys.addaudithook(watch)
