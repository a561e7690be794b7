"""A run's directory: what is written whole, what is read of a damaged log, ids that stay inside."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from intent.errors import RunError
from intent.paths import folder_bytes
from intent.recipes import Recipe, change, preset
from intent.runs.directory import RunDir, history_of
from intent.runs.events import (
    EvalPoint,
    Failed,
    Finished,
    History,
    Phase,
    Saved,
    Skipped,
    Started,
    TrainPoint,
    from_line,
    to_line,
)
from intent.runs.store import (
    RESUMABLE,
    create_run,
    finished_runs,
    list_runs,
    open_run,
    rename_run,
    state,
)

POINT = TrainPoint(1.0, 0.5, 2.0, 0.25)
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def test_recipe_is_kept_as_it_was_asked(tmp_path: Path) -> None:
    recipe = preset("guide")
    run = create_run(tmp_path / "runs", recipe)
    assert open_run(tmp_path / "runs", run.id).recipe() == recipe
    assert sorted(path.name for path in run.path.iterdir()) == ["recipe.json"]


def test_runs_are_listed_newest_first(tmp_path: Path) -> None:
    made = [create_run(tmp_path, Recipe()) for _ in range(5)]
    assert len({run.id for run in made}) == 5
    assert list_runs(tmp_path) == made[::-1]


def test_what_is_no_run_is_not_listed(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    (tmp_path / "notes").mkdir()
    (tmp_path / "20261122-210959-instant-3f2a").mkdir()  # no recipe in it
    assert list_runs(tmp_path) == [run]
    assert list_runs(tmp_path / "absent") == []


def test_only_runs_with_a_checkpoint_are_finished(tmp_path: Path) -> None:
    run, _ = create_run(tmp_path, Recipe()), create_run(tmp_path, Recipe())
    run.model.mkdir()
    assert finished_runs(tmp_path) == [run]


@pytest.mark.parametrize(
    "run_id",
    ["..", ".", "", "/etc", "../secret", "20261122-210959-instant-3f2a", "x\n", "\0", "٢" * 8],
)
def test_an_invalid_id_is_refused_in_one_line(tmp_path: Path, run_id: str) -> None:
    (tmp_path / "secret").mkdir()
    with pytest.raises(RunError) as error:
        open_run(tmp_path, run_id)
    shown = " ".join(run_id.split())
    assert str(error.value) == (
        f"There is no run {shown!r} in {tmp_path}: choose one of that folder's runs."
    )


PIECES = st.sampled_from(["..", "/", "\\", ".", "%2e", "20261122-210959-instant-3f2a", "\0", "~"])


@fuzz
@given(st.text() | st.lists(PIECES).map("".join))
def test_no_id_leads_out_of_the_folder(tmp_path: Path, run_id: str) -> None:
    runs = tmp_path / "inside" / "runs"
    for folder in (runs / "20261122-210959-instant-3f2a", runs.parent, tmp_path):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "recipe.json").write_text(Recipe().to_json())
    try:
        assert open_run(runs, run_id).path == runs / "20261122-210959-instant-3f2a"
    except RunError:
        pass


@pytest.mark.parametrize(
    ("preset_name", "base", "name"),
    [
        ("recommended", "openai/whisper-tiny.en", "Recommended, whisper-tiny.en"),
        ("instant", "bundled", "Instant, bundled"),
        ("guide", "/a/20261122-210959-instant-3f2a/model", "Guide, 20261122-210959-instant-3f2a"),
        ("guide", "/home/me/model", "Guide, model"),
    ],
)
def test_run_without_a_name_is_called_by_preset_and_base(
    tmp_path: Path, preset_name: str, base: str, name: str
) -> None:
    assert create_run(tmp_path, change(preset(preset_name), {"base": base})).name == name


def test_run_without_its_recipe_is_named_by_its_id(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    run.recipe_file.write_text("not json")
    assert run.name == run.id


def test_run_keeps_the_name_that_it_was_given(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    rename_run(run, "  Épreuve n° 2 🎧 ")
    assert open_run(tmp_path, run.id).name == "Épreuve n° 2 🎧"
    rename_run(run, "x" * 60)
    assert run.name == "x" * 60


@pytest.mark.parametrize("name", ["", "  ", "x" * 61, "two\nlines", "\0", "\u202eright to left"])
def test_name_that_cannot_be_shown_is_refused(tmp_path: Path, name: str) -> None:
    run = create_run(tmp_path, Recipe())
    with pytest.raises(
        RunError, match="^A run's name must have 1 to 60 printable characters, but is"
    ):
        rename_run(run, name)
    assert run.name == "Recommended, bundled"


def test_size_of_a_run_counts_all_its_files(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    before = folder_bytes(run.path)
    run.model.mkdir()
    (run.model / "weights").write_bytes(b"x" * 1000)
    (run.model / "outside").symlink_to(__file__)
    assert 1000 <= folder_bytes(run.path) - before < 1000 + 500


def test_run_without_its_recipe_says_so(tmp_path: Path) -> None:
    run = create_run(tmp_path, Recipe())
    run.recipe_file.write_text("not json")
    with pytest.raises(RunError) as error:
        run.recipe()
    assert str(error.value) == (
        f"The recipe of run {run.id} cannot be read (JSON was expected, but found something else: "
        "expected ident at line 1 column 2): start a new run."
    )


def test_events_are_read_as_they_were_appended(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    skipped = Skipped("a\nb.wav\u2028", "It is empty.")
    happened = [Phase("reading audio"), POINT, skipped, Failed("No.")]
    for event in happened:
        run.append(event)
    assert run.events() == happened
    assert RunDir(tmp_path / "absent").events() == []


def test_half_a_line_is_closed_by_the_next_append(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.append(POINT)
    with open(run.events_file, "a") as file:
        file.write(to_line(POINT)[:20])
    run.append(Phase("epoch 2 of 3"))
    assert run.events() == [POINT, Phase("epoch 2 of 3")]


def test_append_reports_a_full_disk(tmp_path: Path) -> None:
    os.symlink("/dev/full", RunDir(tmp_path).events_file)
    with pytest.raises(OSError, match="No space left"):
        RunDir(tmp_path).append(POINT)


@fuzz
@given(st.binary(), st.lists(st.binary()))
def test_damaged_log_loses_only_damaged_lines(
    tmp_path: Path, start: bytes, between: list[bytes]
) -> None:
    run = RunDir(tmp_path)
    whole = to_line(POINT).encode()
    lines = [start, *(whole + b"\n" + junk for junk in between), b""]
    run.events_file.write_bytes(b"\n".join(lines))
    assert run.events().count(POINT) >= len(between)
    assert run.history().count == len(run.events())


@fuzz
@given(st.integers(min_value=0, max_value=400))
def test_log_cut_anywhere_keeps_the_whole_lines_before(tmp_path: Path, cut: int) -> None:
    run = RunDir(tmp_path)
    lines = b"".join(to_line(Phase(f"epoch {n} of 9")).encode() + b"\n" for n in range(9))
    run.events_file.write_bytes(lines[:cut])
    assert run.events() == [Phase(f"epoch {n} of 9") for n in range(lines[:cut].count(b"\n"))]


WHOLE_LOG = [
    Phase("starting"),
    Started("fine-tune", ("a", "b"), 8, 2, 0, "CPU"),
    Skipped("é.wav", "Empty."),
    POINT,
    EvalPoint(0.5, 1.0, 1, 1.0),
    Saved(0.5),
    Finished("stopped", 0.5, None, 2, 1.0),
]


@fuzz
@given(st.floats(0, 1), st.integers(0, 50))
def test_run_whose_log_was_truncated_by_a_power_loss_can_be_resumed(
    tmp_path: Path, kept: float, zeros: int
) -> None:
    runs = tmp_path / "runs"
    run = list_runs(runs)[0] if runs.exists() else create_run(runs, Recipe())
    log = b"".join(to_line(event).encode() + b"\n" for event in WHOLE_LOG)
    cut = log[: round(kept * len(log))]
    run.events_file.write_bytes(cut + bytes(zeros))  # a block that was given but never written
    assert list_runs(runs) == [open_run(runs, run.id)] == [run]
    before = cut.count(b"\n")
    assert run.events() == WHOLE_LOG[:before]
    assert state(run) in RESUMABLE
    run.append(Phase("starting"))
    assert run.events()[before:] in (
        [Phase("starting")],
        [WHOLE_LOG[before % 7], Phase("starting")],
    )
    assert state(run) == "interrupted"


@fuzz
@given(st.lists(st.binary() | st.sampled_from([to_line(POINT).encode() + b"\n", b"\n"])))
def test_fold_of_parts_is_the_fold_of_the_whole(tmp_path: Path, parts: list[bytes]) -> None:
    run = RunDir(tmp_path)
    run.events_file.write_bytes(b"")
    assert history_of(run) == History()
    for part in parts:
        with open(run.events_file, "ab") as file:
            file.write(part)
        assert repr(history_of(run)) == repr(run.history())  # NaN does not equal itself


def test_history_is_the_same_object_while_nothing_is_new(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.append(POINT)
    first = history_of(run)
    assert history_of(RunDir(tmp_path)) is first
    run.append(POINT)
    assert history_of(run).train == (POINT, POINT)


def test_history_starts_afresh_when_the_log_is_another(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.append(POINT)
    assert history_of(run).count == 1
    other = tmp_path / "other"
    other.write_text(to_line(Phase("reading audio")) + "\n" * 200)  # longer than the one before
    other.replace(run.events_file)
    assert history_of(run).train == ()
    run.events_file.unlink()
    assert history_of(run) == History()


def test_history_is_whole_for_all_who_follow_at_once(tmp_path: Path) -> None:
    run, seen = RunDir(tmp_path), []

    def follow() -> None:
        while (count := history_of(run).count) < 200:
            seen.append(count)

    threads = [threading.Thread(target=follow) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(200):
        run.append(POINT)
    for thread in threads:
        thread.join()
    assert history_of(run).train == (POINT,) * 200


def test_appends_of_several_processes_are_all_kept_whole(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from intent.runs.directory import RunDir; from intent.runs.events import Phase\n"
        "for n in range(100): RunDir(Path(sys.argv[1])).append(Phase('x' * 500))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    for process in [subprocess.Popen(command) for _ in range(2)]:
        assert process.wait() == 0
    lines = RunDir(tmp_path).events_file.read_text().splitlines()
    assert [from_line(line) for line in lines if line] == [Phase("x" * 500)] * 200


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], "prepared"),
        ([Phase("reading audio")], "interrupted"),
        ([Finished("done", 0.9, (0.8, 0.95), 10, 3.0)], "done"),
        ([Finished("stopped", None, None, 0, 3.0)], "stopped"),
        ([Finished("out of time", 0.9, (0.8, 0.95), 10, 3.0)], "out of time"),
        ([POINT, Failed("There is no room.")], "failed"),
    ],
)
def test_state_of_an_idle_run_follows_from_its_last_event(
    tmp_path: Path, events: list, expected: str
) -> None:
    run = create_run(tmp_path, Recipe())
    for event in events:
        run.append(event)
    assert state(run) == expected


def test_file_in_the_place_of_the_runs_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    with pytest.raises(RunError) as error:
        create_run(tmp_path / "runs", Recipe())
    assert str(error.value) == (
        f"The runs folder {tmp_path / 'runs'} cannot be created because {tmp_path / 'runs'} is a file: "
        "choose another folder with INTENT_RUNS or --runs."
    )


def test_disk_that_takes_no_more_is_named_and_leaves_no_half_run(tmp_path: Path) -> None:
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from intent.errors import RunError; from intent.recipes import Recipe\n"
        "from intent.runs.store import create_run\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"  # not one byte to a file
        "try: create_run(Path(sys.argv[1]), Recipe())\n"
        "except RunError as error: sys.stdout.write(str(error)); sys.exit(7)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "runs")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        message = process.stdout.read()
    assert process.returncode == 7
    assert message == (
        f"A file in {tmp_path / 'runs'} has reached the file size limit: lift that limit "
        "(ulimit -f) or choose another folder with INTENT_RUNS or --runs."
    )
    assert list((tmp_path / "runs").iterdir()) == []
