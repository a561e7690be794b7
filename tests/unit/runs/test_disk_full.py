"""A full disk: the run ends with its best checkpoint intact, and lists what can be freed."""

import os
import resource
import shutil
import tempfile
from collections.abc import Iterator
from multiprocessing import get_context
from pathlib import Path

import pytest

from intent.checkpoints.provenance import read_provenance
from intent.jobs.processes import prepare_worker
from intent.jobs.worker import work
from intent.paths import named
from intent.recipes import Recipe, change, preset
from intent.runs.directory import RunDir, history_of
from intent.runs.disk_full import full_message, is_full
from intent.runs.events import Event, Failed, Saved
from intent.runs.store import create_run, state
from intent.runs.trash import trash_run
from tests.tiny import tiny_whisper, tone_folder

ROOM = 20_000  # bytes that a file may still have: enough for events, too few for weights


@pytest.fixture(scope="module", autouse=True)
def warm() -> Iterator[None]:
    prepare_worker()
    yield


def work_until_the_disk_is_full(run: RunDir, cache: str) -> None:
    """Work in a process whose files may be no longer than ROOM once a checkpoint is saved."""
    os.environ.update(INTENT_CACHE=cache, HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")

    def fill(event: Event) -> None:
        if isinstance(event, Saved):
            resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))

    work(run, fill)


@pytest.mark.parametrize("method", ["fine-tune", "leave-one-out"])
def test_disk_that_takes_no_more_ends_a_run_with_its_best_checkpoint_whole(
    method: str, tmp_path: Path
) -> None:
    base, tones = tiny_whisper(tmp_path / "base"), tone_folder(tmp_path / "tones", 6)
    values = {"base": str(base), "data": str(tones), "window_seconds": 1, "epochs": 2}
    if method == "fine-tune":
        values |= {"method": method, "trainable_layers": 1, "head": "closed-form"}
    run = create_run(tmp_path / "runs", change(preset("recommended"), values))
    process = get_context("forkserver").Process(
        target=work_until_the_disk_is_full, args=(run, str(tmp_path / "cache"))
    )
    process.start()
    process.join()
    history = history_of(run)
    assert isinstance(history.end, Failed) and state(run) == "failed"
    assert history.end.message == (
        f"A file in {run.path} has reached the file size limit. The run's best checkpoint "
        "is kept. Lift that limit (ulimit -f) or use another disk, then resume the run."
    )
    assert read_provenance(run.model).accuracy == history.saved.accuracy
    assert (run.model / "model.safetensors").stat().st_size > ROOM
    assert not run.new_model.exists()

    process = get_context("forkserver").Process(target=work, args=(run,))  # with room again
    process.start()
    process.join()
    assert state(run) == "done"


def test_what_can_be_freed_is_named_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INTENT_CACHE", str(tmp_path / "cache"))
    runs = tmp_path / "runs"
    run, other, removed = (create_run(runs, Recipe()) for _ in range(3))
    (other.path / "weights").write_bytes(bytes(2_000_000))
    (removed.path / "weights").write_bytes(bytes(3_000_000))
    trash_run(removed)
    assert "No checkpoint was saved yet. Free some space" in full_message(run)
    run.model.mkdir()
    assert full_message(run) == (
        f"The disk that holds {run.path} is full. The run's best checkpoint is kept. Free "
        f"some space, such as 3 MB of the trash (empty it), 2 MB of other runs in {runs} (remove "
        "some and empty the trash), then resume the run."
    )


@pytest.fixture
def two_disks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[RunDir, Path]:
    """A run on one disk with two megabytes of others beside it, and a cache on another disk."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as other:
        if os.stat(other).st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is but one disk")
        monkeypatch.setenv("INTENT_CACHE", other)
        run, beside = (create_run(tmp_path / "runs", Recipe()) for _ in range(2))
        (beside.path / "weights").write_bytes(bytes(2_000_000))
        Path(other, "features").write_bytes(bytes(3_000_000))
        run.model.mkdir()
        yield run, Path(other)


def test_only_what_lies_on_the_full_disk_is_offered(two_disks: tuple[RunDir, Path]) -> None:
    run, cache = two_disks
    of_cache = OSError(28, "No space left on device", str(cache / "features" / "a.npy"))
    assert full_message(run, of_cache) == (
        f"The disk that holds {cache} is full. The run's best checkpoint is kept. Free some "
        f"space, such as 3 MB of cached features in {cache} (computed again when needed), or set "
        "INTENT_CACHE to a folder on another disk, then resume the run."
    )
    of_run = OSError(28, "No space left on device", str(run.events_file))
    assert full_message(run, of_run) == (
        f"The disk that holds {run.path} is full. The run's best checkpoint is kept. Free "
        f"some space, such as 2 MB of other runs in {run.path.parent} (remove some and empty the "
        "trash), then resume the run."
    )


def test_disk_without_room_is_found_where_a_failure_names_none(
    two_disks: tuple[RunDir, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, cache = two_disks
    usage = shutil.disk_usage(cache)
    monkeypatch.setattr(
        shutil, "disk_usage", lambda path: usage._replace(free=0 if path == cache else 10**9)
    )
    message = full_message(run, RuntimeError("No space left on device (os error 28)"))
    assert message.startswith(f"The disk that holds {cache} is full.")


@pytest.mark.parametrize("error", [OSError(122, "Disk quota exceeded"), OSError("os error 122")])
def test_quota_is_distinguished_from_a_full_disk(error: Exception, tmp_path: Path) -> None:
    run = create_run(tmp_path / "runs", Recipe())
    assert full_message(run, error).startswith(
        f"Your quota on the disk that holds {run.path} is used up. No checkpoint was saved yet."
    )


def test_failure_to_write_names_the_file() -> None:
    with pytest.raises(OSError) as error, named(Path("/dev/full")):
        Path("/dev/full").write_text("what does not fit")
    assert error.value.filename == "/dev/full"


@pytest.mark.parametrize(
    ("error", "full"),
    [
        (OSError(28, "No space left on device"), True),
        (OSError(27, "File too large"), True),
        (OSError(13, "Permission denied"), False),
        (RuntimeError("Error: I/O error: No space left on device (os error 28)"), True),
        (RuntimeError("PytorchStreamWriter failed writing file data/3: file write failed"), True),
        (OSError("100000 requested and 4096 written"), True),
        (RuntimeError("basic_ios::clear: iostream error"), True),
        (RuntimeError("[enforce fail at inline_container.cc:672] . unexpected pos 7 vs 3"), True),
        (ValueError("os error 280"), False),
    ],
)
def test_full_disk_is_distinguished_from_other_failures(error: Exception, full: bool) -> None:
    assert is_full(error) == full
    wrapped = RuntimeError("saving failed")
    wrapped.__cause__ = error
    assert is_full(wrapped) == full
