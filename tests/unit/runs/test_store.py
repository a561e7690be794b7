"""Runs in real processes: one at a time, stopped, killed, resumed, and what outlives what."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from intent.errors import IntentError, RunError
from intent.jobs.control import resume_run, start_run
from intent.jobs.processes import kill_run, prepare_worker
from intent.jobs.queue import enqueue, withdraw
from intent.jobs.starter import keep_starting
from intent.jobs.worker import request_stop, training_lock, work
from intent.recipes import Recipe, change, preset
from intent.runs.directory import RunDir, history_of
from intent.runs.events import Event, Failed, Finished, Started, TrainPoint
from intent.runs.live import holder, live_run, queued_runs
from intent.runs.store import TRAINING_STATES, create_run, finished_runs, list_runs, open_run, state
from tests.tiny import tiny_whisper, tone_folder
from tests.waiting import wait_for

PATIENCE = 300  # seconds: far above what anything here takes
wait_until = partial(wait_for, patience=PATIENCE)


def idle(run: RunDir) -> Callable[[], bool]:
    return lambda: state(run) not in TRAINING_STATES


def learns(run: RunDir) -> Callable[[], bool]:
    return lambda: bool(history_of(run).train)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a tiny base and tones to train on, and the process that runs are forked from."""
    folder = tmp_path_factory.mktemp("world")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        patch.setenv("HF_HOME", str(folder / "hub"))
        patch.setenv("INTENT_CACHE", str(folder / "cache"))
        patch.setenv("OMP_NUM_THREADS", "1")
        prepare_worker()
        tiny_whisper(folder / "base")
        tone_folder(folder / "tones")
        yield folder


@pytest.fixture
def instant(world: Path) -> Recipe:
    values = {"base": str(world / "base"), "data": str(world / "tones"), "window_seconds": 2}
    return change(preset("instant"), values)


@pytest.fixture
def long(world: Path) -> Recipe:
    """A recipe that trains for longer than any test."""
    values = {"base": str(world / "base"), "data": str(world / "tones"), "window_seconds": 2}
    endless = {"method": "fine-tune", "epochs": 200, "batch_size": 1}
    return change(preset("recommended"), {**values, **endless})


@pytest.fixture
def runs(tmp_path: Path) -> Iterator[Path]:
    """A runs folder in which nothing trains after the test."""
    yield tmp_path / "runs"
    live = live_run(tmp_path / "runs")
    if live:
        os.kill(holder(live.path.parent)[1], signal.SIGKILL)


HOLD = """
    import sys
    from pathlib import Path
    from intent.errors import RunError
    from intent.runs.events import Phase
    from intent.runs.directory import RunDir
    from intent.jobs.worker import training_lock

    run = RunDir(Path(sys.argv[1]))
    sys.stdin.readline()
    try:
        with training_lock(run):
            run.append(Phase("reading audio"))
            print("held", flush=True)
            sys.stdin.readline()
    except RunError as error:
        print(error, flush=True)
"""


@contextmanager
def run_script(code: str, *arguments: object) -> Iterator[subprocess.Popen]:
    """Run Python code with both ends of its terminal in hand; it is killed if the block fails."""
    command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        except BaseException:
            process.kill()
            raise


def tell(process: subprocess.Popen) -> None:
    process.stdin.write("\n")
    process.stdin.flush()


def test_process_that_holds_the_lock_is_live_until_it_is_killed(runs: Path) -> None:
    run = create_run(runs, Recipe())
    with run_script(HOLD, run.path) as process:
        assert (state(run), live_run(runs)) == ("prepared", None)
        tell(process)
        assert process.stdout.readline() == "held\n"
        assert (state(run), live_run(runs)) == ("running", run)
        assert holder(runs) == (run.id, process.pid)
        request_stop(run)
        assert state(run) == "stopping"
        process.kill()
    assert (state(run), live_run(runs)) == ("interrupted", None)
    with training_lock(run):
        assert state(run) == "running"  # the old request to stop is forgotten
    assert state(run) == "interrupted"


