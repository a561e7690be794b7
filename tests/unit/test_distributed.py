"""Two processes that train one run together, on the CPU: one result, and one end for both."""

import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from intent.errors import RunError
from intent.jobs.worker import work
from intent.recipes import OF_ANY_RECIPE, Recipe
from intent.runs.directory import RunDir
from intent.runs.events import Event, Failed, Finished, Started, TrainPoint, from_line
from intent.runs.report import read_report
from intent.runs.store import create_run, list_runs, state
from tests.repository import ROOT

SECONDS = 240  # after which two processes that wait for one another have failed


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No Hub, one thread a process, and caches and runs of the test's own."""
    settings = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    settings |= {"INTENT_CACHE": str(tmp_path / "cache"), "INTENT_RUNS": str(tmp_path / "runs")}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


Launch = Callable[..., list[subprocess.Popen]]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Start a command as two processes of one training, as torchrun does; none is left behind."""
    started: list[subprocess.Popen] = []

    def start(arguments: list[str], *of_rank: dict[str, str]) -> list[subprocess.Popen]:
        pair = []
        port = str(free_port())
        for rank, own in enumerate(of_rank or ({}, {})):
            ties = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": "2"}
            ties |= {"LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
            command = [sys.executable, "-m", "intent", *arguments]
            pair.append(
                subprocess.Popen(
                    command,
                    env={**os.environ, **ties, **own},
                    text=True,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                )
            )
            started.append(pair[-1])
        return pair

    yield start
    for process in started:
        process.kill()
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def recipe(world: Path, **changes: object) -> Recipe:
    few = Recipe(
        data=str(world / "tones"),
        base=str(world / "base"),
        window_seconds=2,
        trainable_layers=2,
        learning_rate=1e-3,
        epochs=4,
        batch_size=4,
        mixed_precision=False,
    )
    return dataclasses.replace(few, **changes)


def command(of: Recipe) -> list[str]:
    """The command line that trains a recipe."""
    values = dataclasses.asdict(of)
    settings = [f"{name}={value}" for name, value in values.items() if name not in OF_ANY_RECIPE]
    return ["train", "--json", "--data", of.data, "--base", of.base, "--set", *settings]


def ends(processes: list[subprocess.Popen]) -> list[tuple[int, str, str]]:
    """Wait for all, and return the exit code, the output and the complaints of each."""
    said = [process.communicate(timeout=SECONDS) for process in processes]
    return [(process.returncode, *words) for process, words in zip(processes, said, strict=True)]


def only_run(tmp_path: Path) -> RunDir:
    [run] = list_runs(tmp_path / "runs")
    return run


def of(run: RunDir, kind: type[Event]) -> list:
    return [event for event in run.events() if isinstance(event, kind)]


def wait_until(process: subprocess.Popen, kind: str) -> None:
    """Read what a process prints until it has told an event of a kind."""
    for line in process.stdout:
        if json.loads(line).get("event") == kind:
            return
    raise AssertionError(f"no {kind} was told: {process.stderr.read()}")


def compare_curves(one: RunDir, other: RunDir) -> None:
    """Two runs went the same way, but for the noise of float arithmetic."""
    histories = one.history(), other.history()
    for curve in ("train", "evaluations"):
        here, there = (getattr(history, curve) for history in histories)
        assert len(here) == len(there) > 0
        for mine, theirs in zip(here, there, strict=True):
            assert (mine.step, mine.epoch) == (theirs.step, theirs.epoch)
            assert mine.loss == pytest.approx(theirs.loss, abs=1e-4)
            assert mine.accuracy == pytest.approx(theirs.accuracy)


def test_two_processes_make_the_run_that_one_makes_of_twice_the_batch(
    world: Path, tmp_path: Path
) -> None:
    launcher = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--multi_gpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        "--main_process_port",
        str(free_port()),
        "-m",
        "intent",
    ]
    done = subprocess.run(
        [*launcher, *command(recipe(world))],
        text=True,
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    together = only_run(tmp_path)
    *lines, last = done.stdout.splitlines()
    assert [from_line(line) for line in lines] == together.events()
    assert (json.loads(last)["run"], json.loads(last)["outcome"]) == (together.id, "done")
    assert of(together, Started)[0].device.startswith("2 × ")

    alone = create_run(tmp_path / "alone", recipe(world, batch_size=8))
    work(alone)
    assert [point.step for point in of(together, TrainPoint)] == list(range(1, 13))
    compare_curves(alone, together)
    answers = [[dict(clip.top) for clip in read_report(run).clips] for run in (alone, together)]
    assert answers[0] == [pytest.approx(scores, abs=1e-3) for scores in answers[1]]
    files = [
        {str(file.relative_to(run.path)) for file in run.path.rglob("*")}
        for run in (alone, together)
    ]
    assert files[0] == files[1]


def test_a_stop_request_ends_both_and_resuming_needs_the_same_number_of_processes(
    world: Path, tmp_path: Path, launch: Launch
) -> None:
    leader, helper = launch(command(recipe(world, epochs=200)))
    wait_until(leader, "EvalPoint")
    run = only_run(tmp_path)
    leader.send_signal(signal.SIGTERM), helper.send_signal(signal.SIGTERM)
    (code, out, err), quiet = ends([leader, helper])
    assert (code, err) == (0, "Stopping and keeping the best checkpoint so far.\n")
    assert json.loads(out.splitlines()[-1])["outcome"] == state(run) == "stopped"
    assert quiet == (0, "", "")
    assert (run.model / "config.json").is_file()

    with pytest.raises(RunError) as refused:
        work(run)
    assert str(refused.value) == (
        "This run was trained by 2 processes, but is resumed by 1: resume it with 2 (accelerate "
        "launch --num_processes 2), or start a new run."
    )


def test_a_failure_in_one_process_is_reported_by_the_run_and_ends_both(
    world: Path, tmp_path: Path, launch: Launch
) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "features").touch()  # a file where a folder should be
    broken = {"INTENT_CACHE": str(tmp_path / "broken")}
    (code, out, err), (helpers_code, *silence) = ends(launch(command(recipe(world)), {}, broken))
    run = only_run(tmp_path)
    [failed] = of(run, Failed)
    assert failed.message.startswith(f"The folder {tmp_path / 'broken' / 'features'} is not ")
    assert (code, err) == (2, failed.message + "\n")
    assert json.loads(out.splitlines()[-1])["outcome"] == state(run) == "failed"
    assert (helpers_code, silence) == (2, ["", ""])
    assert "features" in run.log_file.read_text()


def test_a_killed_process_ends_the_other_and_the_run_can_be_resumed(
    world: Path, tmp_path: Path, launch: Launch
) -> None:
    leader, helper = launch(command(recipe(world, epochs=12)))
    wait_until(leader, "EvalPoint")
    helper.kill()
    (code, _, err), _ = ends([leader, helper])
    run = only_run(tmp_path)
    [failed] = of(run, Failed)
    assert failed.message.startswith("One of the 2 processes of this run has exited")
    assert (code, err) == (2, failed.message + "\n")
    assert (run.model / "config.json").is_file()

    codes = [code for code, *_ in ends(launch(["train", "--resume", run.id]))]
    assert (codes, state(run)) == ([0, 0], "done")
    undisturbed = create_run(tmp_path / "alone", recipe(world, epochs=12, batch_size=8))
    work(undisturbed)
    compare_curves(undisturbed, run)


def test_usage_errors_are_reported_once(launch: Launch, tmp_path: Path) -> None:
    (code, _, err), quiet = ends(launch(["train", "--set", "epochs=0"]))
    assert (code, err.count("\n")) == (2, 1)
    assert quiet[1:] == ("", "") and quiet[0]
    assert list_runs(tmp_path / "runs") == []


def test_the_lead_process_finishes_work_that_is_not_distributed(
    world: Path, tmp_path: Path, launch: Launch
) -> None:
    given = ["--data", str(world / "tones"), "--base", str(world / "base")]
    settings = ["--set", "window_seconds=2", "copies=1", "epochs=4"]
    (code, _, err), quiet = ends(launch(["train", *given, *settings]))
    assert code == 0, err
    assert quiet == (0, "", "")
    run = only_run(tmp_path)
    assert of(run, Finished)[0].outcome == "done"


def test_only_training_is_launched(launch: Launch) -> None:
    (code, _, err), _ = ends(launch(["runs", "list"]))
    assert (code, err) == (
        2,
        "Only `train` runs in several processes: start this command without accelerate launch.\n",
    )
