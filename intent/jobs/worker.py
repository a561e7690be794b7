"""The work of a run: lock, train, and what happened, written down; here or in a child process."""

import os
import platform
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path

from intent import distributed
from intent.errors import DataError, IntentError, RunError
from intent.hub_http import be_anonymous
from intent.recipes import Recipe
from intent.runs import access, disk_full, locks
from intent.runs.directory import RunDir
from intent.runs.events import Event, Failed, Phase
from intent.runs.live import FOLDER_LOCK, holder
from intent.storage import storage_problem

NICENESS = 10  # below the page, which must answer while a run computes

# What training imports, done once before the first click; none of it may start CUDA.
PRELOAD = (
    "torch",
    "transformers.trainer",
    "transformers.pipelines",
    "datasets",
    "accelerate",
    "evaluate",
    "transformers.models.whisper.modeling_whisper",
    "transformers.models.auto.modeling_auto",
    "sklearn.discriminant_analysis",
    "sklearn.metrics",
    "soundfile",
    "soxr",
    "intent.training.train",
)


def work(
    run: RunDir,
    on_event: Callable[[Event], None] | None = None,
    budget_seconds: float | None = None,
) -> None:
    """Train in this process, from the start or from where the run was left.

    Every event is written to the run with its time and then handed to `on_event`. A failure is
    written as a Failed event and raised again: IntentError where the user can mend it, anything
    else where not. Raises BusyError, with nothing written, while another run is training.
    """
    with training_lock(run):
        run.queued_file.unlink(missing_ok=True)
        _train(run, on_event or (lambda event: None), budget_seconds)


class BusyError(RunError):
    """Another run trains now."""


class WithdrawnError(RunError):
    """The run was taken out of the queue before it began."""


@contextmanager
def training_lock(run: RunDir) -> Iterator[None]:
    """Be the one process that trains in the runs folder; raises BusyError while another is."""
    folder_lock = run.path.parent / FOLDER_LOCK
    try:
        with locks.hold(folder_lock, f"{run.id} {os.getpid()}") as first:
            if not first:
                raise BusyError(busy_message(holder(run.path.parent)[0]))
            # A request to a sitting that has ended, gone before the lock says that another runs.
            run.stop_file.unlink(missing_ok=True)
            with locks.hold(run.lock_file, str(os.getpid())) as ours:
                if not ours or not run.recipe_file.is_file():  # it is on its way to the trash
                    raise FileNotFoundError(run.path)
                yield
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(f"There is no run {run.id} any more: start a new one.") from None


def busy_message(run_id: str) -> str:
    """Return the sentence for somebody who starts a run while one is training."""
    return f"Run {run_id or '(unknown)'} is training now: stop it or wait until it ends."


def request_stop(run: RunDir) -> None:
    """Ask the run to stop and keep its best checkpoint; raises RunError where that fails."""
    try:
        run.stop_file.touch()
    except OSError as error:
        raise RunError(
            f"The request to stop cannot be written to {run.path} ({error.strerror}): "
            "free some space there and stop the run again."
        ) from None


def child_main(run: RunDir, environment: dict[str, str], ready: Connection) -> None:
    """Train a queued run in a child process; sends None once it has begun, or why it has not."""
    os.environ.clear()  # the process that this one was forked from may know more
    os.environ.update(environment)
    os.setsid()  # Ctrl-C in the app's terminal is for the app, which then asks the run to stop
    os.nice(NICENESS)
    signal.signal(signal.SIGTERM, lambda number, frame: request_stop(run))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with training_lock(run):
            _claim(run)
            _all_output_to(run.log_file)
            with suppress(OSError):  # who began it was killed meanwhile: it goes on alone
                ready.send(None)
            _train(run, lambda event: None, None)
    except Exception as error:  # noqa: BLE001 - the end of a process: nobody is left to catch it
        with suppress(OSError):
            told = error if isinstance(error, RunError) else RunError(str(error))
            ready.send(told)  # heard only before the run has begun
        sys.exit(1)


