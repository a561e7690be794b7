"""Train a run and record its events, in this process or in a child process."""

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

HANDOVER_SECONDS = 5  # for the previous run's process to release its locks
NICENESS = 10  # a lower priority than the page, which must stay responsive

# What training imports, preloaded before the first run; none of it may initialize CUDA.
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
    """Train a run in this process, from the start or from its latest checkpoint.

    Every event is recorded with its time, then passed to `on_event`. A failure is recorded as a
    Failed event and raised again: an IntentError for a problem the user can fix, anything else for
    an internal error. Raises BusyError, with nothing recorded, while another run is training.
    """
    with training_lock(run):
        run.queued_file.unlink(missing_ok=True)
        _train(run, on_event or (lambda event: None), budget_seconds)


class BusyError(RunError):
    """Another run is training."""


class WithdrawnError(RunError):
    """The run was removed from the queue before it began."""


@contextmanager
def training_lock(run: RunDir, patience: float = locks.PROBE_SECONDS) -> Iterator[None]:
    """Hold the locks of the process that trains a run; raises BusyError if another run is training."""
    folder_lock = run.path.parent / FOLDER_LOCK
    try:
        with locks.hold(folder_lock, f"{run.id} {os.getpid()}", patience) as first:
            if not first:
                raise BusyError(busy_message(holder(run.path.parent)[0]))
            # Delete an old stop request before the run counts as running: it would count as stopping.
            run.stop_file.unlink(missing_ok=True)
            with locks.hold(run.lock_file, str(os.getpid())) as ours:
                if not ours or not run.recipe_file.is_file():  # the run is being removed
                    raise FileNotFoundError(run.path)
                yield
    except (FileNotFoundError, NotADirectoryError):
        raise removed(run) from None


def removed(run: RunDir) -> RunError:
    """Return the error for a run that was moved to the trash or deleted."""
    return RunError(f"Run {run.id} no longer exists: start a new one.")


def busy_message(run_id: str) -> str:
    """Return the message for starting a run while another is training."""
    which = f"Run {run_id}" if run_id else "Another run"
    return f"{which} is training now: stop it or wait until it ends."


def request_stop(run: RunDir) -> None:
    """Request a run to stop and keep its best checkpoint; raises RunError if that fails."""
    try:
        run.stop_file.touch()
    except OSError as error:
        raise RunError(
            f"The stop request cannot be written to {run.path} ({error.strerror}): free some space "
            "there, then stop the run again."
        ) from None


def child_main(run: RunDir, environment: dict[str, str], ready: Connection) -> None:
    """Train a queued run in a child process; sends None once it has begun, else the error."""
    os.environ.clear()  # remove secrets inherited from the parent process
    os.environ.update(environment)
    os.setsid()  # Ctrl-C in the app's terminal goes to the app, which then requests a stop
    os.nice(NICENESS)
    signal.signal(signal.SIGTERM, lambda number, frame: request_stop(run))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with training_lock(run, HANDOVER_SECONDS):
            _claim(run)
            _all_output_to(run.log_file)
            with suppress(OSError):  # the parent was killed meanwhile: train anyway
                ready.send(None)
            _train(run, lambda event: None, None)
    except Exception as error:  # noqa: BLE001 - the top level of a process
        with suppress(OSError):
            cause = error if isinstance(error, RunError) else RunError(str(error))
            ready.send(cause)  # received only before the run has begun
        sys.exit(1)


def train_as_worker(run: RunDir) -> None:
    """Train as a worker process of a distributed run; the lead process records the events.

    A failure is sent to the lead process and raised again: an IntentError if the user can fix it.
    """
    from intent.library_output import quiet_libraries
    from intent.training.train import train

    quiet_libraries()
    try:
        if not run.recipe_file.is_file():
            raise RunError(
                f"{platform.node()} cannot access the run's folder {run.path}: put the runs on a disk "
                "that all machines share (--runs or INTENT_RUNS)."
            )
        train(_recipe_of(run), run, lambda event: None)
    except distributed.WorkerReleasedError:
        return
    except Exception as error:
        failure = as_fixable(error, run)
        distributed.send_failure(_message_of(failure, run), traceback.format_exc())
        raise failure from error


def _claim(run: RunDir) -> None:
    """Remove the run from the queue; raises WithdrawnError if it was already removed."""
    try:
        run.queued_file.unlink()
    except FileNotFoundError:
        raise WithdrawnError(f"Run {run.id} was removed from the queue before it began.") from None


def _train(run: RunDir, on_event: Callable[[Event], None], budget_seconds: float | None) -> None:
    def emit(event: Event) -> None:
        event = replace(event, time=time.time())
        run.append(event)
        on_event(event)

    try:
        emit(Phase("Starting"))
        run.delete_partial_files()
        from intent.library_output import quiet_libraries
        from intent.training.train import train

        quiet_libraries()
        with _prints_to(run.log_file):
            train(_recipe_of(run), run, emit, run.stop_requested, budget_seconds)
    except Exception as error:
        if disk_full.is_full(error):
            run.delete_partial_files()  # frees space for the Failed event
        failure = as_fixable(error, run)
        _log_trace(run)
        try:
            emit(Failed(_message_of(failure, run)))
        except Exception:  # noqa: BLE001 - it must not hide the failure that it reports
            print(f"The failure of run {run.id} could not be recorded: {failure}", file=sys.stderr)
        if failure is error:
            raise
        raise failure from error


def _recipe_of(run: RunDir) -> Recipe:
    """Return the recipe, checked again for the visitor; no Hub token is used for visitors."""
    owner = access.owner_of(run)
    if not owner.is_owner:
        be_anonymous()
    return access.check_recipe(owner, run.recipe())


def as_fixable(error: Exception, run: RunDir) -> Exception:
    """Return the failure as an IntentError if the user can fix it, else unchanged."""
    if failure := distributed.failure_of_other_process(error):
        return failure
    if isinstance(error, DataError):  # its message names the disk already
        return error
    if disk_full.is_full(error):
        return RunError(disk_full.full_message(run, error))
    if problem := storage_problem(error):
        return RunError(f"{problem} Then resume the run.")
    no_memory = isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError"
    if no_memory or "can't allocate memory" in str(error):
        return RunError(
            "Out of memory: choose a smaller batch_size, window_seconds or base model, and start "
            "again."
        )
    return error


def _message_of(failure: Exception, run: RunDir) -> str:
    if isinstance(failure, IntentError):
        return str(failure)
    text = " ".join(str(failure).split())[:300]
    return (
        f"Internal error ({type(failure).__name__}: {text}); see {run.log_file}. The saved "
        "checkpoint is kept: resume the run to continue from it."
    )


def _log_trace(run: RunDir) -> None:
    try:
        with open(run.log_file, "a", encoding="utf-8") as log:
            traceback.print_exc(file=log)
    except OSError:
        traceback.print_exc()  # the disk is full: print it instead


@contextmanager
def _prints_to(log_file: Path) -> Iterator[None]:
    """Redirect what libraries print to the log: standard output is for events."""
    with open(log_file, "a", encoding="utf-8", buffering=1) as log, redirect_stdout(log):
        yield


def _all_output_to(log_file: Path) -> None:
    descriptor = os.open(log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.close(descriptor)
