"""How long one tick of the Runs tab takes where nothing has changed, against reading every run.

Run `python -m tests.benchmarks.bench_runs_list`.
"""

import os
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from intent.recipes import preset
from intent.runs.events import EvalPoint, Finished
from intent.runs.store import create_run, list_runs
from intent.runs.summary import summarize
from intent.ui.runs.rows import rows_of
from tests.benchmarks.cost import milliseconds

RUNS = 1000
ROUNDS = 20
LONG_AGO = time.time() - 3600


class Times(NamedTuple):
    """Milliseconds: a tick where nothing changed, reading every run, and a `stat` of each."""

    tick: float
    read_all: float
    floor: float


def make_runs(folder: Path, count: int) -> None:
    """Make runs that have ended, with ten evaluations and a model each."""
    for _ in range(count):
        run = create_run(folder, preset("recommended"))
        for step in range(10):
            run.append(EvalPoint(step / 10, step=float(step)))
        run.append(Finished("done", 0.9, (0.8, 0.95), 56, 10.0))
        run.model.mkdir()
        (run.model / "model.safetensors").touch()
        os.utime(run.path, (LONG_AGO, LONG_AGO))
    os.utime(folder, (LONG_AGO, LONG_AGO))


def measure(count: int) -> Times:
    """Return what the list of so many runs takes."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_runs(folder, count)
        rows_of(folder)
        read_all = milliseconds(lambda: [summarize(run) for run in list_runs(folder)], 3)
        tick = milliseconds(lambda: rows_of(folder), ROUNDS)
        paths = [str(run.path) for run in list_runs(folder)]
        floor = milliseconds(lambda: [os.stat(path) for path in paths], ROUNDS)
    return Times(tick, read_all, floor)


def main() -> None:
    """Print both times and their ratio."""
    times = measure(RUNS)
    print(f"{RUNS} runs: reading all {times.read_all:.0f} ms, a tick {times.tick:.2f} ms", end="")
    print(f" ({times.read_all / times.tick:.0f} times faster);", end=" ")
    print(f"one stat of each folder alone {times.floor:.2f} ms")


if __name__ == "__main__":
    main()
