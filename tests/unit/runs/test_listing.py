"""Which runs of a folder are read again, and that every change of one is seen."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from intent.jobs.queue import enqueue, withdraw
from intent.jobs.worker import request_stop, training_lock
from intent.recipes import Recipe
from intent.runs import listing
from intent.runs.directory import RunDir
from intent.runs.events import EvalPoint, Failed, Finished, Phase
from intent.runs.listing import summaries
from intent.runs.store import create_run, rename_run
from intent.runs.summary import RunSummary, summarize
from intent.runs.trash import restore_run, trash_run

DONE = Finished("done", 0.9, (0.8, 0.95), 56, 10.0)
LONG_AGO = time.time() - 3600


def settle(*runs: RunDir) -> None:
    """Let the folders look as if nothing had happened to them for an hour."""
    for run in runs:
        for folder in (run.path, run.path.parent):
            os.utime(folder, (LONG_AGO, LONG_AGO))


def ended_run(folder: Path) -> RunDir:
    run = create_run(folder, Recipe())
    run.append(DONE)
    settle(run)
    return run


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[RunDir]:
    """The runs that have been read, in order."""
    runs: list[RunDir] = []

    def counting(run: RunDir, queue: list[RunDir]) -> RunSummary:
        runs.append(run)
        return summarize(run, queue)

    monkeypatch.setattr(listing, "summarize", counting)
    return runs


def test_unchanged_runs_are_read_once(tmp_path: Path, read: list[RunDir]) -> None:
    ended = {ended_run(tmp_path) for _ in range(5)}
    first = summaries(tmp_path)
    assert {summary.run for summary in first} == ended and set(read) == ended
    assert summaries(tmp_path) is first and len(read) == 5
    assert first == tuple(map(summarize, (summary.run for summary in first)))


def test_a_run_that_changed_a_moment_ago_is_read_again(tmp_path: Path, read: list[RunDir]) -> None:
    run = create_run(tmp_path, Recipe())
    first = summaries(tmp_path)
    assert summaries(tmp_path) is first and read == [run, run]


def train(run: RunDir) -> None:
    with training_lock(run):  # no file in the run's folder is added: its time stays
        run.append(Phase("starting"))
        run.append(Failed("no"))


CHANGES: dict[str, Callable[[RunDir], object]] = {
    "renamed": lambda run: rename_run(run, "Another"),
    "queued": enqueue,
    "trained": train,
    "model made": lambda run: run.model.mkdir(),
    "file added": lambda run: (run.path / "report.json").write_text("{}"),
    "trashed": trash_run,
    "deleted": lambda run: shutil.rmtree(run.path),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_is_seen_and_other_runs_are_not_read(
    tmp_path: Path, read: list[RunDir], change: Callable[[RunDir], object]
) -> None:
    run, other = ended_run(tmp_path), ended_run(tmp_path)
    with training_lock(run):
        pass  # so that its lock is there, as with every run that has trained
    settle(run)
    before = summaries(tmp_path)
    read.clear()
    change(run)
    settle(*[run] if change is train else [])
    after = summaries(tmp_path)
    assert after != before and set(read) <= {run}
    assert set(after) == {summarize(one) for one in (run, other) if one.recipe_file.exists()}


def test_undoing_a_removal_is_seen(tmp_path: Path) -> None:
    run = ended_run(tmp_path)
    run.model.mkdir()
    assert summaries(tmp_path)[0].has_model
    shutil.rmtree(run.model)
    enqueue(run)
    assert (summaries(tmp_path)[0].has_model, summaries(tmp_path)[0].place) == (False, 1)
    withdraw(run)
    assert summaries(tmp_path)[0].state == "done"
    trash_run(run)
    assert summaries(tmp_path) == ()
    restore_run(tmp_path, run.id)
    assert summaries(tmp_path)[0].state == "done"


def test_a_run_that_trains_is_followed_to_its_end(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    ended_run(tmp_path)

    def seen() -> RunSummary:
        settle(run)  # only its events file tells
        return next(one for one in summaries(tmp_path) if one.run == run)

    assert seen().state == "prepared"
    with training_lock(run):
        assert seen().state == "running"
        run.append(Phase("starting"))
        run.append(EvalPoint(0.5))
        assert (seen().events, seen().phase, seen().accuracy) == (2, "starting", 0.5)
        request_stop(run)
        assert seen().state == "stopping"
        run.append(EvalPoint(0.7))
    assert (seen().state, seen().accuracy) == ("interrupted", 0.7)  # as if it had been killed


def test_runs_are_listed_by_age_and_places_follow_the_queue(tmp_path: Path) -> None:
    first, second, third = (create_run(tmp_path, Recipe()) for _ in range(3))
    enqueue(third)
    enqueue(first)
    assert [one.run for one in summaries(tmp_path)] == [third, second, first]
    assert [one.place for one in summaries(tmp_path)] == [1, None, 2]
    withdraw(third)
    assert [one.place for one in summaries(tmp_path)] == [None, None, 1]


def test_new_and_deleted_runs_are_seen(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    assert summaries(runs) == ()
    first = ended_run(runs)
    assert [one.run for one in summaries(runs)] == [first]
    second = create_run(runs, Recipe())
    assert [one.run for one in summaries(runs)] == [second, first]
    shutil.rmtree(runs)
    assert summaries(runs) == ()


def test_a_folder_without_a_recipe_is_no_run_and_one_with_a_damaged_one_is(tmp_path: Path) -> None:
    run, empty = create_run(tmp_path, Recipe()), tmp_path / "20260101-000000-guide-0000"
    empty.mkdir()
    run.recipe_file.write_text("{")
    [summary] = summaries(tmp_path)
    assert (summary.run, summary.recipe, summary.name) == (run, None, run.id)
    assert summaries(tmp_path / "absent") == ()
