"""Measure how time and memory grow: with the length of a recording, the clips, runs and events.

Run by hand: `python -m tests.benchmarks.bench_growth [classify|training|runs|events|start|memory]`,
all of them if none is named. Each prints a table in Markdown. --small takes a minute or two; sizes
can be given with --sizes when one table is asked for.
"""

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from intent.audio.clip import MAX_SECONDS, read_clip, write_wav
from intent.library_output import quiet_libraries
from intent.models.classifier import classify, warm_up
from intent.models.timeline import timeline
from intent.recipes import preset
from intent.runs.directory import RunDir, history_of
from intent.runs.events import Progress
from intent.runs.store import create_run
from intent.ui.finetune.live_panel import HTML_PARTS
from intent.ui.finetune.live_view import view_of
from tests.benchmarks import bench_runs_list, growth_app, growth_training
from tests.benchmarks.cost import cost_of, duration, markdown, milliseconds
from tests.benchmarks.growth_inputs import LOGS, recording, write_log
from tests.benchmarks.machine import machine_name

Row = tuple[object, ...]
TIMELINE_FROM_SECONDS = 60  # the page offers one for longer recordings
ROUNDS = 5


@dataclass(frozen=True)
class Table:
    """A table: its columns, what measures a row of a size, and the sizes."""

    title: str
    columns: tuple[str, ...]
    rows: Callable[[int], Iterator[Row]]
    sizes: tuple[int, ...]
    small: tuple[int, ...]


def classify_rows(seconds: int) -> Iterator[Row]:
    """Yield what an answer and a timeline cost for a recording of so many seconds."""
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "recording.wav"
        write_wav(recording(seconds), path)
        if seconds <= MAX_SECONDS:
            cost = cost_of(lambda: classify(read_clip(path)))
            best = milliseconds(lambda: classify(read_clip(path)), ROUNDS) / 1000
            yield duration(seconds), "answer", duration(best), f"{cost.peak_megabytes:.0f} MB"
        if seconds > TIMELINE_FROM_SECONDS:
            cost = cost_of(lambda: list(timeline(path)))
            share = f"{duration(cost.seconds)} (1/{seconds / cost.seconds:.0f} of it)"
            yield duration(seconds), "timeline", share, f"{cost.peak_megabytes:.0f} MB"


def runs_rows(count: int) -> Iterator[Row]:
    """Yield the time of a tick of the Runs tab with so many runs, and of reading them all."""
    times = bench_runs_list.measure(count)
    yield f"{count:,}", f"{times.tick:.2f} ms", f"{times.read_all:.0f} ms"


def events_rows(count: int) -> Iterator[Row]:
    """Yield what the history of so many events costs a page that opens, and one that follows."""
    for kind, events in LOGS.items():
        with tempfile.TemporaryDirectory() as name:
            run = create_run(Path(name), preset("recommended"))
            write_log(run.events_file, events(count))
            opened = cost_of(partial(history_of, run))
            ticks = milliseconds(partial(_tick, run), ROUNDS)
            size = sum(len(html) for html in _shown(run))
            yield (
                f"{count:,}",
                kind,
                duration(opened.seconds),
                f"{opened.peak_megabytes:.0f} MB",
                f"{ticks:.1f} ms",
                f"{size / 1024:.0f} KB",
            )


def _tick(run: RunDir) -> None:
    run.append(Progress(1, 2, 3.0, 4.0, 0.5, 1.0))
    _shown(run)


def _shown(run: RunDir) -> list[str]:
    """Return what the page would receive of a run, as HTML."""
    view = view_of(run.id, run.recipe(), "running", history_of(run), has_model=False)
    return [getattr(view, part) for part in HTML_PARTS]


TABLES = {
    "classify": Table(
        "Classifying a recording",
        ("length", "what", "time", "memory at its peak"),
        classify_rows,
        (1, 3, 10, 30, 60, 300, 1800),
        (1, 3, 90),
    ),
    "training": Table(
        "Training (Instant)",
        growth_training.COLUMNS,
        growth_training.rows,
        (100, 1_000, 5_000, 20_000),
        (100, 200),
    ),
    "runs": Table(
        "The list of runs",
        ("runs", "a tick", "reading them all"),
        runs_rows,
        (1, 10, 100, 1_000),
        (1, 20),
    ),
    "events": Table(
        "The history of a run",
        ("events", "mostly", "opening it", "memory at its peak", "a tick", "sent to the page"),
        events_rows,
        (1_000, 10_000, 100_000, 1_000_000),
        (1_000, 10_000),
    ),
    "start": Table("Starting the app", growth_app.START_COLUMNS, growth_app.start_rows, (3,), (1,)),
    "memory": Table(
        "Memory of the idle app", growth_app.MEMORY_COLUMNS, growth_app.memory_rows, (1,), (1,)
    ),
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the tables that were asked for."""
    asked = _parse(arguments)
    if asked.threads:  # read by torch here, and in the processes that are started
        os.environ["OMP_NUM_THREADS"] = str(asked.threads)
    quiet_libraries()
    print(machine_name())
    tables = {name: TABLES[name] for name in asked.tables or TABLES}
    if "training" in tables:
        rows = partial(growth_training.rows, base=asked.base, cache_gigabytes=asked.cache_gb)
        tables["training"] = replace(tables["training"], rows=rows)
    if "classify" in tables:
        warm_up()
    for table in tables.values():
        sizes = asked.sizes or (table.small if asked.small else table.sizes)
        print(f"\n{table.title}\n")
        print(markdown(table.columns, [row for size in sizes for row in table.rows(size)]))


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE", help="by default all")
    parser.add_argument("--small", action="store_true", help="small sizes only")
    parser.add_argument("--sizes", type=int, nargs="+", help="in place of a table's own")
    parser.add_argument("--threads", type=int, help="of torch; 1 on a machine that does much else")
    parser.add_argument("--base", default="bundled", help="to train; tiny: small and random")
    parser.add_argument("--cache-gb", type=float, help="INTENT_CACHE_GB while training")
    asked = parser.parse_args(arguments)
    if unknown := set(asked.tables) - set(TABLES):
        parser.error(f"choose from {', '.join(TABLES)}, not {', '.join(sorted(unknown))}")
    if asked.sizes and len(asked.tables) != 1:
        parser.error("--sizes are those of one table: name it")
    return asked


if __name__ == "__main__":
    main()
