"""Training processes: forked from a preloaded one, stopped by request, signal or kill."""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext, SpawnContext
from multiprocessing.process import BaseProcess

from intent.errors import RunError
from intent.hub_http import TOKENS
from intent.jobs.worker import PRELOAD, child_main, request_stop
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.live import holder

START_SECONDS = 120  # a cold start on a slow machine; a preloaded one takes 0.1 s
TERM_SECONDS = 5  # from SIGTERM to SIGKILL

_children: dict[RunDir, BaseProcess] = {}
exiting = threading.Event()  # this process exits and starts no more runs


class KilledError(RunError):
    """The training process was killed before the run had begun."""


def prepare_worker() -> None:
    """Start the process that training processes are forked from, with training's imports loaded.

    Returns at once, while that process imports. Does nothing the second time.
    """
    context = process_context()
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        # Otherwise the check for a GPU initializes CUDA, which does not survive a fork.
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
        context.set_forkserver_preload(list(PRELOAD))
        ensure_running()


def train_in_child(run: RunDir) -> None:
    """Train a queued run in a child process; returns once it has begun, or raises RunError.

    When this process exits, it requests its children to stop and waits for them; when it is killed,
    they continue.
    """
    prepare_worker()
    context = process_context()
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(
        target=child_main, args=(run, _environment_for(run), theirs), name=f"intent {run.id}"
    )
    with ours:
        process.start()
        theirs.close()
        error = _start_error(ours, process, run)
    if error:
        raise error
    if not _children:
        atexit.register(_stop_children)
    _children[run] = process


def kill_run(run: RunDir) -> None:
    """Kill a run that does not stop when requested: by SIGTERM, then by SIGKILL.

    Its saved checkpoint stays. Does nothing if the run is not training.
    """
    for number in (signal.SIGTERM, signal.SIGKILL):
        run_id, process = holder(run.path.parent)
        if process is None or run_id != run.id or not locks.is_held(run.lock_file):
            return
        try:
            os.kill(process, number)
        except ProcessLookupError:
            return
        deadline = time.monotonic() + TERM_SECONDS
        while locks.is_held(run.lock_file) and time.monotonic() < deadline:
            time.sleep(0.02)


def _environment_for(run: RunDir) -> dict[str, str]:
    """Return the environment, without the owner's secrets if a visitor started the run."""
    secret = () if run.owner is None else (*TOKENS, "OAUTH_CLIENT_SECRET")
    return {name: value for name, value in os.environ.items() if name not in secret}


def process_context() -> ForkServerContext | SpawnContext:
    """Return how child processes are started here."""
    if "forkserver" in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def _start_error(ours: Connection, child: BaseProcess, run: RunDir) -> RunError | None:
    try:
        if ours.poll(START_SECONDS):
            return ours.recv()
    except (EOFError, OSError):
        child.join(TERM_SECONDS)  # its end of the pipe was closed when it died
        if (child.exitcode or 0) < 0:
            return KilledError(f"The training process of run {run.id} was killed while it started.")
    return RunError(f"The training process of run {run.id} did not start: see {run.log_file}.")


def _stop_children() -> None:
    exiting.set()
    for run in _children:
        if locks.is_held(run.lock_file):
            print(f"Run {run.id} is stopping; its best checkpoint will be kept …", file=sys.stderr)
            request_stop(run)  # multiprocessing then waits for it to end
