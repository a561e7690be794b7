"""The limits of the queue, and the state of a resumed run."""

import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from intent.errors import RunError
from intent.jobs.queue import (
    ENTRY_LOCK,
    MAX_QUEUED,
    MAX_QUEUED_OF_VISITOR,
    OWNERS_PLACES,
    check_room,
    enqueue,
    in_turn,
    withdraw,
)
from intent.jobs.worker import WithdrawnError, request_stop, training_lock
from intent.recipes import Recipe
from intent.runs import locks
from intent.runs.access import OWNER, Visitor, visitor_with
from intent.runs.directory import RunDir
from intent.runs.live import STARTER_LOCK, queued_runs
from intent.runs.store import create_run, state

ANN, BOB = visitor_with("a" * 32), visitor_with("b" * 32)


def new_run(runs: Path, visitor: Visitor = OWNER) -> RunDir:
    return create_run(runs, Recipe(data="sample"), visitor)


def test_visitors_leave_places_in_the_queue_for_the_owner(tmp_path: Path) -> None:
    for number in range(MAX_QUEUED - OWNERS_PLACES):
        enqueue(new_run(tmp_path, visitor_with(f"one of many names {number:03}".replace(" ", "-"))))
    with pytest.raises(RunError, match="The queue is full with 16 runs"):
        enqueue(new_run(tmp_path, ANN))
    with in_turn(new_run(tmp_path), lambda run: None):
        pass


def test_a_queue_holds_twenty_runs_of_all_visitors_together(tmp_path: Path) -> None:
    waiting = [new_run(tmp_path) for _ in range(MAX_QUEUED)]
    for run in waiting:
        enqueue(run)
    one_more = new_run(tmp_path)
    for visitor in (None, ANN.key):
        with pytest.raises(RunError) as caught:
            check_room(tmp_path, visitor)
        assert str(caught.value) == (
            "The queue is full with 20 runs: try again when one of them has started."
        )
    with pytest.raises(RunError, match="queue is full"):
        enqueue(one_more)
    with pytest.raises(RunError, match="queue is full"), in_turn(one_more, lambda run: None):
        pass
    assert not one_more.queued_file.exists() and len(queued_runs(tmp_path)) == 20
    enqueue(waiting[0])  # which waits already
    assert withdraw(waiting[0]) and not withdraw(waiting[0])
    enqueue(one_more)


def test_a_visitor_has_three_places_in_it_and_the_owner_as_many_as_there_are(
    tmp_path: Path,
) -> None:
    for _ in range(MAX_QUEUED_OF_VISITOR):
        enqueue(new_run(tmp_path, ANN))
    with pytest.raises(RunError, match="You have 3 runs in the queue"):
        enqueue(new_run(tmp_path, ANN))
    enqueue(new_run(tmp_path, BOB))
    for _ in range(5):
        enqueue(new_run(tmp_path))
    assert len(queued_runs(tmp_path)) == 9


def test_a_run_is_not_queued_while_another_is_being_queued(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    with locks.hold(tmp_path / ENTRY_LOCK):
        with pytest.raises(RunError, match="^The queue is busy: try again in a moment.$"):
            enqueue(run)
    assert state(run) == "prepared"


def test_a_run_that_cannot_be_queued_says_why(tmp_path: Path) -> None:
    run = new_run(tmp_path)
    (tmp_path / ENTRY_LOCK).mkdir()
    with pytest.raises(RunError) as caught:
        enqueue(run)
    assert str(caught.value) == (
        f"Run {run.id} cannot be queued (Is a directory): check the permissions of {run.path}."
    )


def test_a_run_waits_for_one_that_trains_and_for_those_that_other_processes_start_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, first, run = (new_run(tmp_path) for _ in range(3))
    enqueue(first)
    seen: list[RunDir] = []
    with ExitStack() as trains, ExitStack() as waits:
        trains.enter_context(training_lock(live))
        waits.enter_context(locks.hold(first.queued_file))
        ticks = iter([lambda: None, trains.close, lambda: None, waits.close])
        monkeypatch.setattr(time, "sleep", lambda seconds: next(ticks)())
        with in_turn(run, seen.append):
            assert state(run) == "queued" and locks.is_held(run.queued_file)
    assert seen == [live, first]  # each is told once
    assert queued_runs(tmp_path) == [first]  # which no process is going to start


def test_a_run_waits_for_those_that_an_app_starts_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, run = new_run(tmp_path), new_run(tmp_path)
    enqueue(first)
    seen: list[RunDir] = []
    monkeypatch.setattr(time, "sleep", lambda seconds: withdraw(first))
    with locks.hold(tmp_path / STARTER_LOCK), in_turn(run, seen.append):
        assert seen == [first]


def test_a_run_that_is_removed_from_the_queue_does_not_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, run = new_run(tmp_path), new_run(tmp_path)
    monkeypatch.setattr(time, "sleep", lambda seconds: withdraw(run))
    with training_lock(live), pytest.raises(WithdrawnError) as caught:
        with in_turn(run, lambda ahead: None):
            pytest.fail("It began.")
    assert str(caught.value) == f"Run {run.id} was removed from the queue before it began."


def test_a_stop_request_is_deleted_before_a_resumed_run_takes_its_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, seen = new_run(tmp_path), []
    request_stop(run)  # to a session that has ended
    hold = locks.hold

    def holding(file: Path, *values: object) -> object:
        if file == run.lock_file:
            seen.append(run.stop_requested())
        return hold(file, *values)

    monkeypatch.setattr(locks, "hold", holding)
    with training_lock(run):
        assert state(run) == "running"
    assert seen == [False]
