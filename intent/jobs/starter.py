"""The starter: begins queued runs in order, one at a time, each in its own process.

`start_next` is called right after a run is queued. Runs that had to wait, or that another process
queued, are begun by `keep_starting`, which checks the queue while the app is running.
"""

import logging
import threading
import time
from contextlib import suppress
from pathlib import Path

from intent.errors import RunError
from intent.jobs.processes import START_SECONDS, KilledError, exiting, train_in_child
from intent.jobs.queue import withdraw
from intent.jobs.worker import BusyError, WithdrawnError
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.disk_full import runs_folder_message
from intent.runs.events import Event, Failed, Phase
from intent.runs.live import STARTER_LOCK, live_run, queued_runs

STARTING_LOCK = ".starting"  # in the runs folder: held while a run begins
TICK_SECONDS = 0.25  # between two checks of the queue
RETRY_SECONDS = 10  # after a check that failed

log = logging.getLogger(__name__)

_starting = threading.Lock()  # blocks threads of this process without polling


def start_next(runs: Path) -> None:
    """Begin the first queued run that can begin, unless a run is training.

    Waits while another thread or process begins one. A run queued by the command line is left to its
    own process. A run that cannot begin gets a Failed event and leaves the queue; one whose process
    is killed while it begins becomes interrupted.
    """
    with _starting, locks.hold(runs / STARTING_LOCK, patience=START_SECONDS) as ours:
        while ours and not exiting.is_set() and not live_run(runs):
            run = next(iter(queued_runs(runs)), None)
            if run is None or locks.is_held(run.queued_file) or _begin(run):
                return


def keep_starting(runs: Path) -> None:
    """Begin queued runs in order until this process exits; runs in its own thread.

    Of several such processes, one is active and the others stand by.
    """
    warned = ""
    while not exiting.wait(TICK_SECONDS):
        try:
            runs.mkdir(parents=True, exist_ok=True)
            with locks.hold(runs / STARTER_LOCK) as ours:
                if warned:
                    log.warning(
                        "The runs folder %s is writable again: queued runs will start.", runs
                    )
                    warned = ""
                while ours and not exiting.wait(TICK_SECONDS):
                    start_next(runs)
        except (OSError, RunError) as error:  # a missing disk may be mounted again
            problem = runs_folder_message(runs, error) if isinstance(error, OSError) else str(error)
            if problem != warned:  # once, not at every check
                log.warning("Queued runs cannot start. %s", problem)
                warned = problem
            exiting.wait(RETRY_SECONDS)


def _begin(run: RunDir) -> bool:
    """Begin a run; return False if the next one should be tried."""
    try:
        train_in_child(run)
    except WithdrawnError:
        return False
    except BusyError:
        return True
    except KilledError:
        _end(run, Phase("Starting", time=time.time()))
        return False
    except RunError as error:
        _end(run, Failed(str(error), time=time.time()))
        return False
    return True


def _end(run: RunDir, last: Event) -> None:
    """Record the last event of a run that did not begin, then remove it from the queue."""
    with suppress(OSError):  # on a full disk it is interrupted instead
        run.append(last)
    withdraw(run)
