"""Which queued run is begun, and when; training itself is left out."""

import errno
import fcntl
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from intent.errors import RunError
from intent.jobs import starter
from intent.jobs.control import start_run
from intent.jobs.processes import KilledError
from intent.jobs.queue import enqueue, withdraw
from intent.jobs.starter import (
    RETRY_SECONDS,
    STARTING_LOCK,
    TICK_SECONDS,
    keep_starting,
    start_next,
)
from intent.jobs.worker import BusyError, WithdrawnError, training_lock
from intent.recipes import Recipe
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.live import STARTER_LOCK, queued_runs
from intent.runs.store import create_run, state


class Training:
    """Stands in for the child process: a run begins, or fails to with its error."""

    def __init__(self) -> None:
        self.tried: list[RunDir] = []
        self.errors: dict[RunDir, RunError] = {}

    def __call__(self, run: RunDir) -> None:
        self.tried.append(run)
        if run in self.errors:
            raise self.errors[run]
        withdraw(run)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    fake = Training()
    monkeypatch.setattr(starter, "train_in_child", fake)
    return fake


def new_runs(folder: Path, count: int) -> list[RunDir]:
    return [create_run(folder, Recipe()) for _ in range(count)]


def test_the_first_run_of_the_queue_is_begun(tmp_path: Path, training: Training) -> None:
    first, second = new_runs(tmp_path, 2)
    enqueue(second)
    enqueue(first)
    start_next(tmp_path)
    assert training.tried == [second] and queued_runs(tmp_path) == [first]


def test_a_run_that_cannot_begin_does_not_hold_up_the_next(
    tmp_path: Path, training: Training
) -> None:
    broken, killed, withdrawn, good = made = new_runs(tmp_path, 4)
    for run in made:
        enqueue(run)
    training.errors = {
        broken: RunError("It is broken."),
        killed: KilledError("It was killed."),
    }
    withdraw(withdrawn)
    start_next(tmp_path)
    assert training.tried == [broken, killed, good] and queued_runs(tmp_path) == []
    assert (state(broken), state(killed), state(withdrawn)) == ("failed", "interrupted", "prepared")
    assert all(event.time > 0 for run in (broken, killed) for event in run.events())


