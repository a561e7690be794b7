"""Child processes that train: forked from a warm one, ended politely or by force."""

import atexit
import multiprocessing
import os
import signal
import sys
import threading
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from intent.errors import RunError
from intent.hub_http import TOKENS
from intent.jobs.worker import PRELOAD, child_main, request_stop
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.live import holder

START_SECONDS = 120  # a cold start on a slow machine; a prepared one takes a tenth of a second
TERM_SECONDS = 5  # from a signal to stop until the end by force

_children: dict[RunDir, BaseProcess] = {}
leaving = threading.Event()  # this process exits and starts nothing any more


class KilledError(RunError):
    """A signal ended the training process before it had begun."""


def prepare_worker() -> None:
    """Start the process that children are forked from and let it import what training needs.

    Returns at once; the imports go on in that process. Does nothing the second time.
    """
    context = _context()
    if context.get_start_method() == "forkserver":
        from multiprocessing.forkserver import ensure_running

        # Without it, asking whether there is a GPU starts CUDA, which does not survive a fork.
        os.environ.setdefault("PYTORCH_NVML_BASED_CUDA_CHECK", "1")
        context.set_forkserver_preload(list(PRELOAD))
        ensure_running()


def train_in_child(run: RunDir) -> None:
    """Let a child process train a queued run; returns once it has begun, or raises why it has not.

    When this process exits, it asks its children to stop and waits for them; when it is killed,
    they go on.
    """
    prepare_worker()
    ours, theirs = _context().Pipe(duplex=False)
    process = _context().Process(
        target=child_main, args=(run, _environment_for(run), theirs), name=f"intent {run.id}"
    )
    with ours:
        process.start()
        theirs.close()
        error = _first_word(ours, process, run)
    if error:
        raise error
    if not _children:
        atexit.register(_stop_children)
    _children[run] = process


def kill_run(run: RunDir) -> None:
    """End a run that does not heed a request to stop: by a signal, and then by force.

    What it saved before stays. Does nothing where the run is not training.
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
    """The environment, without the owner's secrets where a visitor started the run."""
    secret = () if run.owner is None else (*TOKENS, "OAUTH_CLIENT_SECRET")
    return {name: value for name, value in os.environ.items() if name not in secret}


def _context() -> multiprocessing.context.BaseContext:
    methods = multiprocessing.get_all_start_methods()
    return multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")


def _first_word(ours: Connection, child: BaseProcess, run: RunDir) -> RunError | None:
    try:
        if ours.poll(START_SECONDS):
            return ours.recv()
    except (EOFError, OSError):
        child.join(TERM_SECONDS)  # its end of the pipe closed as it died
        if (child.exitcode or 0) < 0:
            return KilledError(f"The training process of run {run.id} was killed as it began.")
    return RunError(f"The training process of run {run.id} did not begin: look at {run.log_file}.")


def _stop_children() -> None:
    leaving.set()
    for run in _children:
        if locks.is_held(run.lock_file):
            print(f"Run {run.id} is stopping and keeps its best checkpoint …", file=sys.stderr)
            request_stop(run)  # multiprocessing then waits for it to end
