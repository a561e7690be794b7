"""Locks: one holder at a time, whose name stays; looking at a lock hinders nobody."""

import errno
import fcntl
import sys
import time
from pathlib import Path

import pytest

from intent.errors import RunError
from intent.runs import locks
from intent.runs.locks import hold, holder_of, is_held


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "lock"


def test_one_block_at_a_time_holds_a_lock(file: Path) -> None:
    for _ in range(2):
        with hold(file) as first:
            with hold(file, patience=0) as second:
                assert (first, second) == (True, False)
            assert is_held(file)
        assert not is_held(file)


def test_a_lock_is_free_again_after_an_error(file: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold(file):
        raise ZeroDivisionError
    assert not is_held(file)


def test_the_name_in_a_lock_is_that_of_its_latest_holder(file: Path) -> None:
    assert holder_of(file) == ""
    with hold(file, "a holder with a long name"), hold(file, "who came too late", patience=0):
        assert holder_of(file) == "a holder with a long name"
    assert holder_of(file) == "a holder with a long name"
    with hold(file, "another"):
        pass
    with hold(file):
        assert holder_of(file) == "another"


def test_a_name_that_is_no_text_is_none(file: Path) -> None:
    file.write_bytes(b"\xff\xfe")
    assert holder_of(file) == ""


def test_a_lock_that_does_not_exist_is_not_held_nor_made_by_looking(file: Path) -> None:
    assert not is_held(file)
    assert not file.exists()


def test_who_looks_at_a_lock_does_not_hold_it_for_others_who_look(file: Path) -> None:
    with file.open("w") as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)  # as `is_held` does for a moment
        assert not is_held(file)


def test_a_lock_is_awaited_while_someone_looks_at_it(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = file.open("w")
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(time, "sleep", lambda seconds: looking.close())
    with hold(file, patience=60) as ours:
        assert ours and looking.closed


def test_a_folder_without_locks_is_named(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(RunError) as error, hold(file):
        pass
    assert str(error.value) == (
        f"The folder {file.parent} does not support file locks (No locks available): choose a runs "
        "folder on a local disk."
    )


def test_a_system_without_locks_is_told_apart(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fcntl", None)
    with pytest.raises(RunError, match="^Training needs the file locks of Linux or macOS"):
        with locks.hold(file):
            pass
