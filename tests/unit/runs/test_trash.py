"""The trash: what is removed can be had again, until it is emptied; what trains stays."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from intent.errors import RunError
from intent.jobs.control import resume_run
from intent.jobs.queue import enqueue
from intent.jobs.worker import (
    training_lock,
    work,
)
from intent.recipes import Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Phase
from intent.runs.store import create_run, list_runs, open_run, state
from intent.runs.trash import empty_trash, restore_run, trash_run, trashed_runs

DAY = 86400  # seconds


@pytest.fixture
def run(tmp_path: Path) -> RunDir:
    """A run that holds a checkpoint."""
    made = create_run(tmp_path, Recipe())
    made.append(Phase("saving"))
    made.model.mkdir()
    (made.model / "weights").write_bytes(b"learnt")
    return made


def files_of(run: RunDir) -> dict[str, bytes]:
    found = (path for path in run.path.rglob("*") if path.is_file() and path != run.lock_file)
    return {str(path.relative_to(run.path)): path.read_bytes() for path in found}


def test_run_in_the_trash_is_no_run_of_the_folder_but_whole(run: RunDir, tmp_path: Path) -> None:
    before, other = files_of(run), create_run(tmp_path, Recipe())
    trash_run(run)
    assert list_runs(tmp_path) == [other]
    with pytest.raises(RunError):
        open_run(tmp_path, run.id)
    [kept] = trashed_runs(tmp_path)
    assert (kept.id, files_of(kept)) == (run.id, before)


def test_restored_run_is_as_it_was(run: RunDir, tmp_path: Path) -> None:
    before, before_state = files_of(run), state(run)
    trash_run(run)
    assert restore_run(tmp_path, run.id) == run
    assert (files_of(run), state(run)) == (before, before_state)
    assert (list_runs(tmp_path), trashed_runs(tmp_path)) == ([run], [])


def test_run_that_never_began_is_restored_as_one(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    trash_run(run)
    assert state(restore_run(tmp_path, run.id)) == "prepared"


def test_live_run_is_not_removed(run: RunDir) -> None:
    with training_lock(run), pytest.raises(RunError) as error:
        trash_run(run)
    assert str(error.value) == f"Run {run.id} is training now: stop it first."
    assert run.recipe() == Recipe()


def test_queued_run_is_not_removed(run: RunDir) -> None:
    enqueue(run)
    with pytest.raises(RunError) as error:
        trash_run(run)
    assert str(error.value) == f"Run {run.id} is queued: remove it from the queue first."
    assert state(run) == "queued"


@pytest.mark.parametrize("start", [work, enqueue, resume_run])
def test_run_that_was_removed_cannot_start(
    start: Callable[[RunDir], None], run: RunDir, tmp_path: Path
) -> None:
    trash_run(run)
    with pytest.raises(RunError) as error:
        start(run)
    assert str(error.value) == f"Run {run.id} no longer exists: start a new one."
    assert not run.path.exists()
    assert restore_run(tmp_path, run.id) == run


def test_folder_that_is_no_run_is_not_removed(tmp_path: Path) -> None:
    run = create_run(tmp_path / "elsewhere", Recipe())
    link = tmp_path / run.id
    link.symlink_to(run.path)
    named, without_recipe = tmp_path / "notes", tmp_path / "20261122-210959-instant-3f2a"
    for path in (named, without_recipe):
        path.mkdir()
    (named / "recipe.json").write_text(Recipe().to_json())
    for path in (tmp_path / "elsewhere", link, named, without_recipe, tmp_path / "absent"):
        with pytest.raises(RunError) as error:
            trash_run(RunDir(path))
        assert str(error.value) == f"{path} is not the folder of a run: nothing was removed."
    assert run.recipe() == Recipe()
    assert named.exists() and without_recipe.exists()


def test_run_that_cannot_be_moved_stays_and_the_error_says_why(run: RunDir, tmp_path: Path) -> None:
    (tmp_path / ".trash").touch()  # a file in the place of the folder
    with pytest.raises(RunError) as error:
        trash_run(run)
    assert str(error.value) == (
        f"Run {run.id} cannot be removed (File exists): check the permissions of {run.path}."
    )
    assert list_runs(tmp_path) == [run]


@pytest.mark.parametrize("run_id", ["..", "", "../runs", "20261122-210959-instant-3f2a", "\0"])
def test_what_is_not_in_the_trash_is_said(run: RunDir, tmp_path: Path, run_id: str) -> None:
    trash_run(run)
    with pytest.raises(RunError, match="^There is no run .* in the trash of .*\\.$"):
        restore_run(tmp_path, run_id)
    assert len(trashed_runs(tmp_path)) == 1


def test_restoring_never_takes_the_place_of_another_run(run: RunDir, tmp_path: Path) -> None:
    trash_run(run)
    run.path.mkdir()
    (run.path / "recipe.json").write_text(Recipe().to_json())
    with pytest.raises(RunError, match="cannot be restored"):
        restore_run(tmp_path, run.id)
    assert len(trashed_runs(tmp_path)) == len(list_runs(tmp_path)) == 1


def test_trash_is_sorted_by_time_of_removal(tmp_path: Path) -> None:
    first, second, third = (create_run(tmp_path, Recipe()) for _ in range(3))
    for age, run in enumerate((second, third, first)):
        trash_run(run)
        os.utime(tmp_path / ".trash" / run.id, (time.time() - age,) * 2)
    assert [run.id for run in trashed_runs(tmp_path)] == [second.id, third.id, first.id]


def test_age_in_the_trash_counts_from_the_removal(run: RunDir, tmp_path: Path) -> None:
    trash_run(run)
    restore_run(tmp_path, run.id)
    os.utime(run.path, (time.time() - 31 * DAY,) * 2)
    trash_run(run)
    assert empty_trash(tmp_path, older_than_days=30) == 0
    assert [kept.id for kept in trashed_runs(tmp_path)] == [run.id]


def test_only_runs_in_the_trash_are_listed_and_deleted(run: RunDir, tmp_path: Path) -> None:
    trash_run(run)
    other = tmp_path / ".trash" / "notes"
    other.mkdir()
    assert [kept.id for kept in trashed_runs(tmp_path)] == [run.id]
    assert empty_trash(tmp_path) == 1
    assert other.exists()


def test_trash_that_cannot_be_emptied_says_why(run: RunDir, tmp_path: Path) -> None:
    trash = tmp_path / ".trash"
    trash.mkdir()
    (trash / run.id).touch()  # a file in the place of a run
    with pytest.raises(RunError) as error:
        empty_trash(tmp_path)
    assert str(error.value) == (
        f"The trash cannot be emptied (Not a directory): check the permissions of {trash / run.id}."
    )


def test_emptying_by_hand_deletes_all_and_by_age_only_the_old(tmp_path: Path) -> None:
    old, new, kept = (create_run(tmp_path, Recipe()) for _ in range(3))
    trash_run(old), trash_run(new)
    os.utime(tmp_path / ".trash" / old.id, (time.time() - 31 * DAY,) * 2)
    assert empty_trash(tmp_path, older_than_days=30) == 1
    assert [run.id for run in trashed_runs(tmp_path)] == [new.id]
    assert empty_trash(tmp_path) == 1
    assert (trashed_runs(tmp_path), list_runs(tmp_path)) == ([], [kept])
    assert empty_trash(tmp_path / "absent") == 0
