"""Which queued run is begun, and when; training itself is left out."""

import threading
from pathlib import Path

import pytest

from intent.errors import RunError
from intent.jobs import starter
from intent.jobs.control import start_run
from intent.jobs.processes import KilledError
from intent.jobs.queue import enqueue, withdraw
from intent.jobs.starter import start_next
from intent.jobs.worker import BusyError, training_lock
from intent.recipes import Recipe
from intent.runs import locks
from intent.runs.directory import RunDir
from intent.runs.live import queued_runs
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