def test_only_one_of_many_processes_gets_the_lock(runs: Path) -> None:
    made = [create_run(runs, Recipe()) for _ in range(4)]
    with ExitStack() as stack:
        processes = [stack.enter_context(run_script(HOLD, run.path)) for run in made]
        for process in processes:
            tell(process)
        said = [process.stdout.readline() for process in processes]
        live = live_run(runs)
        assert said.count("held\n") == 1
        assert live == made[said.index("held\n")]
        refusal = f"Run {live.id} is training now: stop it or wait until it ends.\n"
        assert said.count(refusal) == 3
        for process in processes:
            process.communicate("\n")
            assert process.returncode == 0


def test_checking_a_lock_never_keeps_it_from_being_taken(runs: Path) -> None:
    run, stop = create_run(runs, Recipe()), threading.Event()

    def look() -> None:
        while not stop.is_set():
            state(run), live_run(runs)

    lookers = [threading.Thread(target=look) for _ in range(4)]
    for looker in lookers:
        looker.start()
    try:
        for _ in range(100):
            with training_lock(run):
                pass
    finally:
        stop.set()
        for looker in lookers:
            looker.join()


def test_child_process_trains_to_the_end(runs: Path, instant: Recipe) -> None:
    run = create_run(runs, instant)
    start_run(run)
    wait_until(idle(run))
    history = history_of(run)
    assert state(run) == "done", history
    assert isinstance(history.end, Finished)
    assert history.started.labels == ("high", "low", "middle")
    assert 0 < history.started.time <= history.end.time
    assert (run.model / "config.json").is_file()
    assert live_run(runs) is None


def test_same_work_in_this_process_tells_the_events_that_it_writes(
    runs: Path, instant: Recipe
) -> None:
    run, heard = create_run(runs, instant), []
    work(run, heard.append)
    assert heard == run.events()
    assert isinstance(heard[-1], Finished)


def test_work_in_this_process_is_refused_while_another_run_trains(runs: Path, long: Recipe) -> None:
    run, second = create_run(runs, long), create_run(runs, long)
    start_run(run)
    with pytest.raises(RunError) as error:
        work(second)
    assert str(error.value) == f"Run {run.id} is training now: stop it or wait until it ends."
    assert (state(run), state(second), second.events()) == ("running", "prepared", [])


def test_of_two_starts_at_once_one_trains_and_one_waits(runs: Path, long: Recipe) -> None:
    made, together = [create_run(runs, long) for _ in range(2)], threading.Barrier(2)

    def start(run: RunDir) -> None:
        together.wait()
        start_run(run)

    threads = [threading.Thread(target=start, args=(run,)) for run in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(state, made)) == ["queued", "running"]


def test_stopped_run_keeps_a_checkpoint(runs: Path, long: Recipe) -> None:
    run = create_run(runs, long)
    start_run(run)
    wait_until(learns(run))
    request_stop(run)
    wait_until(idle(run))
    assert state(run) == "stopped", history_of(run)
    assert (run.model / "config.json").is_file()


def test_killed_run_is_interrupted_and_can_be_resumed(runs: Path, long: Recipe) -> None:
    run = create_run(runs, long)
    start_run(run)
    wait_until(lambda: len(history_of(run).evaluations) > 1)
    os.kill(holder(run.path.parent)[1], signal.SIGKILL)
    wait_until(idle(run))
    assert state(run) == "interrupted"
    assert live_run(runs) is None
    before = history_of(run).count
    start_run(run)
    wait_until(lambda: sum(isinstance(event, Started) for event in run.events()) == 2)
    [resumed] = [event for event in run.events()[before:] if isinstance(event, Started)]
    assert resumed.resumed
    request_stop(run)
    wait_until(idle(run))
    assert state(run) == "stopped"


def test_kill_sends_sigterm_first(runs: Path, long: Recipe) -> None:
    run = create_run(runs, long)
    start_run(run)
    wait_until(learns(run))
    kill_run(run)
    assert state(run) == "stopped", history_of(run)


