"""The benchmark of growth: its inputs have the sizes asked for, and its parts run at small ones."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from intent.audio.clip import clip_hash
from intent.data.dataset import clip_at, load_data
from intent.runs.events import Event, events_after, from_line, to_line
from tests.benchmarks import bench_growth
from tests.benchmarks.cost import cost_of, duration, markdown
from tests.benchmarks.growth_inputs import LOGS, recording, repeated_sample, write_log
from tests.memory import megabytes


def test_a_repeated_sample_has_as_many_recordings_as_asked_for_and_no_two_alike(
    tmp_path: Path,
) -> None:
    dataset = load_data(str(repeated_sample(tmp_path / "data", 300)))["all"]
    assert len(dataset) == 300
    assert dataset["label"][0] == dataset["label"][len(load_data("sample")["train"]) + 56]
    assert len({clip_hash(clip_at(dataset, index)) for index in range(300)}) == 300


@pytest.mark.parametrize("seconds", [1, 7, 20])
def test_a_recording_is_as_long_as_asked_for_and_has_speech(seconds: int) -> None:
    made = recording(seconds)
    assert made.seconds == seconds
    assert np.abs(made.samples).max() > 0.05


@pytest.mark.parametrize("events", LOGS.values(), ids=LOGS)
def test_a_log_has_as_many_events_as_asked_for_and_is_read_back(
    events: Callable[[int], Iterator[Event]], tmp_path: Path
) -> None:
    write_log(tmp_path / "log", events(500))
    read = [event for block, _ in events_after(tmp_path / "log", 0) for event in block]
    assert len(read) == 500
    assert all(from_line(to_line(event)) == event for event in read)


def test_the_cost_of_a_call_has_the_memory_that_it_held_for_a_while() -> None:
    if not megabytes("VmHWM"):
        pytest.skip("the system keeps no peak")
    assert cost_of(lambda: b"x" * (50 << 20)).peak_megabytes > 45
    assert cost_of(lambda: None).peak_megabytes < 10


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0042, "4.2 ms"), (12.34, "12.3 s"), (300, "5 min")]
)
def test_a_duration_is_in_the_unit_that_suits_it(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_table_is_markdown() -> None:
    assert markdown(("a", "b"), [(1, "x")]) == "| a | b |\n| --- | --- |\n| 1 | x |"


def test_tables_of_small_sizes_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    bench_growth.main(["runs", "events", "--small"])
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line and "|" not in line][1:] == [
        "The list of runs",
        "The history of a run",
    ]
    cells = [line.split(" | ")[0] for line in lines if line.startswith("| ")]
    assert cells.count("| 1,000") == cells.count("| 10,000") == len(LOGS)


@pytest.mark.parametrize(
    ("arguments", "found"),
    [(["lunch"], "choose from classify, "), (["--sizes", "3"], "--sizes are those of one table")],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], found: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bench_growth.main(arguments)
    assert found in capsys.readouterr().err


def test_the_parts_of_the_idle_app_are_measured_from_python_alone() -> None:
    code = "import sys, tests.benchmarks.idle_memory; print({'numpy', 'ssl'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"set()"