def help_to_train(run: RunDir) -> None:
    """Do this process' share of the training that another one leads; tells and keeps nothing.

    A failure is told to the leader and raised again; IntentError where the user can mend it.
    """
    from intent.library_output import quiet_libraries
    from intent.training.train import train

    quiet_libraries()
    try:
        if not run.recipe_file.is_file():
            raise RunError(
                f"{platform.node()} does not see the run's folder {run.path}: put the runs on a disk "
                "that all machines share (--runs or INTENT_RUNS)."
            )
        train(_recipe_of(run), run, lambda event: None)
    except distributed.WorkerReleasedError:
        return
    except Exception as error:
        failure = explain(error, run)
        told = str(failure) if isinstance(failure, IntentError) else _ours(error, run)
        distributed.send_failure(told, traceback.format_exc())
        raise failure from error


def _claim(run: RunDir) -> None:
    """Take the run out of the queue: whoever deletes the file, starter or visitor, has its way."""
    try:
        run.queued_file.unlink()
    except FileNotFoundError:
        raise WithdrawnError(f"Run {run.id} was withdrawn before it began.") from None


def _train(run: RunDir, on_event: Callable[[Event], None], budget_seconds: float | None) -> None:
    def emit(event: Event) -> None:
        event = replace(event, time=time.time())
        run.append(event)
        on_event(event)

    try:
        emit(Phase("Starting"))
        run.drop_halves()
        from intent.library_output import quiet_libraries
        from intent.training.train import train

        quiet_libraries()
        with _prints_to(run.log_file):
            train(_recipe_of(run), run, emit, run.stop_requested, budget_seconds)
    except Exception as error:
        if disk_full.is_full(error):
            run.drop_halves()  # which makes room for what there is to tell
        failure = explain(error, run)
        _log_trace(run)
        try:
            emit(Failed(str(failure) if isinstance(failure, IntentError) else _ours(error, run)))
        except Exception:  # noqa: BLE001 - it must not hide the failure that it is to tell
            print(f"The failure of run {run.id} could not be told: {failure}", file=sys.stderr)
        if failure is error:
            raise
        raise failure from error


def _recipe_of(run: RunDir) -> Recipe:
    """The recipe, checked once more for whoever asked for it; nobody's token is used for visitors."""
    owner = access.owner_of(run)
    if not owner.is_owner:
        be_anonymous()
    return access.check_recipe(owner, run.recipe())


def explain(error: Exception, run: RunDir) -> Exception:
    """Return the failure as one that the user can mend, where it is, or else as it was."""
    if failure := distributed.failure_of_other_process(error):
        return failure
    if isinstance(error, DataError):  # which says itself of which disk it could not be read
        return error
    if disk_full.is_full(error):
        return RunError(disk_full.full_message(run, error))
    if problem := storage_problem(error):
        return RunError(f"{problem} Then resume the run.")
    no_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if no_memory or "can't allocate memory" in str(error):
        return RunError(
            "Training needs more memory than there is: choose a smaller batch_size, "
            "window_seconds or base checkpoint, and start again."
        )
    return error


def _ours(error: Exception, run: RunDir) -> str:
    text = " ".join(str(error).split())[:300]
    return (
        f"Something went wrong inside ({type(error).__name__}: {text}); the details are in "
        f"{run.log_file}. What the run had saved is kept: start it again to go on from there."
    )


def _log_trace(run: RunDir) -> None:
    try:
        with open(run.log_file, "a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
    except OSError:
        traceback.print_exc()  # the disk is full: the terminal is all there is


@contextmanager
def _prints_to(log_file: Path) -> Iterator[None]:
    """Keep what libraries print off the standard output, which is for the reader of events."""
    with open(log_file, "a", encoding="utf-8", buffering=1) as log, redirect_stdout(log):
        yield


def _all_output_to(log_file: Path) -> None:
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