def test_a_run_that_leaves_the_queue_as_it_begins_makes_room_for_the_next(
    tmp_path: Path, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_runs(tmp_path, 2)
    enqueue(first), enqueue(second)

    def remove_the_first(run: RunDir) -> None:
        training(run)
        if run == first:
            raise WithdrawnError("It was removed.")

    monkeypatch.setattr(starter, "train_in_child", remove_the_first)
    start_next(tmp_path)
    assert training.tried == [first, second] and state(first) == "prepared"


def test_a_run_whose_failure_cannot_be_written_leaves_the_queue_too(
    tmp_path: Path, training: Training
) -> None:
    [run] = new_runs(tmp_path, 1)
    enqueue(run)
    run.events_file.mkdir()
    training.errors = {run: RunError("It is broken.")}
    start_next(tmp_path)  # which finds the queue empty then
    assert training.tried == [run] and queued_runs(tmp_path) == []


def test_nothing_is_begun_by_a_process_that_exits(
    tmp_path: Path, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run] = new_runs(tmp_path, 1)
    leaving = threading.Event()
    leaving.set()
    monkeypatch.setattr(starter, "exiting", leaving)
    start_run(run)
    assert training.tried == [] and state(run) == "queued"


def test_nothing_is_begun_while_another_process_begins_a_run(
    tmp_path: Path, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run] = new_runs(tmp_path, 1)
    monkeypatch.setattr(starter, "START_SECONDS", 0)
    with locks.hold(tmp_path / STARTING_LOCK):
        start_run(run)
    assert training.tried == [] and state(run) == "queued"


def test_a_start_waits_long_for_another_process_that_begins_a_run(
    tmp_path: Path, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    [run] = new_runs(tmp_path, 1)
    seconds = 0.0
    with ExitStack() as other:
        other.enter_context(locks.hold(tmp_path / STARTING_LOCK))

        def pass_time(_: float) -> None:
            nonlocal seconds
            seconds += 1
            if seconds == 10:
                other.close()

        monkeypatch.setattr(time, "sleep", pass_time)
        monkeypatch.setattr(time, "monotonic", lambda: seconds)
        start_run(run)
    assert training.tried == [run]


class Ticks:
    """In place of the event that tells of an exit: it comes after some checks of the queue."""

    def __init__(self, checks: int) -> None:
        self.left, self.waited = checks, []

    def wait(self, seconds: float) -> bool:
        self.left -= 1
        self.waited.append(seconds)
        return self.left < 0

    def is_set(self) -> bool:
        return False


def test_of_several_apps_one_begins_what_is_queued(
    tmp_path: Path,
    training: Training,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    [run] = new_runs(tmp_path, 1)
    enqueue(run)
    monkeypatch.setattr(starter, "exiting", Ticks(2))
    with locks.hold(tmp_path / STARTER_LOCK):
        keep_starting(tmp_path)
    assert training.tried == []
    monkeypatch.setattr(starter, "exiting", Ticks(3))
    keep_starting(tmp_path)
    assert training.tried == [run]
    assert not locks.is_held(tmp_path / STARTER_LOCK) and not caplog.records


def test_the_folder_of_the_runs_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(starter, "exiting", Ticks(1))
    keep_starting(tmp_path / "new" / "runs")
    assert (tmp_path / "new" / "runs").is_dir()


def test_a_folder_without_locks_is_told_once_each_time_it_loses_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    works, flock = iter([False, False, True]), fcntl.flock

    def now_and_then(descriptor: int, operation: int) -> None:
        if not next(works, False):
            raise OSError(errno.ENOLCK, "No locks available")
        flock(descriptor, operation)

    ticks = Ticks(8)
    monkeypatch.setattr(fcntl, "flock", now_and_then)
    monkeypatch.setattr(starter, "exiting", ticks)
    keep_starting(tmp_path)
    lost = (
        f"Queued runs cannot start. The folder {tmp_path} does not support file locks (No locks "
        "available): choose a runs folder on a local disk."
    )
    back = f"The runs folder {tmp_path} is writable again: queued runs will start."
    assert [record.getMessage() for record in caplog.records] == [lost, back, lost]
    assert ticks.waited[:2] == [TICK_SECONDS, RETRY_SECONDS]


def test_nothing_is_begun_while_a_run_trains(tmp_path: Path, training: Training) -> None:
    live, waiting = new_runs(tmp_path, 2)
    with training_lock(live):
        start_run(waiting)
    assert training.tried == [] and state(waiting) == "queued"


def test_a_run_stays_queued_where_another_process_was_faster(
    tmp_path: Path, training: Training
) -> None:
    [run] = new_runs(tmp_path, 1)
    training.errors = {run: BusyError("Another run trains.")}
    start_run(run)
    assert training.tried == [run] and state(run) == "queued"


def test_a_run_that_waits_in_a_process_of_its_own_is_left_to_it(
    tmp_path: Path, training: Training
) -> None:
    [run] = new_runs(tmp_path, 1)
    enqueue(run)
    with locks.hold(run.queued_file):
        start_next(tmp_path)
    assert training.tried == []


def test_a_start_waits_for_the_one_before_and_one_that_is_not_first_does_not(
    tmp_path: Path, training: Training, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = new_runs(tmp_path, 2)
    begins, may_begin = threading.Event(), threading.Event()

    def slowly(run: RunDir) -> None:
        begins.set()
        may_begin.wait(60)
        training(run)

    monkeypatch.setattr(starter, "train_in_child", slowly)
    enqueue(first)
    threads = [threading.Thread(target=start_next, args=(tmp_path,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    assert begins.wait(60)
    start_run(second)
    assert state(second) == "queued" and training.tried == []
    withdraw(second)
    may_begin.set()
    for thread in threads:
        thread.join()
    assert training.tried == [first]