def test_kill_ends_a_process_that_ignores_sigterm(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intent.jobs.processes.TERM_SECONDS", 0.2)
    run = create_run(runs, Recipe())
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + textwrap.dedent(HOLD)
    with run_script(deaf, run.path) as process:
        tell(process)
        assert process.stdout.readline() == "held\n"
        kill_run(run)
        assert process.wait(PATIENCE) == -signal.SIGKILL
    assert state(run) == "interrupted"


def test_kill_leaves_other_processes_alone(runs: Path) -> None:
    run, other = create_run(runs, Recipe()), create_run(runs, Recipe())
    with run_script(HOLD, run.path) as process:
        tell(process)
        assert process.stdout.readline() == "held\n"
        kill_run(other)
        assert (state(run), process.poll()) == ("running", None)
        process.communicate("\n")
    kill_run(run)  # its lock is free: the process of that number is not ours to kill


APP = """
    import sys
    from pathlib import Path
    from intent.runs.directory import RunDir
    from intent.jobs.control import start_run

    if __name__ == "__main__":
        start_run(RunDir(Path(sys.argv[1])))
        print("started", flush=True)
        sys.stdin.readline()
"""


def test_run_survives_an_app_that_is_killed(runs: Path, long: Recipe) -> None:
    run = create_run(runs, long)
    with run_script(APP, run.path) as app:
        assert app.stdout.readline() == "started\n"
        app.kill()
    count = history_of(run).count
    wait_until(lambda: history_of(run).count > count + 3)
    assert state(run) == "running"
    request_stop(run)
    wait_until(idle(run))
    assert state(run) == "stopped"


def test_app_that_exits_stops_its_run_and_waits_for_it(runs: Path, long: Recipe) -> None:
    run = create_run(runs, long)
    with run_script(APP, run.path) as app:
        assert app.stdout.readline() == "started\n"
        wait_until(learns(run))
        _, told = app.communicate("\n")
    assert f"Run {run.id} is stopping; its best checkpoint will be kept" in told
    assert state(run) == "stopped"
    assert (run.model / "config.json").is_file()


def test_user_error_is_recorded_as_an_event_with_its_message(runs: Path, instant: Recipe) -> None:
    run = create_run(runs, change(instant, {"data": str(runs / "absent")}))
    start_run(run)
    wait_until(idle(run))
    end = history_of(run).end
    assert isinstance(end, Failed)
    assert state(run) == "failed"
    with pytest.raises(IntentError) as error:
        work(run)
    assert str(error.value) == end.message


def test_internal_error_names_the_log_with_the_traceback(runs: Path, instant: Recipe) -> None:
    run = create_run(runs, instant)
    run.report_file.mkdir()  # a folder where a file is to be
    with pytest.raises(OSError, match="director"):
        work(run)
    message = history_of(run).end.message
    assert message.startswith("Internal error (")
    assert message.endswith(
        f"see {run.log_file}. The saved checkpoint is kept: resume the run to continue from it."
    )
    assert "Traceback" in run.log_file.read_text()


def test_full_disk_is_reported_in_one_sentence(runs: Path, instant: Recipe) -> None:
    run = create_run(runs, instant)
    with pytest.raises(RunError) as error:
        work(run, lambda event: Path("/dev/full").write_text("what does not fit"))
    assert str(error.value).startswith(
        f"The disk that holds {run.path} is full. No checkpoint was saved yet. "
    )
    assert history_of(run).end.message == str(error.value)


def test_out_of_memory_is_reported_in_one_sentence(runs: Path, instant: Recipe) -> None:
    import torch

    run = create_run(runs, instant)
    for demand in (lambda event: bytearray(2**60), lambda event: torch.empty(2**55)):
        with pytest.raises(RunError) as error:
            work(run, demand)
        assert str(error.value) == (
            "Out of memory: choose a smaller batch_size, window_seconds or base model, and "
            "start again."
        )
        assert history_of(run).end.message == str(error.value)


def test_budget_ends_a_run(runs: Path, long: Recipe) -> None:
    run = create_run(runs, long)
    work(run, budget_seconds=0.001)
    assert state(run) == "out of time"


def test_stopped_run_resumes_from_its_last_checkpoint(runs: Path, long: Recipe) -> None:
    run = create_run(runs, long)

    def stop_when_it_learns(event: Event) -> None:
        if isinstance(event, TrainPoint):
            request_stop(run)

    work(run, stop_when_it_learns)
    first = history_of(run)
    work(run, stop_when_it_learns)
    both = history_of(run)
    assert state(run) == "stopped"
    assert (first.started.resumed, both.started.resumed) == (False, True)
    assert both.train[len(first.train)].step > first.train[-1].step


KEEPER = """
    import sys
    from pathlib import Path
    from intent.jobs.starter import keep_starting

    if __name__ == "__main__":
        print("watching", flush=True)
        keep_starting(Path(sys.argv[1]))
"""


def test_queued_runs_begin_by_themselves_in_their_order(runs: Path, instant: Recipe) -> None:
    first, second, third = (create_run(runs, instant) for _ in range(3))
    for run in (second, first, third):
        enqueue(run)
    assert queued_runs(runs) == [second, first, third]
    assert withdraw(first) and not withdraw(first)
    with run_script(KEEPER, runs) as one, run_script(KEEPER, runs) as other:  # two apps
        wait_until(lambda: state(second) == state(third) == "done")
        one.kill(), other.kill()
    assert state(first) == "prepared"
    assert history_of(second).end.time <= third.events()[0].time  # never two at once


def test_queue_survives_an_app_restart(runs: Path, long: Recipe, instant: Recipe) -> None:
    training, waiting = create_run(runs, long), create_run(runs, instant)
    with run_script(KEEPER, runs) as app:
        enqueue(training), enqueue(waiting)
        wait_until(learns(training))
        assert state(waiting) == "queued"
        app.kill()
    assert (state(training), state(waiting)) == ("running", "queued")
    with run_script(KEEPER, runs) as app:
        assert app.stdout.readline() == "watching\n"
        request_stop(training)
        wait_until(lambda: state(waiting) == "done")
        app.kill()
    assert state(training) == "stopped"


def test_unwritable_runs_folder_is_reported_once_and_again_when_fixed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs, leaving, looks = tmp_path / "runs", threading.Event(), iter(range(100))
    runs.write_text("")

    class Clock:
        """Time that passes at once: the folder is repaired at the tenth look, all ends later."""

        def wait(self, seconds: float) -> bool:
            look = next(looks)
            if look == 20:
                runs.unlink()
            return look > 30

        def is_set(self) -> bool:
            return leaving.is_set()

    monkeypatch.setattr("intent.jobs.starter.exiting", Clock())
    keep_starting(runs)
    assert [record.getMessage() for record in caplog.records] == [
        f"Queued runs cannot start. The runs folder {runs} cannot be created because {runs} is a "
        f"file: "
        "choose another folder with INTENT_RUNS or --runs.",
        f"The runs folder {runs} is writable again: queued runs will start.",
    ]


def test_run_that_cannot_begin_leaves_the_queue_and_says_why(
    runs: Path, instant: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("intent.jobs.processes.child_main", sys.exit)  # a child that dies at once
    run = create_run(runs, instant)
    start_run(run)
    assert state(run) == "failed" and queued_runs(runs) == []
    assert history_of(run).end.message.startswith(f"The training process of run {run.id} did not")


def killed_at_once(run: RunDir, environment: dict[str, str], ready: Connection) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_run_whose_process_is_killed_before_it_begins_is_interrupted_and_can_be_resumed(
    runs: Path, instant: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = create_run(runs, instant)
    with monkeypatch.context() as doomed:
        doomed.setattr("intent.jobs.processes.child_main", killed_at_once)
        start_run(run)
    assert state(run) == "interrupted" and queued_runs(runs) == []
    resume_run(run)
    wait_until(idle(run))
    assert state(run) == "done"


def test_only_a_run_that_ended_early_is_resumed(runs: Path, instant: Recipe) -> None:
    run = create_run(runs, instant)
    work(run)
    with pytest.raises(RunError) as error:
        resume_run(run)
    assert str(error.value) == f"Run {run.id} is done: there is nothing to resume."


def test_checkpoint_between_its_two_moves_is_put_back(runs: Path) -> None:
    run = create_run(runs, Recipe())
    run.old_model.mkdir()
    (run.old_model / "weights").write_bytes(b"learnt")
    for found in (open_run(runs, run.id), *list_runs(runs)):
        assert (found.model / "weights").read_bytes() == b"learnt"
    assert finished_runs(runs) == [run]
