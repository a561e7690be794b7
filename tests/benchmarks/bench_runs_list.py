"""How long one tick of the Runs tab takes where nothing has changed, against reading every run.

Run `python -m tests.benchmarks.bench_runs_list`.
"""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from intent.recipes import preset
from intent.runs.events import EvalPoint, Finished
from intent.runs.store import create_run, list_runs
from intent.runs.summary import summarize
from intent.ui.runs.rows import rows_of

RUNS = 1000
ROUNDS = 20
LONG_AGO = time.time() - 3600


def make_runs(folder: Path) -> None:
    """Make runs that have ended, with ten evaluations and a model each."""
    for _ in range(RUNS):
        run = create_run(folder, preset("recommended"))
        for step in range(10):
            run.append(EvalPoint(step / 10, step=float(step)))
        run.append(Finished("done", 0.9, (0.8, 0.95), 56, 10.0))
        run.model.mkdir()
        (run.model / "model.safetensors").touch()
        os.utime(run.path, (LONG_AGO, LONG_AGO))
    os.utime(folder, (LONG_AGO, LONG_AGO))


def milliseconds(call: Callable[[], object], rounds: int) -> float:
    """Return the shortest time of a call: others may use the machine as well."""
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        call()
        times.append(time.perf_counter() - started)
    return min(times) * 1000


def main() -> None:
    """Print both times and their ratio."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_runs(folder)
        rows_of(folder)
        read_all = milliseconds(lambda: [summarize(run) for run in list_runs(folder)], 3)
        tick = milliseconds(lambda: rows_of(folder), ROUNDS)
        paths = [str(run.path) for run in list_runs(folder)]
        floor = milliseconds(lambda: [os.stat(path) for path in paths], ROUNDS)
    print(f"{RUNS} runs: reading all {read_all:.0f} ms, a tick {tick:.2f} ms", end="")
    print(f" ({read_all / tick:.0f} times faster); one stat of each folder alone {floor:.2f} ms")


if __name__ == "__main__":
    main()
