"""Kill runs at random points and see that nothing is lost: python -m tests.faults --points 200."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from intent.library_output import quiet_libraries
from intent.runs.directory import RunDir, history_of
from intent.runs.store import state
from tests.faults.losses import curve_fault, what_is_lost
from tests.faults.points import Point, draw_points
from tests.faults.world import World, build_world, kill_at, resume

ENDED = "ended ahead of the kill"  # which does not count


def main() -> int:
    """Try the points, say what was lost at each, and sum up; the exit code is 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--points", type=int, default=200, help="how many (200)")
    parser.add_argument("--first", type=int, default=0, help="pass over so many before (0)")
    parser.add_argument("--seed", type=int, default=0, help="of the points (0)")
    parser.add_argument("--resume", type=int, default=3, help="one interrupted run in so many (3)")
    options = parser.parse_args()
    quiet_libraries()
    began, lost, resumed, unequal = time.monotonic(), 0, 0, 0
    tried: Counter[tuple[str, str, str]] = Counter()
    with tempfile.TemporaryDirectory() as folder:
        world = build_world(Path(folder))
        end = options.first + options.points
        points = draw_points(world.undisturbed, end, options.seed)
        for number, point in enumerate(points[options.first :], options.first):
            run = kill_at(world, point)
            left, fault = _left(run, point), what_is_lost(world, run, point)
            lost += fault is not None
            tried[point.kind, point.phase, left] += 1
            interrupted = sum(count for (*_, how), count in tried.items() if how == "interrupted")
            if fault is None and left == "interrupted" and interrupted % options.resume == 0:
                resumed += 1
                fault = _fault_of_resumed(world, run, point)
                unequal += fault is not None
            print(f"{number + 1}/{end} {point.phase}: {left}", file=sys.stderr, flush=True)
            if fault:
                print(f"{number}: {point}: {fault}", flush=True)
    killed = sum(count for (*_, how), count in tried.items() if how != ENDED)
    for (kind, phase, left), count in sorted(tried.items()):
        print(f"{count:4d}  {kind:9}  {phase:10}  {left}")
    print(
        f"Kill points tried: {killed}; runs lost: {lost}; resumed to the end: {resumed}, other "
        f"than an undisturbed run: {unequal}; {time.monotonic() - began:.0f} s"
    )
    return 1 if lost or unequal else 0


def _left(run: RunDir, point: Point) -> str:
    """Return the outcome of a run, with a special one if it ended before the kill."""
    ended = point.kind == "moment" and point.victim == "training" and state(run) == "done"
    return ENDED if ended else state(run)


def _fault_of_resumed(world: World, run: RunDir, point: Point) -> str | None:
    resume(world, run)
    if state(run) != "done":
        return f"resumed, it is {state(run)!r}: {history_of(run).end}"
    expected = world.undisturbed[point.recipe].history
    return what_is_lost(world, run, point) or curve_fault(history_of(run), expected)


if __name__ == "__main__":
    sys.exit(main())
